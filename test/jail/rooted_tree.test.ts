/** Paths beneath a root that is hostile: where they lead, and what they refuse to lead to. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jailTree, RootedTree } from "../../lib/jail/rooted_tree.ts";
import { readUsers } from "../../lib/jail/rooted_users.ts";
import { closeFd } from "../../lib/sys/file/descriptor.ts";
import { makeFifo } from "../../lib/sys/file/fifo.ts";
import { openDirectory } from "../../lib/sys/file/files.ts";
import { rootTest } from "../support/need_root.ts";
import { openDescriptors, openedSince } from "../support/descriptors.ts";

let directory: string;
let root: number;
let tree: RootedTree;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-rooted-"));
  mkdirSync(join(directory, "root/etc"), { recursive: true });
  mkdirSync(join(directory, "outside"));
  writeFileSync(join(directory, "outside/secret"), "secret");
  writeFileSync(join(directory, "root/etc/inner"), "inner");
  root = openDirectory(join(directory, "root"));
  tree = new RootedTree(() => root);
});
afterEach(() => {
  closeFd(root);
  rmSync(directory, { recursive: true, force: true });
});

const inside = (...names: string[]): string => join(directory, "root", ...names);
const outside = (...names: string[]): string => join(directory, "outside", ...names);
const read = (path: string): string => tree.target(path, "use", (held) => readFileSync(held, "utf8"));
const write = (path: string, text: string): void => {
  const fd = tree.openForWriting(path, { append: false, truncate: true, create: 0o644 });
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
};

test("a path means what it means with the root in the place of /", () => {
  symlinkSync("/etc/inner", inside("absolute"));
  symlinkSync("../../../../etc/inner", inside("climbing"));
  for (
    const path of ["/etc/inner", "etc/inner", "/../../etc/inner", "/absolute", "/climbing", "//etc//./inner"]
  ) {
    expect(read(path)).toBe("inner");
  }
});

test("no link, absolute or climbing, leads to a file outside", () => {
  symlinkSync(outside("secret"), inside("absolute"));
  symlinkSync("../outside/secret", inside("relative"));
  symlinkSync(outside(), inside("directory"));
  symlinkSync(`/proc/self/fd/${root}/../outside/secret`, inside("descriptor"));
  for (const path of ["/absolute", "/relative", "/directory/secret", "/descriptor", "/../outside/secret"]) {
    expect(() => read(path)).toThrow(/no such file/);
  }
});

test("what is made, changed or removed through a link that leads out is inside, or nothing", () => {
  symlinkSync(outside(), inside("way"));
  symlinkSync(outside("new"), inside("dangling"));
  expect(() => tree.entry("/way/new", "use", (path) => mkdirSync(path))).toThrow(/no such file/);
  expect(() => tree.entry("/way/secret", "use", unlinkSync)).toThrow(/no such file/);
  expect(() => tree.target("/way/secret", "use", (path) => chmodSync(path, 0))).toThrow(/no such file/);
  expect(() => write("/dangling", "x")).toThrow(/no such file/);
  mkdirSync(inside(outside()), { recursive: true });
  write("/dangling", "x");
  expect(readFileSync(inside(outside("new")), "utf8")).toBe("x");
  expect(existsSync(outside("new"))).toBe(false);
  expect(readFileSync(outside("secret"), "utf8")).toBe("secret");
});

test("the last name is not followed by what asks for the entry", () => {
  symlinkSync(outside("secret"), inside("link"));
  expect(tree.entry("/link", "look", (path) => lstatSync(path).isSymbolicLink())).toBe(true);
  expect(tree.entry("/link", "look", (path) => readlinkSync(path))).toBe(outside("secret"));
  tree.entry("/link/", "use", unlinkSync);
  expect([existsSync(inside("link")), existsSync(outside("secret"))]).toEqual([false, true]);
});

test("a path that ends with .. or / names a directory inside and nothing else", () => {
  const { ino } = statSync(inside());
  for (const path of ["/", "", "..", "/..", "/etc/..", "/etc/../..", "/."]) {
    expect(tree.entry(path, "look", (held) => lstatSync(held).ino)).toBe(ino);
    expect(tree.target(path === "" ? "/" : path, "look", (held) => statSync(held).ino)).toBe(ino);
  }
});

test("a FIFO does not wait for anybody, a directory is not written to", () => {
  makeFifo(inside("fifo"), 0o600);
  expect(() => write("/fifo", "x")).toThrow(/ENXIO|no such device/);
  expect(() => write("/etc", "x")).toThrow(/EISDIR|is a directory/);
});

test("a file that is written through is emptied and made as asked", () => {
  write("/etc/new", "first text");
  write("/etc/new", "second");
  const fd = tree.openForWriting("/etc/new", { append: true, truncate: false, create: null });
  writeSync(fd, ".");
  closeSync(fd);
  expect(readFileSync(inside("etc/new"), "utf8")).toBe("second.");
  expect(() => tree.openForWriting("/none", { append: false, truncate: false, create: null })).toThrow(
    /no such file/,
  );
});

test("no descriptor is left open, however a call ends", () => {
  const before = openDescriptors();
  for (const path of ["/etc/inner", "/none", "/etc/none", "/etc/inner/deeper"]) {
    for (const purpose of ["look", "use"] as const) {
      const fail = (): never => {
        throw new Error("as it may happen");
      };
      expect(() => tree.entry(path, purpose, fail)).toThrow();
      expect(() => tree.target(path, purpose, fail)).toThrow();
    }
  }
  expect(openedSince(before)).toEqual([]);
});

test("while there is no jail everything in it is missing", () => {
  const none = jailTree(() => null);
  expect(() => none.target("/", "look", statSync)).toThrow("cannot look into the jail: no such file");
  expect(() => none.openForWriting("/x", { append: false, truncate: false, create: 0o600 })).toThrow();
});

rootTest(
  "a device and a file of the kernel are used where the path names them, and not where a link does",
  () => {
    // The host's own root as the root: what is in /proc and /dev is at hand without a mount.
    const host = openDirectory("/");
    const whole = new RootedTree(() => host);
    const append = { append: true, truncate: false, create: null };
    const link = (target: string): string => {
      const path = join(directory, `link-${target.replaceAll("/", "-")}`);
      symlinkSync(target, path);
      return path;
    };
    try {
      closeSync(whole.openForWriting("/dev/null", append));
      expect(whole.target("/proc/sys/kernel/ostype", "use", (path) => readFileSync(path, "utf8"))).toBe(
        "Linux\n",
      );
      for (const target of ["/dev/null", "/proc/sys/kernel/ostype", "/sys/kernel/profiling"]) {
        if (!existsSync(target)) continue;
        const path = link(target);
        const refused = "it leads to a device or to a file of the kernel, which is not the jail's";
        expect(() => whole.openForWriting(path, append)).toThrow(refused);
        expect(() => whole.target(path, "use", statSync)).toThrow(refused);
        expect(whole.target(path, "look", (held) => statSync(held).ino)).toBe(statSync(target).ino);
      }
      expect(whole.entry("/proc/sys/kernel/none", "use", (path) => existsSync(path))).toBe(false);
      const directoryLink = link("/proc/sys/kernel");
      expect(() => whole.entry(`${directoryLink}/new`, "use", (path) => mkdirSync(path))).toThrow(
        /of the kernel/,
      );
    } finally {
      closeFd(host);
    }
  },
);

test("users are those of the root, bad lines passed over", () => {
  writeFileSync(
    inside("etc/passwd"),
    ["root:x:0:0::/:", "::::", "bad", "evil:x:-1:0", "big:x:4294967295:1::/:", "app:x:1234:1235::/:", "\0"]
      .join("\n"),
  );
  const users = readUsers(tree);
  expect(users.users.map(({ name, uid }) => [name, uid])).toEqual([["root", 0], ["app", 1234]]);
  expect(users.groups).toEqual([]);
});

test("a passwd of a gigabyte, a FIFO in its place, a link to the host's: nobody is read from there", () => {
  writeFileSync(inside("etc/passwd"), "");
  Bun.spawnSync(["truncate", "-s", "1G", inside("etc/passwd")]);
  const before = process.memoryUsage().rss;
  expect(() => readUsers(tree)).toThrow(
    'cannot read "/etc/passwd" of the jail: it has more than 4194304 bytes',
  );
  expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20);
  unlinkSync(inside("etc/passwd"));
  makeFifo(inside("etc/passwd"), 0o644);
  expect(() => readUsers(tree)).toThrow("it is no regular file");
  unlinkSync(inside("etc/passwd"));
  writeFileSync(outside("passwd"), "planted:x:77:77::/:\n");
  symlinkSync(outside("passwd"), inside("etc/passwd"));
  expect(readUsers(tree).users).toEqual([]);
});
