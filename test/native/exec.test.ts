/**
 * The helper's role exec, run by hand in each of its builds: what the program finds, and how each step fails.
 */
import { afterAll, afterEach, describe, expect } from "bun:test";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packSpec } from "../../lib/sys/child/pack.ts";
import { fixture } from "../fixtures/compile.ts";
import { needsRoot, run, testUnless } from "./build.ts";
import {
  ARM64,
  endStarted,
  FREESTANDING,
  type HelperBuild,
  PLAIN,
  runExec,
  SANITIZED,
  startHelper,
} from "./helper.ts";

const EPERM = 1, ENOENT = 2, ESRCH = 3, ENOEXEC = 8, EBADF = 9, EACCES = 13, ENOTDIR = 20, EINVAL = 22;
const EBADMSG = 74;
const ROOM = mkdtempSync(join(tmpdir(), "reeve-native-"));
chmodSync(ROOM, 0o755);
afterEach(endStarted);
afterAll(() => rmSync(ROOM, { recursive: true, force: true }));

interface State {
  readonly [key: string]: unknown;
  readonly pid: number;
  readonly sid: number;
  readonly pgid: number;
  readonly fds: Readonly<Record<string, string>>;
}

/** What print_state finds when started with `spec`. */
async function state(
  build: HelperBuild,
  spec: Parameters<typeof runExec>[1],
  options: Parameters<typeof runExec>[2] = {},
): Promise<State> {
  const program = fixture("print_state");
  const outcome = await runExec(build, {
    args: ["print_state"],
    file: { path: program, searchPath: null },
    ...spec,
  }, options);
  expect(outcome).toMatchObject({ status: 0, stderr: "", reports: [] });
  return JSON.parse(outcome.stdout) as State;
}

function script(name: string, text: string, mode = 0o755): string {
  const path = join(ROOM, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

for (const build of [FREESTANDING, SANITIZED, ARM64]) {
  const check = (name: string, body: () => Promise<void>) => testUnless(build.missing(), name, body);
  const asRoot = (name: string, body: () => Promise<void>) =>
    testUnless(build.missing() ?? needsRoot(), name, body);
  const isEmulated = build === ARM64;

  describe(`role exec, ${build.name}`, () => {
    check("a program gets its arguments, environment and directory, and nothing else", async () => {
      const found = await state(build, {
        args: ["print_state", "", "/dev/stdout"].slice(0, 1),
        environment: ["ONE=1", "TWO=two=2", "EMPTY="],
        chdir: "/usr",
      }, { environment: { LEAKED: "yes" } });
      expect(found).toMatchObject({
        args: ["print_state"],
        environment: ["ONE=1", "TWO=two=2", "EMPTY="],
        cwd: "/usr",
      });
    });

    check("a program has default dispositions, an empty mask, a session of its own", async () => {
      const found = await state(build, {}, {
        ...(build === ARM64 ? {} : { wrap: [fixture("call_as"), "ignore-signals", "reeve-exec"] }),
      });
      expect(found).toMatchObject({ blocked: [], ignored: [], sid: found.pid, pgid: found.pid });
    });

    check("a program has the descriptors of its request and no others", async () => {
      const extra = openSync("/etc/passwd", "r");
      const found = await state(build, {
        fds: new Map<number, number | "null">([[0, "null"], [1, 1], [2, 2], [9, 5]]),
      }, {
        fds: [extra, extra, extra],
      });
      closeSync(extra);
      expect(Object.keys(found.fds)).toEqual(["0", "1", "2", "9"]);
      expect(found.fds).toMatchObject({ 0: "/dev/null", 9: "/etc/passwd" });
    });

    check("descriptors change places, also with those of the helper's own", async () => {
      const five = openSync("/etc/passwd", "r");
      const six = openSync("/etc/group", "r");
      const found = await state(build, {
        fds: new Map<number, number | "null">([[1, 1], [5, 6], [6, 5], [3, 5], [4, 6], [2, "null"]]),
      }, { fds: [five, six] });
      closeSync(five);
      closeSync(six);
      expect(found.fds).toMatchObject({
        2: "/dev/null",
        3: "/etc/passwd",
        4: "/etc/group",
        5: "/etc/group",
        6: "/etc/passwd",
      });
      expect(Object.keys(found.fds)).toEqual(["1", "2", "3", "4", "5", "6"]);
    });

    check("limits are those of the request, the one of descriptors too", async () => {
      const found = await state(build, {
        rlimits: [
          { resource: 7, soft: 12n, hard: 12n },
          { resource: 4, soft: 0n, hard: 4096n },
        ],
        fds: new Map<number, number | "null">([[0, "null"], [1, 1], [2, 2], [30, 1]]),
      });
      const limits = found["rlimits"] as string[][];
      expect(limits[7]).toEqual(["12", "12"]);
      expect(limits[4]).toEqual(["0", "4096"]);
    });

    check("umask, nice, CPUs and oom_score_adj are those of the request", async () => {
      const found = await state(build, { umask: 0o27, nice: 7, cpus: [0], oomScoreAdj: 321 });
      expect(found).toMatchObject({ umask: 0o27, nice: 7, cpus: 1, oom: "321" });
    });

    check("a group of its own stays in the caller's session", async () => {
      const found = await state(build, { session: "group" });
      expect(found.pgid).toBe(found.pid);
      expect(found.sid).not.toBe(found.pid);
    });

    asRoot("user, group and supplementary groups are changed for good", async () => {
      const found = await state(build, { uid: 1234, gid: 5678, groups: [7, 5, 5, 6], noNewPrivs: true });
      expect(found).toMatchObject({ uid: [1234, 1234, 1234], gid: [5678, 5678, 5678], NoNewPrivs: "1" });
      expect(new Set(found["groups"] as number[])).toEqual(new Set([5, 6, 7]));
      if (isEmulated) return; // the emulator's own /proc/self/status
      expect(found).toMatchObject({
        CapPrm: "0000000000000000",
        CapEff: "0000000000000000",
        CapInh: "0000000000000000",
      });
    });

    asRoot("no supplementary group of the caller is kept when there shall be none", async () => {
      const found = await state(build, { uid: 1234, gid: 5678, groups: [] });
      expect(found).toMatchObject({ groups: [] });
    });

    // The emulator does not pass capabilities on.
    if (!isEmulated) {
      asRoot("capabilities that are kept are ambient, and the bounding set is no larger", async () => {
        const bind = 1n << 10n;
        const found = await state(build, {
          uid: 1234,
          gid: 1234,
          groups: [],
          caps: { keep: bind, bound: bind },
        });
        const mask = "0000000000000400";
        expect(found).toMatchObject({ CapPrm: mask, CapEff: mask, CapInh: mask, CapAmb: mask, CapBnd: mask });
      });
    }

    check("the parent-death signal is set, and a parent that is another one is noticed", async () => {
      const program = fixture("print_state");
      const spec = { args: ["x"], file: { path: program, searchPath: null }, parentDeathSignal: 9 };
      expect(await state(build, { parentDeathSignal: 9 })).toMatchObject({ pdeathsig: 9 });
      const other = await runExec(build, spec, { parent: 1 });
      expect(other.status).toBe(125);
      expect(other.reports).toMatchObject([{ spawnId: 77, stage: "parent-death signal", errno: ESRCH }]);
    });

    // The emulator opens the file by a name that it makes up.
    if (!isEmulated) {
      check("a file behind a descriptor is executed", async () => {
        const fd = openSync(fixture("exit_with"), "r");
        const outcome = await runExec(build, { args: ["exit_with", "42"], file: { fd: 5 } }, { fds: [fd] });
        closeSync(fd);
        expect(outcome).toMatchObject({ status: 42, reports: [] });
      });
    }

    check("a program is found in the first directory that has it", async () => {
      mkdirSync(join(ROOM, "first"), { recursive: true });
      script("first/tool", "#!/bin/sh\nexit 11\n");
      script("tool", "#!/bin/sh\nexit 22\n");
      const search = (searchPath: string, path = "tool") =>
        runExec(build, { args: ["tool"], file: { path, searchPath }, chdir: ROOM });
      expect((await search(`/nonexistent:${ROOM}/first:${ROOM}`)).status).toBe(11);
      expect((await search(`/etc/passwd:${ROOM}:${ROOM}/first`)).status).toBe(22);
      expect((await search(`/nonexistent:`)).status).toBe(22); // an empty directory is the current one
      expect((await search(`${ROOM}/first`, "./tool")).status).toBe(22); // a slash: no search
    });

    check("the search goes on after what may not be executed, and remembers it", async () => {
      mkdirSync(join(ROOM, "denied", "tool2"), { recursive: true }); // a directory: EACCES, for root too
      script("tool2", "#!/bin/sh\nexit 33\n");
      const search = (searchPath: string) =>
        runExec(build, { args: ["tool2"], file: { path: "tool2", searchPath } });
      expect((await search(`${ROOM}/denied:${ROOM}`)).status).toBe(33);
      const denied = await search(`${ROOM}/denied:/nonexistent`);
      expect(denied.status).toBe(126);
      expect(denied.reports).toMatchObject([{ stage: "exec", errno: EACCES }]);
      const absent = await search(`/nonexistent:/usr/nonexistent`);
      expect(absent.status).toBe(127);
      expect(absent.reports).toMatchObject([{ stage: "exec", errno: ENOENT }]);
    });

    check("a script without #! is given to the shell, with its arguments", async () => {
      script("plain_script", 'echo "$0|$#|$1|$2"\nexit 44\n');
      const args = ["called so", "a b", ""];
      const run = (file: { path: string; searchPath: string | null }) =>
        runExec(build, { args, file, chdir: ROOM });
      const path = `${ROOM}/plain_script`;
      expect(await run({ path, searchPath: null })).toMatchObject({ status: 44, stdout: `${path}|2|a b|\n` });
      expect(await run({ path: "./plain_script", searchPath: null })).toMatchObject({ status: 44 });
      expect(await run({ path: "plain_script", searchPath: `/nonexistent:${ROOM}` })).toMatchObject({
        status: 44,
        stdout: `${path}|2|a b|\n`,
        reports: [],
      });
    });

    check("a file that is neither program nor text is not given to a shell", async () => {
      script("no_program", "\x7fELF\0\0exit 0\n");
      for (
        const file of [{ path: `${ROOM}/no_program`, searchPath: null }, {
          path: "no_program",
          searchPath: ROOM,
        }]
      ) {
        const outcome = await runExec(build, { args: ["no_program"], file });
        expect(outcome.status).toBe(126);
        expect(outcome.reports).toMatchObject([{ spawnId: 77, stage: "exec", errno: ENOEXEC }]);
      }
    });

    check("a step that fails is reported with its stage, and nothing after it runs", async () => {
      const marker = script("marker", "#!/bin/sh\necho ran\n");
      symlinkSync("loop", join(ROOM, `loop-${build.name.length}`));
      const file = { path: marker, searchPath: null };
      const fails = async (spec: Parameters<typeof runExec>[1], stage: string, errno: number) => {
        const outcome = await runExec(build, { args: ["x"], file, ...spec });
        expect(outcome.stdout).toBe("");
        expect(outcome.status).toBe(125);
        expect(outcome.reports).toMatchObject([{ spawnId: 77, stage, errno }]);
      };
      await fails({ chdir: "/nonexistent" }, "chdir", ENOENT);
      await fails({ chdir: "/etc/passwd" }, "chdir", ENOTDIR);
      await fails({ fds: new Map<number, number | "null">([[0, 200]]) }, "descriptors", EBADF);
      await fails({ cpus: [8000] }, "cpu affinity", EINVAL);
      await fails({ session: "foreground" }, "terminal", 25);
    });

    check("a request that is not one is refused", async () => {
      for (const bytes of [new Uint8Array(0), new Uint8Array(23), new Uint8Array(4096)]) {
        const outcome = await startHelper(build, "reeve-exec", bytes).outcome;
        expect(outcome).toMatchObject({ status: 125, stdout: "", reports: [] });
      }
      const bytes = packSpec(PLAIN, { reportFd: 4, parent: 1 });
      bytes[24] = 99; // the tag of the first record
      const outcome = await startHelper(build, "reeve-exec", bytes).outcome;
      expect(outcome.status).toBe(125);
      expect(outcome.reports).toMatchObject([{ spawnId: 77, stage: "request", errno: EBADMSG }]);
    });
  });
}

describe("role exec without privileges", () => {
  testUnless(
    FREESTANDING.missing() ?? needsRoot(),
    "a change of user that is denied is reported, not skipped",
    async () => {
      const helper = FREESTANDING.command("reeve-exec").words[0] ?? "";
      const wrap = [
        "setpriv",
        "--reuid=1234",
        "--regid=1234",
        "--clear-groups",
        fixture("call_as"),
        "none",
        "reeve-exec",
      ];
      expect(helper).not.toBe("");
      const denied = async (spec: Parameters<typeof runExec>[1], stage: string) => {
        const outcome = await runExec(FREESTANDING, spec, { wrap });
        expect(outcome.status).toBe(125);
        expect(outcome.reports).toMatchObject([{ stage, errno: EPERM }]);
      };
      await denied({ uid: 0 }, "setuid");
      await denied({ uid: 1235 }, "setuid");
      await denied({ gid: 0 }, "setgid");
      await denied({ groups: [1] }, "setgroups");
      expect(await runExec(FREESTANDING, { uid: 1234, gid: 1234, groups: [] }, { wrap })).toMatchObject({
        status: 0,
      });
    },
  );

  testUnless(null, "the helper refuses to be run by hand", () => {
    const helper = FREESTANDING.command("reeve-exec").words[0] ?? "";
    expect(run([helper]).status).toBe(125);
    expect(run([helper, "3"]).status).toBe(125);
    expect(run([helper, "x", "y"]).status).toBe(125);
  });
});
