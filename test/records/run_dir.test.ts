import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AlreadyRunning,
  findRunDir,
  openRunDir,
  type RunDir,
  type RunDirPlaces,
  runDirPlaces,
} from "../../lib/records/run_dir.ts";
import { makeFifo } from "../../lib/sys/file/fifo.ts";
import { rootTest } from "../support/need_root.ts";

const uid = process.getuid?.() ?? 0;
let directory: string;
let reasons: string[];
let open: RunDir[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-rundir-"));
  reasons = [];
  open = [];
});
afterEach(() => {
  for (const { lockFd } of open) closeSync(lockFd);
  rmSync(directory, { recursive: true, force: true });
});

function have(paths: readonly string[], inherited: number | null = null): RunDir | null {
  const found = openRunDir({ paths, key: null }, uid, inherited, (text) => reasons.push(text));
  if (found !== null) open.push(found);
  return found;
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

const NAMING = { identity: "/etc/x.ini", names: ["x", "x~etc"] } as const;

test("places: what is configured alone; /run/reeve as root; XDG_RUNTIME_DIR where it is a path", () => {
  const paths = (runDir: string | null, user: number, environment: Record<string, string>) =>
    runDirPlaces({ naming: NAMING, runDir }, user, environment).paths;
  expect(paths("/my/dir", 0, {})).toEqual(["/my/dir"]);
  expect(paths(null, 0, { XDG_RUNTIME_DIR: "/r" })).toEqual(["/run/reeve/x", "/run/reeve/x~etc"]);
  expect(paths(null, 5, { XDG_RUNTIME_DIR: "/r" })).toEqual(["/r/reeve/x", "/r/reeve/x~etc"]);
  expect(paths(null, 5, { XDG_RUNTIME_DIR: "r" })).toEqual([]);
  expect(paths(null, 5, {})).toEqual([]);
});

/** Two files of one name in two directories, whose run directories lie in `directory`. */
function placesOf(file: string, parent: string): RunDirPlaces {
  return { paths: [join(directory, "app"), join(directory, `app~${parent}`)], key: file };
}

function openAt(places: RunDirPlaces): string | null {
  const found = openRunDir(places, uid, null, (text) => reasons.push(text));
  if (found !== null) open.push(found);
  return found?.name ?? null;
}

test("two files of one name have a directory each, and each finds its own again", () => {
  const [first, second] = [join(directory, "a.ini"), join(directory, "b.ini")];
  for (const file of [first, second]) writeFileSync(file, "");
  const [one, other] = [placesOf(first, "one"), placesOf(second, "other")];
  expect([openAt(one), openAt(other)]).toEqual(["app", "app~other"]);
  expect(findRunDir(other)).toBe(join(directory, "app~other"));
  expect(() => openAt(other)).toThrow(AlreadyRunning);
  for (const { lockFd } of open.splice(0)) closeSync(lockFd);
  expect([openAt(other), openAt(one)]).toEqual(["app~other", "app"]);
});

test("a directory whose configuration is gone is taken over, unless its reeve runs on", () => {
  const [first, second] = [join(directory, "a.ini"), join(directory, "b.ini")];
  writeFileSync(first, "");
  openAt(placesOf(first, "one"));
  rmSync(first);
  expect(openAt(placesOf(second, "other"))).toBe("app~other");
  rmSync(join(directory, "app~other"), { recursive: true });
  for (const { lockFd } of open.splice(0)) closeSync(lockFd);
  expect(openAt(placesOf(second, "other"))).toBe("app");
});

test("an empty claim, as a power cut leaves it, is nobody's", () => {
  mkdirSync(join(directory, "app"), { mode: 0o700 });
  writeFileSync(join(directory, "app", "instance"), "");
  const places = placesOf("/etc/app.ini", "etc");
  expect(openAt(places)).toBe("app");
  expect(findRunDir(places)).toBe(join(directory, "app"));
  expect(readFileSync(join(directory, "app", "instance"), "utf8")).toBe("/etc/app.ini\n");
});

rootTest("on a full disk an instance has its own directory again", () => {
  const tmpfs = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "reeve-test", directory];
  expect(Bun.spawnSync(tmpfs).success).toBe(true);
  try {
    const places = placesOf("/etc/app.ini", "etc");
    expect(openAt(places)).toBe("app");
    for (const { lockFd } of open.splice(0)) closeSync(lockFd);
    expect(() => writeFileSync(join(directory, "full"), new Uint8Array(65536))).toThrow("ENOSPC");
    expect(openAt(places)).toBe("app");
    expect(reasons).toEqual([]);
    expect(readdirSync(join(directory, "app")).sort()).toEqual(["instance", "lock"]);
  } finally {
    for (const { lockFd } of open.splice(0)) closeSync(lockFd);
    Bun.spawnSync(["umount", "-l", directory]);
  }
});

test("a claim that is no small file says nothing, and nobody waits for it", () => {
  const place = join(directory, "app");
  const makers: Readonly<Record<string, (path: string) => void>> = {
    fifo: (path) => makeFifo(path, 0o600),
    link: (path) => symlinkSync("/etc/hostname", path),
    huge: (path) => (writeFileSync(path, ""), truncateSync(path, 2 ** 40)),
    directory: (path) => mkdirSync(path),
  };
  for (const make of Object.values(makers)) {
    mkdirSync(place, { mode: 0o700 });
    make(join(place, "instance"));
    const places = placesOf("/etc/app.ini", "etc");
    expect(findRunDir(places)).toBe(place);
    expect(openAt(places)).toBe("app~etc");
    for (const { lockFd } of open.splice(0)) closeSync(lockFd);
    expect(readdirSync(place)).toEqual(["instance"]);
    for (const path of places.paths) rmSync(path, { recursive: true });
  }
});

test("where all names are taken it is said, with what to do", () => {
  const [first, second] = [join(directory, "a.ini"), join(directory, "b.ini")];
  for (const file of [first, second]) writeFileSync(file, "");
  openAt(placesOf(first, "x"));
  openAt({ ...placesOf(second, "x"), paths: [join(directory, "app~x")] });
  expect(openAt(placesOf("/third.ini", "x"))).toBeNull();
  expect(reasons.join()).toContain("set instance-name");
});

test("a directory of an older reeve, which wrote no name into it, is the instance's", () => {
  mkdirSync(join(directory, "app"), { mode: 0o700 });
  expect(openAt(placesOf("/etc/app.ini", "etc"))).toBe("app");
});

test("the directory is made for its owner alone and locked, and says by whom", () => {
  const path = join(directory, "a", "b");
  expect(have([path])?.path).toBe(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  expect(readFileSync(join(path, "lock"), "utf8")).toBe(`${process.pid}\n`);
});

test("a second one is refused by name, and does not wait", () => {
  have([directory]);
  expect(() => have([directory])).toThrow(AlreadyRunning);
  expect(() => have([directory])).toThrow(`another reeve (pid ${process.pid}) runs this instance`);
});

test("the lock ends with the one who held it, however it ended", () => {
  closeSync(have([directory])!.lockFd);
  open = [];
  expect(have([directory])).not.toBeNull();
});

test("what is not a directory of one's own is refused, with a word on what that costs", () => {
  writeFileSync(join(directory, "file"), "");
  mkdirSync(join(directory, "real"));
  symlinkSync("real", join(directory, "link"));
  mkdirSync(join(directory, "shared"));
  chmodSync(join(directory, "shared"), 0o1777);
  for (const name of ["file", "link", "shared"]) {
    reasons = [];
    expect(have([join(directory, name)])).toBeNull();
    expect(reasons).toHaveLength(1);
    expect(reasons[0]).toStartWith("no run directory (");
    expect(reasons[0]).toContain("a second reeve of this configuration is not noticed");
  }
});

rootTest("a directory of somebody else is refused", () => {
  mkdirSync(join(directory, "theirs"), { mode: 0o700 });
  chownSync(join(directory, "theirs"), 65_534, 65_534);
  expect(have([join(directory, "theirs")])).toBeNull();
  expect(reasons[0]).toContain("must be a directory of uid 0 that nobody else can write to");
});

test("a lock that is a link or a directory is not followed", () => {
  symlinkSync("/etc/passwd", join(directory, "lock"));
  expect(have([directory])).toBeNull();
  rmSync(join(directory, "lock"));
  mkdirSync(join(directory, "lock"));
  expect(have([directory])).toBeNull();
});

test("no candidate at all", () => {
  expect(have([])).toBeNull();
  expect(reasons[0]).toContain("XDG_RUNTIME_DIR is not set");
});

test("the next one is taken where the first cannot be had", () => {
  writeFileSync(join(directory, "file"), "");
  expect(have([join(directory, "file", "x"), join(directory, "y")])?.path).toBe(join(directory, "y"));
  expect(reasons).toEqual([]);
});

test("over a reload the lock is kept, and is never let go", () => {
  const first = have([directory])!;
  open = [];
  expect(have([directory], first.lockFd)?.lockFd).toBe(first.lockFd);
});

test("a reload that moves the run directory locks the new one and lets go of the old", () => {
  const before = have([join(directory, "a")])!;
  open = [];
  const after = have([join(directory, "b")], before.lockFd)!;
  expect(after.lockFd).not.toBe(before.lockFd);
  expect(isOpen(before.lockFd)).toBe(false);
  expect(() => have([join(directory, "b")])).toThrow(AlreadyRunning);
  expect(have([join(directory, "a")])).not.toBeNull();
});

test("a reload into a run directory that another reeve holds is refused, the old lock still held", () => {
  const mine = have([join(directory, "a")])!;
  have([join(directory, "b")]);
  expect(() => have([join(directory, "b")], mine.lockFd)).toThrow(AlreadyRunning);
  expect(isOpen(mine.lockFd)).toBe(true);
});

test("a lock that was removed from the directory is made anew by the next image", () => {
  const first = have([directory])!;
  open = [];
  rmSync(join(directory, "lock"));
  have([directory], first.lockFd);
  expect(() => have([directory])).toThrow(AlreadyRunning);
});

test("a reload without a run directory closes the lock that it was given", () => {
  const first = have([directory])!;
  open = [];
  expect(have([], first.lockFd)).toBeNull();
  expect(isOpen(first.lockFd)).toBe(false);
});

rootTest("a full disk costs the number in the lock, not the lock", () => {
  expect(Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=4k,mode=700", "reeve-test", directory]).success)
    .toBe(true);
  try {
    writeFileSync(join(directory, "full"), new Uint8Array(4096));
    expect(have([directory])).not.toBeNull();
    expect(() => have([directory])).toThrow("another reeve runs this instance");
  } finally {
    for (const { lockFd } of open.splice(0)) closeSync(lockFd);
    Bun.spawnSync(["umount", "-l", directory]);
  }
});
