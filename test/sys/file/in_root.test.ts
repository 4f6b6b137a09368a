/**
 * Opening beneath a root: that the walk, which serves where the kernel has no openat2, finds what openat2
 * finds, on random trees of links; and that neither leads out.
 */
import { afterAll, describe, expect, test } from "bun:test";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { cString } from "../../../lib/sys/checks.ts";
import { errnoName } from "../../../lib/sys/errno.ts";
import { openDirectory } from "../../../lib/sys/file/files.ts";
import { native } from "../../../lib/sys/native/native.ts";

const ROOM = mkdtempSync(join(tmpdir(), "reeve-in-root-"));
afterAll(() => rmSync(ROOM, { recursive: true, force: true }));

const O_WRONLY = 1;
const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_NONBLOCK = 0o4000;
const O_PATH = 0o10000000;
const O_DIRECTORY = process.arch === "arm64" ? 0o40000 : 0o200000;
const O_NOFOLLOW = process.arch === "arm64" ? 0o100000 : 0o400000;

const WAYS = [
  O_NONBLOCK,
  O_NONBLOCK | O_NOFOLLOW,
  O_NONBLOCK | O_DIRECTORY,
  O_PATH,
  O_PATH | O_NOFOLLOW,
  O_PATH | O_DIRECTORY,
  O_PATH | O_DIRECTORY | O_NOFOLLOW,
  O_WRONLY | O_CREAT | O_NONBLOCK,
  O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK,
  O_WRONLY | O_CREAT | O_EXCL,
];

/** Where it leads, or the error's name; a file that was made for it is gone again. */
function opened(root: number, path: string, flags: number, walk: 0 | 1, existing: Set<string>): string {
  const fd = Number(native().reeve_open_in_root(root, cString(path, "path"), flags, 0o600, walk));
  if (fd < 0) return errnoName(-fd);
  const found = readlinkSync(`/proc/self/fd/${fd}`);
  closeSync(fd);
  if ((flags & O_CREAT) !== 0 && !existing.has(found)) unlinkSync(found);
  return found;
}

const NAMES = ["a", "b", "c", "d"];
const name = fc.constantFrom(...NAMES);
const component = fc.oneof(
  { weight: 6, arbitrary: name },
  { weight: 2, arbitrary: fc.constant("..") },
  { weight: 1, arbitrary: fc.constantFrom(".", "") },
);
const anyPath = fc.tuple(
  fc.boolean(),
  fc.array(component, { minLength: 0, maxLength: 6 }),
  fc.boolean(),
).map(([isAbsolute, names, hasSlash]) => `${isAbsolute ? "/" : ""}${names.join("/")}${hasSlash ? "/" : ""}`);
const place = fc.array(name, { minLength: 1, maxLength: 4 });
const entry = fc.tuple(
  place,
  fc.oneof(
    { weight: 3, arbitrary: fc.constant({ kind: "directory" } as const) },
    { weight: 1, arbitrary: fc.constant({ kind: "file" } as const) },
    {
      weight: 4,
      arbitrary: anyPath.filter((to) => to !== "").map((to) => ({ kind: "link", to }) as const),
    },
  ),
);

/** As much of it as fits together. */
function plant(root: string, entries: readonly (typeof entry extends fc.Arbitrary<infer E> ? E : never)[]) {
  const existing = new Set<string>([root]);
  const isDirectory = new Set<string>([root]);
  for (const [names, what] of entries) {
    const parent = join(root, ...names.slice(0, -1));
    const path = join(root, ...names);
    if (!isDirectory.has(parent) || existing.has(path)) continue;
    if (what.kind === "directory") isDirectory.add(path);
    if (what.kind === "directory") mkdirSync(path);
    if (what.kind === "file") writeFileSync(path, "");
    if (what.kind === "link") symlinkSync(what.to, path);
    existing.add(path);
  }
  return existing;
}

let trees = 0;

describe("the walk", () => {
  test("finds what openat2 finds, or fails as it does, in any tree and in any way", () => {
    const outcomes = new Map<string, number>();
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 24 }),
        fc.array(fc.tuple(anyPath, fc.constantFrom(...WAYS)), { minLength: 12, maxLength: 12 }),
        (entries, questions) => {
          const root = join(ROOM, `tree${++trees}`);
          mkdirSync(root);
          const existing = plant(root, entries);
          const fd = openDirectory(root);
          try {
            for (const [path, flags] of questions) {
              const wanted = opened(fd, path, flags, 0, existing);
              const found = opened(fd, path, flags, 1, existing);
              expect({ path, flags, found }).toEqual({ path, flags, found: wanted });
              if (wanted.startsWith("/")) expect(`${wanted}/`).toStartWith(`${root}/`);
              const kind = wanted.startsWith("/") ? "found" : wanted;
              outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
            }
          } finally {
            closeSync(fd);
            rmSync(root, { recursive: true });
          }
        },
      ),
      { numRuns: 2_000 },
    );
    // All that can come out of such a tree has come out.
    for (const kind of ["found", "ENOENT", "ELOOP", "ENOTDIR", "EEXIST", "EISDIR"]) {
      expect([kind, (outcomes.get(kind) ?? 0) > 20]).toEqual([kind, true]);
    }
  }, 60_000);

  test("knows the links of /proc that lead along no path, as openat2 does", () => {
    const fd = openDirectory("/");
    const root = [
      "/proc/self/exe",
      "/proc/self/root/etc",
      "/proc/self/cwd",
      "/proc/self/fd/0",
      "/proc/self/ns/pid",
    ];
    for (const path of root) {
      for (const walk of [0, 1] as const) {
        expect([path, walk, opened(fd, path, O_PATH, walk, new Set())]).toEqual([path, walk, "ELOOP"]);
      }
    }
    for (const path of ["/proc/self/status", "/proc/mounts", "/proc/self/../version"]) {
      const wanted = opened(fd, path, O_PATH, 0, new Set());
      expect(wanted).toStartWith("/proc/");
      expect([path, opened(fd, path, O_PATH, 1, new Set())]).toEqual([path, wanted]);
    }
    closeSync(fd);
  });

  test("refuses what is too long or too deep, and a 41st link", () => {
    const root = join(ROOM, "long");
    mkdirSync(root);
    symlinkSync(".", join(root, "here"));
    const fd = openDirectory(root);
    const both = (path: string): string[] =>
      ([0, 1] as const).map((walk) => opened(fd, path, O_PATH, walk, new Set()));
    expect(both("here/".repeat(40))).toEqual([root, root]);
    expect(both("here/".repeat(41))).toEqual(["ELOOP", "ELOOP"]);
    expect(both("x".repeat(256))).toEqual(["ENAMETOOLONG", "ENAMETOOLONG"]);
    expect(both("./".repeat(2_048))).toEqual(["ENAMETOOLONG", "ENAMETOOLONG"]);
    expect(both("./".repeat(2_047))).toEqual([root, root]);
    expect(both("")).toEqual(["ENOENT", "ENOENT"]);
    const deep = join(root, "d/".repeat(300));
    mkdirSync(deep, { recursive: true });
    expect(both("d/".repeat(200))).toEqual([
      join(root, "d/".repeat(199), "d"),
      join(root, "d/".repeat(199), "d"),
    ]);
    expect(opened(fd, "d/".repeat(300), O_PATH, 1, new Set())).toBe("ENAMETOOLONG");
    expect(both("d/".repeat(250) + "../".repeat(249))).toEqual([join(root, "d"), join(root, "d")]);
    closeSync(fd);
  });

  test("leads nowhere outside while the tree is being moved under it", async () => {
    const outside = join(ROOM, "moving");
    const root = join(outside, "root");
    mkdirSync(join(root, "a/b/c"), { recursive: true });
    mkdirSync(join(root, "elsewhere"));
    writeFileSync(join(outside, "secret"), "");
    const fd = openDirectory(root);
    // Another process moves the directory that ".." would be asked of, out of the root and back.
    const moving = 'while mv "$0/root/a/b" "$0/b"; do mv "$0/b" "$0/root/a/b"; done';
    const mover = Bun.spawn(["/bin/sh", "-c", moving, outside], { stdio: ["ignore", "ignore", "ignore"] });
    try {
      for (let i = 0; i < 20_000; i++) {
        for (const walk of [0, 1] as const) {
          const found = opened(fd, "a/b/c/../../../secret", O_PATH, walk, new Set());
          expect(found).not.toContain("secret");
          const escape = opened(fd, "a/b/../../../../secret", O_PATH, walk, new Set());
          expect(escape).not.toContain("secret");
        }
      }
    } finally {
      mover.kill(9);
      await mover.exited;
      closeSync(fd);
      try {
        renameSync(join(outside, "b"), join(root, "a/b"));
      } catch {
        // It was in its place.
      }
    }
  }, 30_000);
});
