import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PidfileOptions, removePidfile, writePidfile } from "../../lib/pidfile/own_pidfiles.ts";
import { rootTest } from "../support/need_root.ts";

const isRoot = process.getuid?.() === 0;
let directory: string;
let context: PidfileOptions;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-pidfile-"));
  context = { pid: process.pid, asRoot: isRoot, cwd: directory, owner: null };
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function pidfile(path: string, asUser = false) {
  return { path, safe: false, asUser, origin: { file: "x.ini", line: 1 } };
}

test("a pidfile holds the pid and a newline, and is removed while it does", () => {
  const plan = pidfile("main.pid");
  writePidfile(plan, context);
  expect(readFileSync(join(directory, "main.pid"), "utf8")).toBe(`${process.pid}\n`);
  expect(statSync(join(directory, "main.pid")).mode & 0o777).toBe(0o644);
  expect(removePidfile(plan, context)).toBe(true);
  expect(readdirSync(directory)).toEqual([]);
});

test("a pidfile that names another process is left alone", () => {
  const plan = pidfile("main.pid");
  writeFileSync(join(directory, "main.pid"), "1\n");
  expect(removePidfile(plan, context)).toBe(false);
  expect(readFileSync(join(directory, "main.pid"), "utf8")).toBe("1\n");
});

test("a link in the pidfile's place is replaced and not written through, nor removed through", () => {
  writeFileSync(join(directory, "victim"), "precious\n");
  symlinkSync("victim", join(directory, "main.pid"));
  writePidfile(pidfile("main.pid"), context);
  expect(lstatSync(join(directory, "main.pid")).isFile()).toBe(true);
  expect(readFileSync(join(directory, "victim"), "utf8")).toBe("precious\n");
  rmSync(join(directory, "main.pid"));
  symlinkSync("other", join(directory, "main.pid"));
  writeFileSync(join(directory, "other"), `${process.pid}\n`);
  expect(removePidfile(pidfile("main.pid"), context)).toBe(false);
  expect(readdirSync(directory).sort()).toEqual(["main.pid", "other", "victim"]);
});

test("a directory that does not exist is a clear error and leaves nothing", () => {
  expect(() => writePidfile(pidfile("none/main.pid"), context)).toThrow(
    'cannot write pidfile "none/main.pid": no such directory; create it first',
  );
});

rootTest("pidfile2 belongs to the instance's user", () => {
  const owner = { uid: 65534, gid: 65534 };
  writePidfile(pidfile("main.pid", true), { ...context, owner });
  expect(statSync(join(directory, "main.pid")).uid).toBe(65534);
});

rootTest("a link on the way that another user made is not followed", () => {
  mkdirSync(join(directory, "etc"));
  symlinkSync("etc", join(directory, "run"));
  writePidfile(pidfile("run/main.pid"), context);
  lchownSync(join(directory, "run"), 65534, 65534);
  expect(() => writePidfile(pidfile("run/other.pid"), context)).toThrow(/belongs to user 65534/);
  expect(readdirSync(join(directory, "etc"))).toEqual(["main.pid"]);
  // The instance's own user could write there anyway.
  writePidfile(pidfile("run/other.pid"), { ...context, owner: { uid: 65534, gid: 65534 } });
});

rootTest(
  "a directory on the way in which others can exchange entries is refused, a sticky one is not",
  () => {
    mkdirSync(join(directory, "open/run"), { recursive: true });
    chmodSync(join(directory, "open"), 0o777);
    expect(() => writePidfile(pidfile("open/run/main.pid"), context)).toThrow(/others can write to/);
    chmodSync(join(directory, "open"), 0o1777);
    writePidfile(pidfile("open/run/main.pid"), context);
    writePidfile(pidfile("open/main.pid"), context);
  },
);
