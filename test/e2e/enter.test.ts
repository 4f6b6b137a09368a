/**
 * reeve enter: who is met inside, what is to be seen there, how its end is told, and that the terminal of the
 * person who entered is afterwards what it was.
 */
import { decode, encode } from "../../lib/records/codec.ts";
import { JAIL_RECORD } from "../../lib/records/jail_record.ts";
import { describe, expect } from "bun:test";
import { symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { busyboxRoot } from "./jail_root.ts";
import { expectMountsKept, untilRunning } from "./jail_scene.ts";
import { check, REEVE } from "./need.ts";
import { inspect, isAlive } from "./process.ts";
import { until } from "./wait.ts";
import { enter, jailed, jailedAgain, NEEDS } from "./enter_scene.ts";

expectMountsKept();

describe("reeve enter", () => {
  check("a command in a jail: its hostname, processes, environment, descriptors", NEEDS, async (scope) => {
    const supervisor = await jailed(scope, ["env = MINE=1", "chdir = /tmp", "attach-daemon = sleep 91001"]);
    const script = "hostname; id -u; echo /proc/[0-9]*; env; ls /proc/self/fd";
    const { code, output } = await scope.run(
      [REEVE, "enter", "-c", scope.path("test.ini"), "--", "sh", "-c", script],
      { environment: { SECRET_OF_THE_HOST: "x", TERM: "vt100" } },
    );
    expect(code).toBe(0);
    expect(output).toMatch(/^box\n0\n\/proc\/1 \/proc\/\d+ \/proc\/\d+\n/);
    expect(output).toContain("PWD=/tmp\n");
    expect(output).not.toContain("SECRET_OF_THE_HOST");
    for (const line of ["MINE=1", "TERM=vt100", "LANG=C.UTF-8"]) expect(output).toContain(`${line}\n`);
    // 3 is the directory that ls itself reads.
    expect(output).toEndWith("0\n1\n2\n3\n");
    expect((await supervisor.stop()).code).toBe(0);
  });

  check(
    "its exit code is that of the command, 128 more than the signal that killed it",
    NEEDS,
    async (scope) => {
      await jailed(scope, ["attach-daemon = sleep 91011"]);
      expect((await enter(scope, ["--", "sh", "-c", "exit 7"])).code).toBe(7);
      expect((await enter(scope, ["--", "sh", "-c", "kill -KILL $$"])).code).toBe(137);
      const missing = await enter(scope, ["--", "/nonesuch"]);
      expect(missing.code).toBe(127);
      expect(missing.output).toContain('cannot run "/nonesuch" in the jail: exec "/nonesuch"');
      const noProgram = await enter(scope, ["--", "/etc"]);
      expect(noProgram.code).toBe(126);
      unlinkSync(scope.path("root/bin/sh"));
      const noShell = await enter(scope, []);
      expect(noShell.code).toBe(127);
      expect(noShell.output).toBe(
        'cannot enter: there is no /bin/sh inside: name a command that is there, behind "--"\n',
      );
    },
  );

  check("without a terminal: the shell reads what it is given", NEEDS, async (scope) => {
    await jailed(scope, ["attach-daemon = sleep 91021"]);
    const { code, output } = await scope.run(
      ["sh", "-c", 'echo "hostname; exit 3" | "$0" enter -c "$1"', REEVE, scope.path("test.ini")],
    );
    expect([code, output]).toEqual([3, "box\n"]);
  });

  check(
    "who it is: as the daemons are, as one of them is, or as a user of the jail's passwd",
    NEEDS,
    async (scope) => {
      await jailed(scope, [
        "uid = guest",
        "gid = guest",
        "attach-daemon2 = name=plain,cmd=sleep 91031",
        "attach-daemon2 = name=other,cmd=sleep 91032,uid=4400,gid=4401,caps=chown,no_new_privs=1,env=OWN=1;HOME=/own",
      ]);
      const id = ["--", "sh", "-c", "echo $(id -u):$(id -g) $(id -G)"];
      expect((await enter(scope, id)).output).toBe("4321:4322 4322\n");
      expect((await enter(scope, ["plain", ...id])).output).toBe("4321:4322 4322\n");
      expect((await enter(scope, ["other", ...id])).output).toStartWith("4400:4401");
      expect((await enter(scope, ["--user", "root", ...id])).output).toBe("0:0 0\n");
      expect((await enter(scope, ["-u", "77", ...id])).output).toBe("77:77 77\n");
      expect((await enter(scope, ["--user=guest:9", ...id])).output).toBe("4321:9 9\n");
      const variables = ["--", "sh", "-c", "echo $OWN $HOME"];
      expect((await enter(scope, ["other", ...variables])).output).toBe("1 /own\n");
      expect((await enter(scope, ["plain", ...variables])).output).not.toContain("1");
      const { output } = await enter(scope, ["--user=0", "other", "--", "cat", "/proc/self/status"]);
      expect(output).toMatch(/^CapBnd:\t0000000000000001$/m);
      expect(output).toMatch(/^NoNewPrivs:\t1$/m);
      const unknown = await enter(scope, ["--user", "nobody-here", ...id]);
      expect(unknown.code).toBe(1);
      expect(unknown.output).toContain('there is no user "nobody-here" inside');
    },
  );

  check("a daemon with namespaces of its own, in a jail and without one", NEEDS, async (scope) => {
    await jailed(scope, [
      "attach-daemon2 = name=two,cmd=sleep 91041,ns_pid=1,hostname=own",
      "attach-daemon2 = name=plain,cmd=sleep 91042",
    ]);
    const look = ["--", "sh", "-c", "hostname; cat /proc/1/comm /proc/2/cmdline"];
    expect((await enter(scope, ["two", ...look])).output).toBe("own\nreeve-init\nsleep\x0091041\0");
    expect((await enter(scope, ["plain", "--", "hostname"])).output).toBe("box\n");

    const config = scope.write(
      "bare.ini",
      [
        "[uwsgi]",
        `run-dir = ${scope.path("run2")}`,
        `attach-daemon2 = name=alone,cmd=/bin/sleep 91043,root=${scope.path("root")},ns_pid=1,hostname=alone`,
        "attach-daemon2 = name=plain,cmd=sleep 91044",
        "",
      ].join("\n"),
    );
    const bare = scope.reeve(config);
    await bare.untilLog(/reeve is up/);
    const words = [REEVE, "enter", "-c", config];
    expect((await scope.run([...words, "alone", "--", "hostname"])).output).toBe("alone\n");
    // In another root each reeve has mounts of its own: then there is.
    if (process.env["REEVE_ROOT"] === undefined) {
      const { output } = await scope.run([...words, "plain", "--", "hostname"]);
      expect(output).toContain("there is nothing to enter");
    }
    const none = await scope.run(words);
    expect(none.output).toBe(
      'cannot enter: the instance "bare" has no jail: name a daemon that has namespaces of its own ("alone")\n',
    );
    expect(none.code).toBe(1);
  });

  check(
    "where daemons have reeve's own environment it is the running reeve's, and not that of who enters",
    NEEDS,
    async (scope) => {
      const config = scope.config([
        `namespace = ${busyboxRoot(scope)}`,
        "namespace-env = inherit",
        "env = MINE=1",
        "attach-daemon = sleep 91045",
      ]);
      const supervisor = scope.reeve(config, { environment: { OF_REEVE: "1", TERM: "other" } });
      await supervisor.untilLog(/reeve is up/);
      const mine = { environment: { OF_THE_PERSON: "1", TERM: "vt100" } };
      for (const reloads of ["0", "1"]) {
        const { output } = await scope.run([REEVE, "enter", "-c", config, "--", "env"], mine);
        const lines = output.split("\n");
        for (const line of ["MINE=1", "OF_REEVE=1", "TERM=vt100", `UWSGI_RELOADS=${reloads}`]) {
          expect(lines).toContain(line);
        }
        expect(output).not.toMatch(/OF_THE_PERSON|REEVE_INTERNAL|^BUN_/m);
        const from = supervisor.log().length;
        supervisor.signal("SIGHUP");
        await supervisor.untilLog(/reeve is back/, { from });
      }
    },
  );

  check("a chroot, and the option's own words for what is not there", NEEDS, async (scope) => {
    const rootDirectory = busyboxRoot(scope);
    const config = scope.config([`chroot = ${rootDirectory}`, "attach-daemon = sleep 91051"]);
    expect((await enter(scope, [])).output).toBe(
      `cannot enter: the instance "test" does not run: nothing holds its run directory "${
        scope.path("run")
      }"\n`,
    );
    const supervisor = scope.reeve(config);
    await supervisor.untilLog(/reeve is up/);
    expect((await enter(scope, ["--", "ls", "/"])).output).toBe("bin\ndev\netc\nproc\nrun\ntmp\n");
    expect((await enter(scope, ["slep", "--", "ls"])).output).toBe(
      'cannot enter: the instance "test" has no daemon "slep": did you mean "sleep"?\n',
    );
    expect((await enter(scope, ["--no-such"])).code).toBe(2);
    expect((await enter(scope, ["a", "b"])).code).toBe(2);
    const other = await enter(scope, ["--", "ls"], ["setpriv", "--reuid=4321", "--clear-groups"]);
    expect([other.code, other.output]).toEqual([
      1,
      "cannot enter: it takes root, who alone may join the namespaces of others\n",
    ]);
  });

  check(
    "after reeve was killed the jail can be entered still; after its end it cannot",
    NEEDS,
    async (scope) => {
      const supervisor = await jailed(scope, [
        "attach-daemon2 = cmd=sleep 91061,pidfile=/run/d.pid,daemonize=1",
      ]);
      const init = Number(/the jail is made pid=(\d+)/.exec(supervisor.log())?.[1]);
      const id = inspect(init)!;
      scope.track(id);
      await supervisor.kill();
      expect((await enter(scope, ["--", "hostname"])).output).toBe("box\n");
      const next = scope.reeve(scope.path("test.ini"));
      await next.untilLog(/reeve is up/);
      expect((await next.stop()).code).toBe(0);
      expect((await enter(scope, [])).output).toContain("does not run");
    },
  );

  check("a record that names another process's pid is not believed", NEEDS, async (scope) => {
    const supervisor = await jailed(scope, ["attach-daemon = sleep 91071"]);
    const record = decode(JAIL_RECORD, scope.read("run/jail"));
    const { pid, start } = inspect(process.pid)!;
    writeFileSync(
      scope.path("run/jail"),
      encode(JAIL_RECORD, { ...record, identity: { ...record.identity, pid, startTime: BigInt(start) } }),
    );
    const { code, output } = await enter(scope, ["--", "hostname"]);
    expect(code).toBe(1);
    expect(output).toContain("the jail is not the one on record");
    await supervisor.stop();
  });

  check(
    "root without capabilities cannot set what is the whole host's, in a jail and in a /proc of its own",
    NEEDS,
    async (scope) => {
      busyboxRoot(scope);
      await jailedAgain(scope, [
        "cap = chown,setuid,setgid",
        "attach-daemon2 = name=one,cmd=sleep 91087",
        "attach-daemon2 = name=own,cmd=sleep 91088,ns_pid=1",
      ]);
      const config = scope.write(
        "bare.ini",
        [
          "[uwsgi]",
          `run-dir = ${scope.path("run2")}`,
          `attach-daemon2 = name=bare,cmd=/bin/sleep 91089,root=${
            scope.path("root")
          },ns_pid=1,caps=setuid;setgid`,
          "",
        ].join("\n"),
      );
      const bare = scope.reeve(config);
      await bare.untilLog(/reeve is up/);
      const write =
        "x=$(cat /proc/sys/kernel/core_pattern); id -u; echo $x > /proc/sys/kernel/core_pattern && echo WRITTEN; exit 6";
      const places = [["test.ini"], ["test.ini", "one"], ["test.ini", "own"], ["bare.ini", "bare"]];
      for (const [file = "", ...daemon] of places) {
        const words = [REEVE, "enter", "-c", scope.path(file), ...daemon, "--", "sh", "-c", write];
        const { code, output } = await scope.run(words);
        expect(output).toStartWith("0\n");
        expect(output).toMatch(/read-only file system/i);
        expect(output).not.toContain("WRITTEN");
        expect(code).toBe(6);
      }
    },
  );

  check(
    "root of a jail with a user namespace can change nothing that is the whole host's, nor make it changeable",
    NEEDS,
    async (scope) => {
      busyboxRoot(scope);
      for (const name of ["mount", "umount", "unshare"]) symlinkSync("busybox", scope.path("root/bin", name));
      await jailedAgain(scope, ["unshare = user", "attach-daemon = sleep 91085"]);
      // Were it possible, it would be set to what it is.
      const write =
        "x=$(cat /proc/sys/kernel/core_pattern); echo $x > /proc/sys/kernel/core_pattern && echo WRITTEN";
      const tries = [
        write,
        `mount -o remount,rw /proc/sys; umount /proc/sys; ${write}`,
        `mount -t proc proc /tmp && echo MOUNTED`,
        `unshare -m sh -c 'umount /proc/sys; mount -o bind,remount,rw /proc/sys; mount -t proc proc /tmp; ${write}'`,
        "hostname other && echo RENAMED",
        "exit 6",
      ];
      const { code, output } = await enter(scope, ["--", "sh", "-c", tries.join("\n")]);
      expect(output).not.toMatch(/WRITTEN|MOUNTED|RENAMED/);
      expect(output).toContain("Read-only file system");
      expect(code).toBe(6);
    },
  );

  check("told to end: the command is told as well, and its end waited for", NEEDS, async (scope) => {
    await jailed(scope, ["attach-daemon = sleep 91081"]);
    const script = 'trap "echo told; exit 5" TERM; echo ready; while :; do sleep 0.02; done';
    const inside = scope.reeve(["enter", "-c", scope.path("test.ini"), "--", "sh", "-c", script]);
    await inside.untilLog(/ready/);
    inside.signal("SIGTERM");
    const { code, output } = await inside.untilExit();
    expect(code).toBe(143);
    expect(output).toEndWith("told\n");
    const deaf = scope.reeve(["enter", "-c", scope.path("test.ini"), "--", "sleep", "91082"]);
    const sleeper = await untilRunning(/^sleep 91082$/);
    await deaf.kill();
    await until("what it ran is gone", () => !isAlive(sleeper));
  });

  check("the one instance that runs needs no -c", NEEDS, async (scope) => {
    const rootDirectory = busyboxRoot(scope);
    scope.write("named.ini", `[uwsgi]\nnamespace = ${rootDirectory}:box\nattach-daemon = sleep 91091\n`);
    // A /run of its own, so that no other test's instance is in it.
    const inside = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh"];
    const script = [
      ": > named.log",
      `"$0" named.ini >> named.log 2>&1 & reeve=$!`,
      'for i in $(seq 500); do grep -q "reeve is up" named.log && break; sleep 0.02; done',
      `"$0" enter -- hostname`,
      "kill $reeve; wait $reeve",
      `"$0" enter -- hostname`,
    ].join("\n");
    const { output } = await scope.run([...inside, "sh", "-c", script, REEVE]);
    expect(output).toBe(
      "box\ncannot enter: no instance runs that has its run directory in /run/reeve: say which with -c CONFIG\n",
    );
  });
});
