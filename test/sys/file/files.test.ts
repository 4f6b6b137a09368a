import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { prepareFile, writeAtomically } from "../../../lib/sys/file/atomic_file.ts";
import {
  openDirectory,
  openInRoot,
  openNoFollow,
  readSmall,
  readSmallPath,
  statFd,
} from "../../../lib/sys/file/files.ts";
import { mount, unmount } from "../../../lib/sys/host/mounts.ts";
import { readVirtual } from "../../../lib/sys/file/virtual_files.ts";
import { Scratch } from "./scratch.ts";

const AS_ROOT = process.getuid?.() === 0;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array): string => new TextDecoder().decode(value);

/** Nothing but these names is in the directory: no temporary file was left. */
function holds(directory: string, ...names: readonly string[]): void {
  expect(readdirSync(directory).sort()).toEqual([...names].sort());
}

describe("a small file", () => {
  test("is read with the status of the very file that was read", () => {
    using scratch = new Scratch();
    writeFileSync(scratch.at("pid"), "123\n");
    chmodSync(scratch.at("pid"), 0o640);
    utimesSync(scratch.at("pid"), 1_000_000_000.25, 1_000_000_000.25);
    const read = readSmallPath(scratch.at("pid"), 64, { follow: false });
    expect(text(read!.bytes)).toBe("123\n");
    expect(read!.status).toMatchObject({
      kind: "file",
      mode: 0o640,
      size: 4,
      uid: process.getuid!(),
      links: 1,
    });
    expect(read!.status.modified).toBe(1_000_000_000_250_000_000n);
    expect(read!.status.inode).toBe(BigInt(lstatSync(scratch.at("pid")).ino));
  });

  test("that is larger than the limit is cut there", () => {
    using scratch = new Scratch();
    writeFileSync(scratch.at("long"), "x".repeat(1_000));
    const read = readSmallPath(scratch.at("long"), 64, { follow: false });
    expect(read!.bytes.length).toBe(64);
    expect(read!.status.size).toBe(1_000);
  });

  test("that is a FIFO without a writer is refused at once", () => {
    using scratch = new Scratch();
    expect(Bun.spawnSync(["mkfifo", scratch.at("fifo")]).success).toBe(true);
    expect(readSmallPath(scratch.at("fifo"), 64, { follow: true })).toBeNull();
  });

  test("that is a directory or a device is refused", () => {
    expect(readSmallPath("/etc", 64, { follow: true })).toBeNull();
    expect(readSmallPath("/dev/zero", 64, { follow: true })).toBeNull();
  });

  test("that is a link is not followed unless asked", () => {
    using scratch = new Scratch();
    writeFileSync(scratch.at("target"), "secret");
    symlinkSync("target", scratch.at("link"));
    expect(() => readSmallPath(scratch.at("link"), 64, { follow: false })).toThrow(
      /too many levels of symbolic links/,
    );
    expect(text(readSmallPath(scratch.at("link"), 64, { follow: true })!.bytes)).toBe("secret");
  });

  test("that is not there is an error with its path", () => {
    expect(() => openNoFollow("/nonexistent/pid")).toThrow(
      'cannot open "/nonexistent/pid": no such file or directory',
    );
  });
});

describe("a file beneath a root", () => {
  test("is never one outside, by link, by .., or by an absolute path", () => {
    using scratch = new Scratch();
    writeFileSync(scratch.at("secret"), "outside");
    mkdirSync(scratch.at("root"));
    symlinkSync("../secret", scratch.at("root", "up"));
    symlinkSync("/secret", scratch.at("root", "absolute"));
    writeFileSync(scratch.at("root", "inside"), "inside");
    symlinkSync("/inside", scratch.at("root", "good"));
    const root = openDirectory(scratch.at("root"));
    for (const path of ["up", "absolute", "../secret", "/secret", "/../../secret", scratch.at("secret")]) {
      expect(() => openInRoot(root, path, { followLast: true })).toThrow(/no such file/);
    }
    for (const path of ["inside", "/inside", "good", "../inside"]) {
      const fd = openInRoot(root, path, { followLast: true });
      expect(text(readSmall(fd, 64)!.bytes)).toBe("inside");
      closeSync(fd);
    }
    expect(() => openInRoot(root, "good", { followLast: false })).toThrow(/too many levels/);
    closeSync(root);
  });
});

describe("a file written atomically", () => {
  test("has its contents and mode whatever the umask, and replaces what was there", () => {
    using scratch = new Scratch();
    const before = process.umask(0o077);
    try {
      writeAtomically(scratch.at("f"), bytes("one"), { mode: 0o644 });
      writeAtomically(scratch.at("f"), bytes("two, longer"), { mode: 0o664, sync: true });
    } finally {
      process.umask(before);
    }
    expect(readFileSync(scratch.at("f"), "utf8")).toBe("two, longer");
    expect(lstatSync(scratch.at("f")).mode & 0o777).toBe(0o664);
    holds(scratch.path, "f");
  });

  test("takes the place of a link and leaves the link's target alone", () => {
    using scratch = new Scratch();
    writeFileSync(scratch.at("victim"), "precious");
    symlinkSync("victim", scratch.at("f"));
    writeAtomically(scratch.at("f"), bytes("new"), { mode: 0o644 });
    expect(readFileSync(scratch.at("victim"), "utf8")).toBe("precious");
    expect(lstatSync(scratch.at("f")).isSymbolicLink()).toBe(false);
    holds(scratch.path, "f", "victim");
  });

  test.skipIf(!AS_ROOT)("belongs to whom it was said to", () => {
    using scratch = new Scratch();
    writeAtomically(scratch.at("f"), bytes("x"), { mode: 0o600, owner: { uid: 65_534, gid: 65_533 } });
    expect(lstatSync(scratch.at("f"))).toMatchObject({ uid: 65_534, gid: 65_533 });
  });

  test("in a directory that is not there is an error with its path", () => {
    expect(() => writeAtomically("/nonexistent/f", bytes("x"), { mode: 0o644 })).toThrow(
      'cannot open "/nonexistent": no such file or directory',
    );
  });

  test("over a directory is an error, and leaves nothing", () => {
    using scratch = new Scratch();
    mkdirSync(scratch.at("d"));
    expect(() => writeAtomically(scratch.at("d"), bytes("x"), { mode: 0o644 })).toThrow(/is a directory/);
    holds(scratch.path, "d");
  });

  test("can be prepared, then filled with less or more, or given up", () => {
    using scratch = new Scratch();
    const short = prepareFile(scratch.at("short"), 16, { mode: 0o644 });
    expect(existsSync(scratch.at("short"))).toBe(false);
    short.commit(bytes("7\n"));
    expect(readFileSync(scratch.at("short"), "utf8")).toBe("7\n");
    const long = prepareFile(scratch.at("long"), 2, { mode: 0o644 });
    long.commit(bytes("123456\n"));
    expect(readFileSync(scratch.at("long"), "utf8")).toBe("123456\n");
    const given = prepareFile(scratch.at("given"), 16, { mode: 0o644 });
    given.abort();
    given.abort();
    expect(() => given.commit(bytes("x"))).toThrow(/committed or aborted before/);
    holds(scratch.path, "long", "short");
  });

  test.skipIf(!AS_ROOT)(
    "on a full disk fails when it is prepared, keeps the old file, and leaves nothing",
    () => {
      using scratch = new Scratch();
      mkdirSync(scratch.at("m"));
      mount({ source: "tmpfs", target: scratch.at("m"), type: "tmpfs", flags: 0, data: "size=64k" });
      try {
        writeFileSync(scratch.at("m", "pid"), "1\n");
        try {
          writeFileSync(scratch.at("m", "filler"), new Uint8Array(1 << 20));
        } catch {
          // full, as it should be
        }
        expect(() => prepareFile(scratch.at("m", "pid"), 16, { mode: 0o644 })).toThrow(
          `cannot write "${scratch.at("m", "pid")}": no space left on device`,
        );
        expect(() => writeAtomically(scratch.at("m", "pid"), bytes("2\n"), { mode: 0o644 })).toThrow(
          /no space left/,
        );
        expect(readFileSync(scratch.at("m", "pid"), "utf8")).toBe("1\n");
        holds(scratch.at("m"), "filler", "pid");
      } finally {
        unmount(scratch.at("m"), 0);
      }
    },
  );
});

test("a file of /proc is read whole, and one that is not there is null", () => {
  expect(text(readVirtual("/proc/self/status")!)).toContain(`\nPid:\t${process.pid}\n`);
  expect(text(readVirtual("/proc/self/smaps")!).length).toBeGreaterThan(20_000);
  expect(readVirtual("/proc/self/nonexistent")).toBeNull();
});

test("a status by descriptor tells the file system's type", () => {
  const fd = openNoFollow("/proc/self/stat");
  expect(statFd(fd).fileSystem).toBe(0x9fa0);
  closeSync(fd);
});
