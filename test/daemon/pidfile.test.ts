import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type JudgeOptions,
  judgePidfile,
  parsePid,
  type PidfileFacts,
  type ProcessFacts,
} from "../../lib/daemon/pidfile.ts";

const ROOT = 0;
const DAEMON = 100;
const STRANGER = 666;
const WRITTEN_AT = 1_000_000;

const FILE: PidfileFacts = {
  owner: ROOT,
  group: ROOT,
  mode: 0o100644,
  names: 1,
  directoryOwner: ROOT,
  directoryMode: 0o40755,
  linkOwners: [],
  modifiedAt: WRITTEN_AT,
  text: "77\n",
};
const PROCESS: ProcessFacts = {
  id: { pid: 77, startTime: 4000n },
  state: "S",
  uid: DAEMON,
  parent: 1,
  startedAt: WRITTEN_AT - 100,
};
const CONTEXT: JudgeOptions = { selfUid: ROOT, selfPid: 50, daemonUid: DAEMON, known: null };

/** "valid", or what is wrong without the file's name. */
function judge(
  file: Partial<PidfileFacts> = {},
  process: Partial<ProcessFacts> | null = {},
  context: Partial<JudgeOptions> = {},
): string {
  const verdict = judgePidfile(
    "/p",
    { ...FILE, ...file },
    process === null ? null : { ...PROCESS, ...process },
    { ...CONTEXT, ...context },
  );
  if (verdict.valid) return verdict.process.pid === 77 ? "valid" : "wrong process";
  expect(verdict.found).toStartWith(`pidfile "/p" `);
  return verdict.found.slice(`pidfile "/p" `.length);
}

describe("the pid in a pidfile", () => {
  const cases: readonly (readonly [string, string, number | null])[] = [
    ["a line", "77\n", 77],
    ["no newline", "77", 77],
    ["blanks before it", " \t\n 77\n", 77],
    ["a plus sign", "+77", 77],
    ["PostgreSQL's further lines", "77\n/var/lib/postgresql\n5432\n", 77],
    ["text after it", "77 is it", 77],
    ["leading zeros", "0077", 77],
    ["nothing", "", null],
    ["blanks alone", "  \n", null],
    ["text before it", "pid 77", null],
    ["zero", "0\n", null],
    ["a negative number: a process group", "-77\n", null],
    ["more than Linux gives", "4194305\n", null],
    ["the largest", "4194304\n", 4_194_304],
    ["a number that wraps at 32 bits", "4294967373\n", null],
    ["so many digits that doubles lose some", "99999999999999999999999977\n", null],
    ["NULs, as a crash of the machine leaves them", "\0\0\0\0", null],
    ["hexadecimal", "0x4d", null],
  ];
  for (const [name, text, pid] of cases) test(name, () => expect(parsePid(text)).toBe(pid));

  test("is null or a pid, whatever the text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
      const pid = parsePid(text);
      return pid === null || (Number.isInteger(pid) && pid >= 1 && pid <= 4_194_304);
    }));
    fc.assert(fc.property(fc.integer({ min: 1, max: 4_194_304 }), (pid) => parsePid(`${pid}\n`) === pid));
  });
});

describe("whose pid it is", () => {
  test("a process that was there before the pidfile: the daemon", () => expect(judge()).toBe("valid"));
  test("none", () => expect(judge({}, null)).toBe("names pid 77, which does not exist"));
  test("a zombie", () => expect(judge({}, { state: "Z" })).toBe("names pid 77, which has ended (zombie)"));
  test("a thread of the kernel", () =>
    expect(judge({}, { isKernelThread: true })).toBe("names pid 77, which is a thread of the kernel"));
  test("a dead one", () => expect(judge({}, { state: "X" })).toContain("has ended"));
  test("reeve itself", () => expect(judge({}, {}, { selfPid: 77 })).toBe("names reeve itself"));
  test("process 1", () => expect(judge({ text: "1\n" })).toBe("names process 1"));
  test("an empty file", () => expect(judge({ text: " \n" })).toBe("is empty"));
  test("a file without a pid", () => expect(judge({ text: "x" })).toBe("does not begin with a pid"));

  test("a process younger than the pidfile has only got its number", () => {
    expect(judge({}, { startedAt: WRITTEN_AT + 21 })).toBe(
      "names pid 77, which started after the pidfile was written: another process",
    );
  });
  test("the clock's grain makes nobody younger", () => {
    expect(judge({}, { startedAt: WRITTEN_AT + 19 })).toBe("valid");
  });
  test("after a jump of the clock the known daemon is still it", () => {
    const late = { startedAt: WRITTEN_AT + 3_600_000 };
    expect(judge({}, late, { known: { pid: 77, startTime: 4000n } })).toBe("valid");
    expect(judge({}, late, { known: { pid: 77, startTime: 4001n } })).toContain("another process");
    expect(judge({}, late, { known: { pid: 78, startTime: 4000n } })).toContain("another process");
  });
  test("a known process that is a zombie is not running", () => {
    expect(judge({}, { state: "Z" }, { known: PROCESS.id })).toContain("zombie");
  });
});

describe("whom a pidfile can make root signal", () => {
  const planted = "but is not followed";

  test("a stranger's file names only a stranger's process", () => {
    expect(judge({ owner: STRANGER })).toBe(
      "names pid 77 but is not followed: it belongs to uid 666, the process to uid 100",
    );
    expect(judge({ owner: STRANGER }, { uid: STRANGER })).toBe("valid");
  });
  test("the daemon's user cannot have root's processes signalled", () => {
    expect(judge({ owner: DAEMON }, { uid: ROOT })).toContain(planted);
    expect(judge({ linkOwners: [DAEMON] }, { uid: ROOT })).toContain(planted);
  });
  test("memcached -u roberto -P /tmp/memcached.pid, started by root, is followed", () => {
    const tmp = { directoryMode: 0o41777, owner: 1000, group: 1000 };
    expect(judge(tmp, { uid: 1000 }, { daemonUid: ROOT })).toBe("valid");
    expect(judge({ ...tmp, owner: ROOT, group: ROOT }, { uid: 1000 }, { daemonUid: ROOT })).toBe("valid");
  });
  test("a link of a stranger on the way leads to a stranger's process or nowhere", () => {
    expect(judge({ linkOwners: [ROOT, STRANGER] })).toBe(
      "names pid 77 but is not followed: a symbolic link on the way to it belongs to uid 666, the process to uid 100",
    );
    expect(judge({ linkOwners: [STRANGER], owner: STRANGER }, { uid: STRANGER })).toBe("valid");
  });
  test("links of root (/var/run) and of the process's user are followed", () => {
    expect(judge({ linkOwners: [ROOT] })).toBe("valid");
    expect(judge({ linkOwners: [DAEMON] })).toBe("valid");
  });
  test("a file that others can write to names only what reeve knows to be its own", () => {
    expect(judge({ mode: 0o100666 })).toBe(
      "names pid 77 but is not followed: others can write to it; take that right away",
    );
    expect(judge({ mode: 0o100666 }, { parent: CONTEXT.selfPid })).toBe("valid");
    expect(judge({ mode: 0o100666 }, {}, { known: PROCESS.id })).toBe("valid");
  });
  test("root's file that a group can write to counts as one that others can write to", () => {
    expect(judge({ mode: 0o100664, group: 4 })).toContain(planted);
    expect(judge({ mode: 0o100664 })).toBe("valid");
    expect(judge({ mode: 0o100664, owner: DAEMON, group: DAEMON })).toBe("valid");
  });
  test("where others can exchange files, root's file is not followed to root's process", () => {
    const shared = { directoryMode: 0o40777 };
    expect(judge(shared, { uid: ROOT }, { daemonUid: ROOT })).toContain("others can replace");
    expect(judge(shared, { uid: ROOT, parent: CONTEXT.selfPid }, { daemonUid: ROOT })).toBe("valid");
    expect(judge(shared)).toBe("valid");
    expect(judge({ directoryMode: 0o41777 }, { uid: ROOT }, { daemonUid: ROOT })).toBe("valid");
  });
  test("a directory of the daemon's group, as Debian gives PostgreSQL, is followed", () => {
    const postgres = { directoryOwner: DAEMON, directoryMode: 0o42775, owner: DAEMON, group: DAEMON };
    expect(judge(postgres)).toBe("valid");
    expect(judge(postgres, {}, { daemonUid: ROOT })).toBe("valid");
  });
  test("root's pidfile under a second name in another's directory is not followed", () => {
    const linked = { names: 2, directoryOwner: STRANGER };
    expect(judge(linked, { uid: ROOT }, { daemonUid: ROOT })).toContain("2 names (hard links)");
    expect(judge({ names: 2, directoryMode: 0o41777 }, { uid: ROOT }, { daemonUid: ROOT })).toContain(
      "hard links",
    );
    expect(judge({ names: 2 }, { uid: ROOT }, { daemonUid: ROOT })).toBe("valid");
  });
  test("without root there is nothing to gain, and nothing is refused", () => {
    const anyones = { owner: STRANGER, mode: 0o100666, linkOwners: [STRANGER], directoryMode: 0o40777 };
    expect(judge(anyones, {}, { selfUid: DAEMON })).toBe("valid");
  });

  test("nobody but root makes reeve follow a process that is neither theirs, nor reeve's child, nor known", () => {
    const uid = fc.constantFrom(ROOT, DAEMON, STRANGER, 667);
    const facts = fc.record({
      owner: uid,
      group: uid,
      mode: fc.nat({ max: 0o777 }),
      names: fc.constantFrom(1, 2),
      directoryOwner: uid,
      directoryMode: fc.nat({ max: 0o1777 }),
      linkOwners: fc.array(uid, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(facts, uid, uid, (file, processUid, daemonUid) => {
        if (judge(file, { uid: processUid }, { daemonUid }) !== "valid") return;
        for (const somebody of [file.owner, ...file.linkOwners]) {
          expect([ROOT, processUid]).toContain(somebody);
        }
        expect(file.mode & 0o002).toBe(0);
      }),
      { numRuns: 3000 },
    );
  });
});

describe("a pidfile that is being written", () => {
  const unfinished = (text: string) => judgePidfile("/p", { ...FILE, text }, PROCESS, CONTEXT).unfinished;

  test("is empty, or ends with a digit", () => {
    expect(unfinished("")).toBe(true);
    expect(unfinished("77")).toBe(true);
  });
  test("is finished once something stands behind the pid", () => {
    expect(unfinished("77\n")).toBe(false);
    expect(unfinished("nonsense")).toBe(false);
  });
});
