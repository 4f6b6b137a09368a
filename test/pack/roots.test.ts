/** The packed executable on hosts that have no C library, or another one: started, supervising, reloading. */
import { expect } from "bun:test";
import { chmodSync, copyFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { check, file, type Need, program, REEVE, reeve, root } from "../e2e/need.ts";
import { environment, link } from "../e2e/process.ts";
import { until } from "../e2e/wait.ts";
import { BUSYBOX, type Inside, type Kind, MUSL, Root, type Running } from "./roots.ts";

const NEEDS = [root, reeve];
const busybox = file(BUSYBOX, `needs "${BUSYBOX}"; apt-get install busybox-static`);
const musl = file(MUSL, `needs "${MUSL}"; apt-get install musl`);
const KINDS: readonly (readonly [Kind, readonly Need[]])[] = [
  ["empty", []],
  ["empty with /dev", []],
  ["busybox", [busybox]],
  ["Alpine's layout", [busybox, musl]],
  ["with a glibc of its own", [file("/bin/dash", "needs /bin/dash; apt-get install dash")]],
];
const PLACES: readonly (readonly [string, Inside])[] = [
  ["as PID 1 of a pivoted root", { first: true, pivot: true }],
  ["below PID 1 of a pivoted root", { first: false, pivot: true }],
  ["as PID 1 in a chroot", { first: true, pivot: false }],
];

const DAEMON = "[uwsgi]\nattach-daemon = /hang\n";

/** A program that needs musl's loader and its libc.so. */
function compileWithMusl(output: string): void {
  const source = `long write(int, const void *, unsigned long); int pause(void);
    void _start(void) { write(1, "greetings from musl\\n", 20); for (;;) pause(); }`;
  const flags = [
    "-O1",
    "-fno-stack-protector",
    "-nostdlib",
    "-no-pie",
    "-x",
    "c",
    "-",
    "-x",
    "none",
    `-L${dirname(MUSL)}`,
    "-lc",
  ];
  const loader = "-Wl,-dynamic-linker,/lib/ld-musl-x86_64.so.1";
  const result = Bun.spawnSync(["cc", ...flags, loader, "-o", output], { stdin: Buffer.from(source) });
  if (!result.success) throw new Error(`cannot compile with musl: ${result.stderr.toString()}`);
}

/** Start, reload, stop: and a daemon each time. */
async function supervise(running: Running): Promise<void> {
  await running.untilText(/reeve is up/);
  const [first] = await until("the daemon runs", () => some(running.inside("hang")));
  const from = running.text().length;
  running.signal("SIGHUP");
  await running.untilText(/reeve is back/, from);
  await until("another daemon runs", () => some(running.inside("hang").filter((pid) => pid !== first)));
  running.signal("SIGTERM");
  expect(await running.exited).toBe(0);
  expect(running.text()).toMatch(/goodbye/);
}

function some(pids: readonly number[]): readonly number[] | null {
  return pids.length > 0 ? pids : null;
}

for (const [kind, needs] of KINDS) {
  check(
    `root ${kind}: prints its version, checks and plans a configuration`,
    [...NEEDS, ...needs],
    async () => {
      await using host = new Root(kind);
      host.write("/daemon.ini", DAEMON);
      const version = await host.run(["/reeve", "--version"]);
      expect(version.text).toMatch(/^reeve \d/);
      expect(version.status).toBe(0);
      expect((await host.run(["/reeve", "check", "/daemon.ini"])).status).toBe(0);
      const plan = await host.run(["/reeve", "plan", "/daemon.ini"]);
      expect(plan.text).toContain("/hang");
      expect(plan.status).toBe(0);
    },
  );

  for (const [place, inside] of PLACES) {
    check(`root ${kind}: supervises, reloads and stops ${place}`, [...NEEDS, ...needs], async () => {
      await using host = new Root(kind);
      host.write("/daemon.ini", DAEMON);
      await supervise(host.start(["/reeve", "/daemon.ini"], { inside }));
    });
  }
}

check(
  "root Alpine's layout: a daemon that musl's loader starts, and a shell",
  [...NEEDS, busybox, musl],
  async () => {
    await using host = new Root("Alpine's layout");
    compileWithMusl(join(host.path, "greet"));
    host.write(
      "/daemon.ini",
      '[uwsgi]\nattach-daemon = /greet\nattach-daemon = /bin/sh -c "env; exec sleep 86400"\n',
    );
    const running = host.start(["/reeve", "/daemon.ini"], { env: { PATH: "/bin", WITNESS: "seen" } });
    await running.untilText(/^WITNESS=seen$/m);
    await running.untilText(/^greetings from musl$/m);
    expect(running.text()).not.toMatch(/BUN_|LD_/);
    running.signal("SIGTERM");
    expect(await running.exited).toBe(0);
  },
);

check("root with a glibc of its own: daemons use that one, and reeve does not", NEEDS, async () => {
  await using host = new Root("with a glibc of its own");
  host.write(
    "/daemon.ini",
    '[uwsgi]\nattach-daemon = /bin/sh -c "echo the shell runs; while read word; do :; done; exec /hang"\n',
  );
  const running = host.start(["/reeve", "/daemon.ini"]);
  await running.untilText(/^the shell runs$/m);
  await until("the daemon runs", () => some(running.inside("hang")));
  const [pid] = running.inside("reeve");
  expect(await Bun.file(`/proc/${pid}/maps`).text()).not.toMatch(/\/libc\.so\.6/);
  running.signal("SIGTERM");
  expect(await running.exited).toBe(0);
});

check("no /proc: it says so, with what to do", NEEDS, async () => {
  await using host = new Root("empty");
  rmSync(join(host.path, "proc"), { recursive: true });
  expect(await host.run(["/reeve", "--version"])).toEqual({
    status: 127,
    text: "reeve: cannot start: there is no /proc: mount one (mount -t proc proc /proc)\n",
  });
});

check("an executable that its user may not read: it says so", NEEDS, async () => {
  await using host = new Root("empty");
  chmodSync(join(host.path, "reeve"), 0o711);
  const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const run = Bun.spawnSync([...nobody, "/bin/sh", "-c", 'exec "$0" --version', join(host.path, "reeve")]);
  chmodSync(host.path, 0o755);
  const again = Bun.spawnSync([...nobody, "/bin/sh", "-c", 'exec "$0" --version', join(host.path, "reeve")]);
  expect(run.exitCode).not.toBe(0);
  expect(again.stderr.toString()).toBe(
    "reeve: cannot start: its executable must be readable for its user: chmod 755\n",
  );
  expect(again.exitCode).toBe(127);
});

const HARD_STARTS: readonly (readonly [string, readonly string[], readonly Need[]])[] = [
  ["without address randomisation", ["setarch", "-R"], [program("setarch", "util-linux")]],
  ["with an unlimited stack", ["prlimit", "--stack=unlimited"], [program("prlimit", "util-linux")]],
  ["with few files", ["prlimit", "--nofile=20:20"], [program("prlimit", "util-linux")]],
];
for (const [name, wrap, needs] of HARD_STARTS) {
  check(`${name}: supervises, reloads and stops`, [...NEEDS, ...needs], async () => {
    await using host = new Root("empty");
    host.write("/daemon.ini", DAEMON);
    await supervise(host.start(["/reeve", "/daemon.ini"], { wrap }));
  });
}

check("LD_LIBRARY_PATH and LD_PRELOAD of the host: it starts, and its daemons see them", NEEDS, async () => {
  await using host = new Root("empty");
  host.write("/daemon.ini", DAEMON);
  host.write("/lib/libc.so.6", "no library at all");
  host.write("/lib/libm.so.6", "no library at all");
  const env = { LD_LIBRARY_PATH: "/lib:/nowhere", LD_PRELOAD: "/nowhere/libpreload.so" };
  const running = host.start(["/reeve", "/daemon.ini"], { env });
  await running.untilText(/reeve is up/);
  const [pid] = await until("the daemon runs", () => some(running.inside("hang")));
  expect(environment(pid ?? 0)).toMatchObject(env);
  expect(Object.keys(environment(pid ?? 0)).filter((name) => /^(BUN_|REEVE)/.test(name))).toEqual([]);
  running.signal("SIGTERM");
  expect(await running.exited).toBe(0);
});

check("the executable is removed while it runs: it reloads all the same", NEEDS, async () => {
  await using host = new Root("empty");
  host.write("/daemon.ini", DAEMON);
  const running = host.start(["/reeve", "/daemon.ini"]);
  await running.untilText(/reeve is up/);
  rmSync(join(host.path, "reeve"));
  await supervise(running);
});

check("the executable is replaced while it runs: it reloads all the same", NEEDS, async () => {
  await using host = new Root("empty");
  host.write("/daemon.ini", DAEMON);
  const running = host.start(["/reeve", "/daemon.ini"]);
  await running.untilText(/reeve is up/);
  copyFileSync(REEVE, join(host.path, "reeve.new"));
  renameSync(join(host.path, "reeve.new"), join(host.path, "reeve"));
  await supervise(running);
});

check("what is mapped is the executable alone: no library of the host", NEEDS, async () => {
  await using host = new Root("empty");
  host.write("/daemon.ini", DAEMON);
  const running = host.start(["/reeve", "/daemon.ini"]);
  await running.untilText(/reeve is up/);
  await until("the daemon runs", () => some(running.inside("hang")));
  const [pid] = running.inside("reeve");
  const maps = await Bun.file(`/proc/${pid}/maps`).text();
  const files = new Set([...maps.matchAll(/ (\/.*)$/gm)].map((match) => match[1]));
  expect(
    [...files].filter((name) => !/^\/(memfd:|dev\/zero|\[)/.test(name ?? "")).map((name) =>
      name?.split("/").at(-1)
    ),
  )
    .toEqual(["reeve"]);
  expect(link(pid ?? 0, "exe")).toMatch(/\/reeve$/);
});

for (
  const [name, redirections] of [["all streams", "<&- >&- 2>&-"], ["stdin", "<&-"], [
    "stdout and stderr",
    ">&- 2>&-",
  ]] as const
) {
  check(`${name} closed where there is no /dev/null: supervises and stops`, NEEDS, async () => {
    await using host = new Root("empty");
    host.write("/daemon.ini", "[uwsgi]\nattach-daemon = /hang /pid\n");
    const running = host.start(["/reeve", "/daemon.ini"], {
      wrap: ["sh", "-c", `exec "$@" ${redirections}`, "sh"],
    });
    await until("the daemon runs", () => /^\d+\n$/.test(host.read("/pid")) || null);
    const [pid] = running.inside("reeve");
    expect([0, 1, 2].every((fd) => link(pid ?? 0, `fd/${fd}`) !== null)).toBe(true);
    running.signal("SIGTERM");
    expect(await running.exited).toBe(0);
    expect(running.inside("hang")).toEqual([]);
  });
}

check(
  "variables that the runtime reads at its start: daemons see them as they were, or not at all",
  NEEDS,
  async () => {
    await using host = new Root("empty");
    host.write("/daemon.ini", DAEMON);
    for (const env of [{}, { A: "1", BUN_GC_TIMER_INTERVAL: "7", BUN_JSC_useRegExpJIT: "" }]) {
      // As PID 1 and below it: the two ways in which a core is made.
      for (const first of [true, false]) {
        const running = host.start(["/reeve", "/daemon.ini"], { env, inside: { first, pivot: true } });
        await running.untilText(/reeve is up/);
        const [pid] = await until("the daemon runs", () => some(running.inside("hang")));
        const { UWSGI_RELOADS, UWSGI_ORIGINAL_PROC_NAME, ...seen } = environment(pid ?? 0);
        expect([UWSGI_RELOADS, UWSGI_ORIGINAL_PROC_NAME]).toEqual(["0", "/reeve"]);
        expect(seen).toEqual(env);
        running.signal("SIGTERM");
        expect(await running.exited).toBe(0);
      }
    }
  },
);

check(
  "what the user starts is the core at once: its environment is the user's, without a capsule",
  NEEDS,
  async () => {
    await using host = new Root("empty");
    host.write("/daemon.ini", DAEMON);
    const running = host.start(["/reeve", "/daemon.ini"], {
      env: { A: "1" },
      inside: { first: false, pivot: true },
    });
    await running.untilText(/reeve is up/);
    expect(environment(running.inside("reeve")[0] ?? 0)).toEqual({ A: "1" });
    running.signal("SIGTERM");
    expect(await running.exited).toBe(0);
  },
);

/** A library that the bundled glibc cannot load: it asks for a function of a C library that is to come. */
function compileForLaterLibrary(output: string): void {
  const source =
    "int function_of_a_later_library(void); int used(void) { return function_of_a_later_library(); }";
  const command = ["cc", "-shared", "-fPIC", "-nostdlib", "-Wl,-z,now", "-x", "c", "-", "-o", output];
  const result = Bun.spawnSync(command, { stdin: Buffer.from(source) });
  if (!result.success) throw new Error(`cannot compile a library: ${result.stderr.toString()}`);
}

const LOOK_UP =
  "[uwsgi]\nattach-daemon = /hang\nlegion-etcd = team http://etcd.test:1 10\nlegion-attach-daemon = team /hang\n";

for (
  const [name, services, says] of [
    [
      "where another service knows the name, it is asked",
      "absent garbage later files",
      /etcd\.test.*connection refused/,
    ],
    [
      "where none knows the name, the error says so",
      "absent garbage later",
      /getaddrinfo.*etcd\.test/,
    ],
  ] as const
) {
  check(`nsswitch.conf with modules that the bundled glibc cannot load: ${name}`, NEEDS, async () => {
    await using host = new Root("empty with /dev");
    host.write("/etc/nsswitch.conf", `hosts: ${services}\n`);
    host.write("/etc/hosts", "127.0.0.1 etcd.test\n");
    for (const directory of ["/lib", "/lib64", "/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu"]) {
      host.write(`${directory}/libnss_garbage.so.2`, "no library at all");
      compileForLaterLibrary(join(host.path, directory, "libnss_later.so.2"));
    }
    host.write("/daemon.ini", LOOK_UP);
    const running = host.start(["/reeve", "/daemon.ini"]);
    await running.untilText(says);
    await until("the daemon of no legion runs", () => some(running.inside("hang")));
    running.signal("SIGTERM");
    expect(await running.exited).toBe(0);
  });
}
