/**
 * The configuration that uWSGI documents for a dropbear inside a namespace, unchanged but for the root's
 * path, on roots of two kinds: who has the key logs in, has a terminal, and is in the jail and nowhere else.
 */
import { afterEach, beforeEach, expect } from "bun:test";
import { DROPBEAR, listens, logIn, overSsh, PORT, SSH_ROOTS } from "./jail_dropbear.ts";
import { hostMounts } from "./jail_root.ts";
import { check, pidNamespace, reeve, root } from "./need.ts";
import { allProcesses, descendants, identify, isAlive, link, signal } from "./process.ts";
import { until } from "./wait.ts";

let mounts = "";
beforeEach(() => {
  mounts = hostMounts();
});
afterEach(() => {
  expect(hostMounts()).toBe(mounts);
});

/** What busybox adds asks the terminal where its cursor is. */
const PROMPT = /[#$] (?:\x1b\[6n)?$/;

for (const { name, needs, make } of SSH_ROOTS) {
  check(`dropbear in a jail on ${name}: a login with a key, a terminal, an exit code, an end`, [
    reeve,
    root,
    pidNamespace,
    ...needs,
  ], async (scope) => {
    const made = await make(scope);
    const config = scope.config([
      `namespace = ${made.root}/:testns`,
      "namespace-keep-mount = /dev/pts",
      "socket = :3031",
      "exec-as-root = chown -R www-data /etc/dropbear",
      `attach-daemon = ${DROPBEAR} -j -k -p ${PORT} -E -F -I 300`,
    ]);
    const supervisor = scope.reeve(config, made.options);
    const found = await supervisor.untilLog(/the jail is made pid=(\d+)/);
    const init = identify(Number(found[1]))!;
    scope.track(init);
    const { pid } = supervisor.id;
    await until("dropbear listens", () => listens(pid), { explain: () => scope.explain() });

    const plain = await overSsh(scope, pid, "stat -c %U /etc/dropbear; exit 9");
    expect(plain.output).toMatch(/^www-data$/m);
    expect(plain.code).toBe(9);

    const login = await logIn(scope, pid, PROMPT);
    // Not what was typed, but what was printed.
    const [, terminal] = await login.type("tty\r", /^(\/dev\/pts\/\d+)\r$/m);
    expect(terminal).toMatch(/pts/);
    await login.type("hostname\r", /^testns\r$/m);
    await login.type("echo $$-$((6*7))\r", /^\d{1,3}-42\r$/m); // a pid of the jail
    const [, processes] = await login.type("echo /proc/[0-9]* end\r", /^(\/proc\/.*) end\r$/m);
    const seen = (processes ?? "").split(" ").map((path) => Number(path.slice("/proc/".length)));
    expect(Math.max(...seen)).toBeLessThan(200); // the host's go further
    const [, points] = await login.type(
      "cat /proc/self/mountinfo | while read a b c d point rest; do echo at=$point; done; echo told-$((40+2))\r",
      /^((?:at=.*\r\n)+)told-42\r$/m,
    );
    const own = (points ?? "").split("\r\n").filter((line) => line !== "").map((line) => line.slice(3));
    expect(own.filter((point) => !point.startsWith("/dev/"))).toEqual(["/", "/proc"]);
    await login.type("setsid sleep 83001 &\r", PROMPT);
    const orphan = await until(
      "what the login left",
      () =>
        allProcesses().find((one) =>
          one.name === "sleep" && link(one.pid, "ns/pid") === link(init.pid, "ns/pid")
        ),
    );
    await login.type("exit 7\r", /closed|exited|logout|\r\n$/i);
    expect(await login.ended()).toBe(7);
    await until(
      "the connection's processes are gone",
      () => descendants(pid).filter((one) => one.name === "dropbear").length === 1,
    );
    expect(signal(orphan, "SIGKILL")).toBe(true);
    await until("the orphan has been reaped", () => identify(orphan.pid) === null);

    const all = [...descendants(pid), init];
    expect((await supervisor.stop()).code).toBe(0);
    expect(all.filter(isAlive)).toEqual([]);
  }, 240); // a root may have to be built first
}
