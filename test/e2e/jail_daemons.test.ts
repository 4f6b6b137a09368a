/**
 * Daemons with namespaces of their own: outside of a jail, within one, in a chroot, on the host's root. What
 * they are told reaches them, how they end is known, and what they leave is gone.
 */
import { expect } from "bun:test";
import { copyFileSync } from "node:fs";
import { fixture } from "../fixtures/compile.ts";
import { busybox, busyboxRoot } from "./jail_root.ts";
import { expectMountsKept, levels, running, untilRunning } from "./jail_scene.ts";
import { check, pidNamespace, program, reeve, root } from "./need.ts";
import {
  allProcesses,
  commandLine,
  identify,
  inspect,
  isAlive,
  link,
  pidIn,
  type ProcessState,
  signal,
} from "./process.ts";
import { until } from "./wait.ts";

const NEEDS = [reeve, root, pidNamespace];

expectMountsKept();

check(
  "ns_pid: process 2 of a namespace of its own, whose TERM handler runs, and whose code arrives",
  NEEDS,
  async (scope) => {
    const script = scope.write(
      "daemon.sh",
      [
        'trap "echo got TERM; exit 7" TERM',
        `echo $$ > ${scope.path("pid")}`,
        `ls /proc | grep -c "^[0-9]" > ${scope.path("count")}`,
        "(trap '' TERM; while :; do sleep 82001; done) &",
        "while :; do sleep 0.01; done",
      ].join("\n"),
    );
    const config = scope.config([`attach-daemon2 = cmd=sh ${script},ns_pid=1,control=1,stop_timeout=5`]);
    const supervisor = scope.reeve(config);
    await scope.untilFile("count", /\d/);
    const left = await untilRunning(/^sleep 82001$/);
    expect(scope.read("pid")).toBe("2\n");
    expect(Number(scope.read("count"))).toBeLessThan(8);
    const init = descendantOf(supervisor.id.pid);
    expect(levels(init.pid)).toEqual([init.pid, 1]);
    await supervisor.untilLog(/reeve is up/);
    expect((await supervisor.stop()).code).toBe(7);
    expect(supervisor.log()).toContain("got TERM\n");
    expect(supervisor.log()).toMatch(/annihilated/);
    expect([init, left].map(isAlive)).toEqual([false, false]);
  },
);

function descendantOf(pid: number): ProcessState {
  // Beside the supervisor's own: its core and its second.
  const own = /^(?:reeve-core|rv-)/;
  const found = allProcesses().filter((one) => one.parent === pid && !own.test(one.name));
  expect(found).toHaveLength(1);
  return found[0]!;
}

check(
  "the end of a daemon with ns_pid: its own code, and 128 more than the signal that killed it",
  NEEDS,
  async (scope) => {
    const one = scope.reeve(
      scope.config(["attach-daemon2 = cmd=sh -c 'exit 42',ns_pid=1,control=1"], "one.ini"),
    );
    expect((await one.untilExit()).code).toBe(42);
    const text = "attach-daemon2 = cmd=sh -c 'kill -ABRT $$; sleep 1',ns_pid=1,control=1";
    const two = scope.reeve(scope.config([text], "two.ini"));
    const { code, output } = await two.untilExit();
    expect(code).toBe(134);
    expect(output).toContain("exited with code 134 (128 + ABRT)");
  },
);

check(
  "reeve is killed: a daemon with ns_pid, and all in its namespace, end with it",
  NEEDS,
  async (scope) => {
    const config = scope.config([
      "attach-daemon2 = cmd=sh -c '(trap \"\" TERM HUP; sleep 82011; :) & sleep 82012; :',ns_pid=1",
    ]);
    const supervisor = scope.reeve(config);
    const ids = [await untilRunning(/^sleep 82011$/), await untilRunning(/^sleep 82012$/)];
    await supervisor.kill();
    for (const id of ids) await until("it is gone", () => !isAlive(id));
  },
);

check("a smart daemon with ns_pid outlives reeve and is adopted with its namespace", NEEDS, async (scope) => {
  const config = scope.config([
    `attach-daemon2 = cmd=sleep 82021,pidfile=${scope.path("d.pid")},daemonize=1,ns_pid=1`,
  ]);
  const first = scope.reeve(config);
  await first.untilLog(/reeve is up/);
  const daemon = await untilRunning(/^sleep 82021$/);
  scope.track(identify(pidIn(scope.path("d.pid"))!));
  await first.kill();
  const second = scope.reeve(config);
  await second.untilLog(/found valid\/active pidfile/);
  await second.untilLog(/reeve is up/);
  expect(running(/^sleep 82021$/).map(({ pid }) => pid)).toEqual([daemon.pid]);
  expect((await second.stop("SIGQUIT")).code).toBe(0);
});

check(
  "a daemon's own hostname, tmpfs, read-only view, capabilities and no_new_privs",
  NEEDS,
  async (scope) => {
    const shared = scope.directoryFor("shared");
    scope.directoryFor("plain");
    const script = scope.write(
      "look.sh",
      [
        `exec > ${shared}/out 2>&1`,
        "hostname",
        `touch ${scope.path("plain/x")} && echo plain is writable`,
        "touch /tmp/mine && ls /tmp",
        "grep -E '^(CapBnd|NoNewPrivs)' /proc/self/status",
        "echo done",
        "exec sleep 82031",
      ].join("\n"),
    );
    const config = scope.config([
      `attach-daemon2 = cmd=sh ${script},hostname=inner,tmpfs=/tmp/inner;/run/inner,keep=${shared},readonly=1,caps=chown;setuid,no_new_privs=1`,
    ]);
    const host = (await scope.run(["hostname"])).output;
    const supervisor = scope.reeve(config);
    await supervisor.untilLog(/reeve is up/);
    await scope.untilFile("shared/out", /done/);
    const out = scope.read("shared/out");
    expect(out).toStartWith("inner\n");
    expect(out).not.toContain("plain is writable");
    expect(out).toContain("Read-only file system");
    expect(out).toMatch(/^CapBnd:\t0+81$/m);
    expect(out).toMatch(/^NoNewPrivs:\t1$/m);
    expect((await scope.run(["hostname"])).output).toBe(host);
    expect((await supervisor.stop()).code).toBe(0);
  },
);

check("ns_pid within a jail: a third level, with the jail's hostname, and gone with the jail's init", [
  ...NEEDS,
  busybox,
], async (scope) => {
  const config = scope.config([
    `namespace = ${busyboxRoot(scope)}:box`,
    "attach-daemon2 = cmd=sh -c 'hostname > /tmp/host; echo $$ > /tmp/pid; exec sleep 82041',ns_pid=1",
    "attach-daemon2 = cmd=sh -c 'echo x > /tmp/hidden; echo x > /run/seen; exec sleep 82042',tmpfs=/tmp",
  ]);
  const supervisor = scope.reeve(config);
  await supervisor.untilLog(/reeve is up/);
  const daemon = await untilRunning(/^sleep 82041$/);
  const other = await untilRunning(/^sleep 82042$/);
  await scope.untilFile("root/run/seen", /x/);
  expect(scope.read("root/tmp/hidden")).toBe("");
  expect(scope.read("root/tmp/host")).toBe("box\n");
  expect(scope.read("root/tmp/pid")).toBe("2\n");
  expect(levels(daemon.pid)).toHaveLength(3);
  expect(levels(other.pid)).toHaveLength(2);
  const init = identify(Number(/the jail is made pid=(\d+)/.exec(supervisor.log())![1]))!;
  const from = supervisor.log().length;
  signal(init, "SIGKILL");
  await supervisor.untilLog(/the jail is made pid=/, { from });
  await until(
    "another runs in the new jail",
    () => running(/^sleep 82041$/).some(({ pid }) => pid !== daemon.pid),
  );
  expect(isAlive(daemon)).toBe(false);
  expect((await supervisor.stop()).code).toBe(0);
  expect(running(/^sleep 8204/)).toEqual([]);
});

check(
  "chroot: each daemon and hook in the root, no init, smart daemons outlive reeve",
  [...NEEDS, busybox],
  async (scope) => {
    busyboxRoot(scope);
    const config = scope.config([
      `chroot = ${scope.path("root")}`,
      "exec-pre-jail = echo OUTSIDE `ls -d /proc/1`",
      "exec-as-root = echo hook > /tmp/hook",
      "smart-attach-daemon2 = /run/smart.pid sleep 82051",
      "attach-daemon2 = cmd=sh -c 'echo $PATH > /tmp/path; exec sleep 82052',chdir=/tmp",
    ]);
    const supervisor = scope.reeve(config);
    await supervisor.untilLog(/reeve is up/);
    const smart = await untilRunning(/^sleep 82051$/);
    const dumb = await untilRunning(/^sleep 82052$/);
    scope.track(smart);
    expect(link(dumb.pid, "root")).toBe(scope.path("root"));
    expect(link(dumb.pid, "cwd")).toBe(scope.path("root/tmp"));
    expect(link(dumb.pid, "ns/mnt")).toBe(link(process.pid, "ns/mnt"));
    expect(supervisor.log()).toContain("OUTSIDE /proc/1\n");
    expect(scope.read("root/tmp/hook")).toBe("hook\n");
    expect(scope.read("root/tmp/path")).toBe(
      "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n",
    );
    expect(pidIn(scope.path("root/run/smart.pid"))).toBe(smart.pid);
    expect((await supervisor.stop()).code).toBe(0);
    expect([smart, dumb].map(isAlive)).toEqual([true, false]);
  },
);

check("namespaces without a new root: the host's files, and a /proc of its own", NEEDS, async (scope) => {
  const config = scope.config([
    "namespace = /:inner",
    `attach-daemon2 = cmd=sh -c 'hostname > ${scope.path("host")}; ls /proc > ${
      scope.path("proc")
    }; exec sleep 82061'`,
  ]);
  const supervisor = scope.reeve(config);
  await supervisor.untilLog(/reeve is up/);
  const daemon = await untilRunning(/^sleep 82061$/);
  expect(scope.read("host")).toBe("inner\n");
  expect(scope.read("proc").split("\n").filter((name) => /^\d+$/.test(name)).length).toBeLessThan(6);
  expect(levels(daemon.pid)).toHaveLength(2);
  expect((await supervisor.stop()).code).toBe(0);
});

check(
  "unshare without a PID namespace: shared by all daemons, held by an init, and ended with it",
  NEEDS,
  async (scope) => {
    const config = scope.config([
      "unshare = uts,ipc,fs",
      "attach-daemon = sleep 82071",
      "attach-daemon = sleep 82072",
      `smart-attach-daemon2 = ${scope.path("smart.pid")} sleep 82073`,
    ]);
    const supervisor = scope.reeve(config);
    await supervisor.untilLog(/reeve is up/);
    const init = identify(Number(/the jail is made pid=(\d+)/.exec(supervisor.log())![1]))!;
    const daemons = await Promise.all([/^sleep 82071$/, /^sleep 82072$/, /^sleep 82073$/].map(untilRunning));
    for (const kind of ["uts", "ipc", "mnt"]) {
      for (const one of daemons) expect(link(one.pid, `ns/${kind}`)).toBe(link(init.pid, `ns/${kind}`));
      expect(link(init.pid, `ns/${kind}`)).not.toBe(link(process.pid, `ns/${kind}`));
    }
    expect(levels(init.pid)).toHaveLength(1);
    const from = supervisor.log().length;
    signal(init, "SIGKILL");
    const next = Number((await supervisor.untilLog(/the jail is made pid=(\d+)/, { from }))[1]);
    await until(
      "all daemons are in the new one",
      () =>
        [/^sleep 82071$/, /^sleep 82072$/, /^sleep 82073$/].every((pattern) => {
          const found = running(pattern);
          return found.length === 1 && link(found[0]!.pid, "ns/uts") === link(next, "ns/uts");
        }),
    );
    expect((await supervisor.stop()).code).toBe(0);
    expect(running(/^sleep 8207/)).toEqual([]);
    expect(inspect(next)).toBeNull();
  },
);

check("setns: a daemon joins the namespaces of a process, or one of a file", [
  ...NEEDS,
  program("unshare", "util-linux"),
], async (scope) => {
  const holder = scope.start(["unshare", "--net", "--uts", "sleep", "82081"]);
  await until(
    "its namespaces are made",
    () =>
      commandLine(holder.outer.pid)[0] === "sleep" &&
      link(holder.outer.pid, "ns/net") !== link(process.pid, "ns/net"),
  );
  const { pid } = holder.outer;
  const config = scope.config([
    `attach-daemon2 = cmd=sleep 82082,setns=${pid}`,
    `attach-daemon2 = cmd=sleep 82083,setns=/proc/${pid}/ns/net`,
    "attach-daemon2 = cmd=sleep 82084,setns=4194303,freq=1",
  ]);
  const supervisor = scope.reeve(config);
  await supervisor.untilLog(/cannot join the namespaces of process 4194303: there is no such process/);
  const [both, one] = [await untilRunning(/^sleep 82082$/), await untilRunning(/^sleep 82083$/)];
  for (const daemon of [both, one]) expect(link(daemon.pid, "ns/net")).toBe(link(pid, "ns/net"));
  expect(link(both.pid, "ns/uts")).toBe(link(pid, "ns/uts"));
  expect(link(one.pid, "ns/uts")).toBe(link(process.pid, "ns/uts"));
  expect((await supervisor.stop()).code).toBe(0);
});

check(
  "a daemon's own root: made for it alone, and read-only where that is asked for",
  [...NEEDS, busybox],
  async (scope) => {
    busyboxRoot(scope);
    copyFileSync(fixture("print_state"), scope.path("root/bin/print_state"));
    const config = scope.config([
      `attach-daemon2 = cmd=sh -c 'touch /x; echo $? > /tmp/result; ls /proc > /tmp/list; exec sleep 82091',root=${
        scope.path("root")
      },ns=pid;uts,tmpfs=/run,keep=${scope.directoryFor("out")}:/tmp,readonly=1`,
    ]);
    const supervisor = scope.reeve(config);
    await supervisor.untilLog(/reeve is up/);
    const daemon = await untilRunning(/^sleep 82091$/);
    expect(scope.read("out/result")).toBe("1\n");
    expect(scope.read("out/list").split("\n").filter((name) => /^\d+$/.test(name)).length).toBeLessThan(6);
    expect(scope.read("root/x")).toBe("");
    expect(levels(daemon.pid)).toHaveLength(2);
    expect((await supervisor.stop()).code).toBe(0);
  },
);

check("a jail's user namespace: root inside, and no right over what the host made", NEEDS, async (scope) => {
  const config = scope.config([
    "unshare = user,pid,fs",
    `attach-daemon2 = cmd=sh -c 'id -u > ${scope.path("id")}; mount -t tmpfs none /mnt; echo $? > ${
      scope.path("mounted")
    }; exec sleep 82101'`,
  ]);
  const supervisor = scope.reeve(config);
  await supervisor.untilLog(/reeve is up/);
  const daemon = await untilRunning(/^sleep 82101$/);
  expect(link(daemon.pid, "ns/user")).not.toBe(link(process.pid, "ns/user"));
  expect(scope.read("id")).toBe("0\n");
  expect(Number(scope.read("mounted"))).toBeGreaterThan(0);
  expect((await supervisor.stop()).code).toBe(0);
});

check("setns of the instance: into the namespaces of a process, that of its pids included", [
  ...NEEDS,
  program("unshare", "util-linux"),
], async (scope) => {
  const words = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
  const holder = scope.start([...words, "sh", "-c", "sleep 82110 & exec sleep 82111"]);
  const inner = await untilRunning(/^sleep 82111$/);
  const beside = await untilRunning(/^sleep 82110$/);
  const config = scope.config([
    `setns = ${inner.pid}`,
    `attach-daemon2 = cmd=sh -c 'ls /proc > ${scope.path("proc")}; exec sleep 82112'`,
  ]);
  const supervisor = scope.reeve(config);
  await supervisor.untilLog(/reeve is up/);
  const daemon = await untilRunning(/^sleep 82112$/);
  for (const kind of ["pid", "mnt"]) {
    expect(link(daemon.pid, `ns/${kind}`)).toBe(link(inner.pid, `ns/${kind}`));
  }
  expect(scope.read("proc").split("\n").filter((name) => /^\d+$/.test(name)).length).toBeLessThan(8);
  expect((await supervisor.stop()).code).toBe(0);
  expect([holder.outer, inner, beside].map(isAlive)).toEqual([true, true, true]);
});

check("a crowd of daemons with ns_pid in a jail: each is the process that reeve takes it for", [
  ...NEEDS,
  busybox,
], async (scope) => {
  const count = 60;
  const config = scope.config([
    `namespace = ${busyboxRoot(scope)}`,
    ...Array.from({ length: count }, (_, index) => `attach-daemon2 = cmd=sleep ${82200 + index},ns_pid=1`),
  ]);
  const supervisor = scope.reeve(config);
  await supervisor.untilLog(/reeve is up/);
  await until("all run", () => running(/^sleep 822\d\d$/).length === count);
  for (const one of running(/^sleep 822\d\d$/)) {
    expect(levels(one.pid)).toHaveLength(3);
    expect(inspect(one.parent)!.parent).toBe(supervisor.id.pid);
  }
  expect(supervisor.log()).not.toMatch(/warning|error/);
  expect((await supervisor.stop()).code).toBe(0);
  expect(running(/^sleep 822\d\d$/)).toEqual([]);
});
