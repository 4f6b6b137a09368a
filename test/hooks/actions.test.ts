import { afterEach, beforeEach, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performAction, type SystemAction } from "../../lib/hooks/actions.ts";
import { HOOK_VARIABLE, packHookRequest, runHookChild } from "../../lib/hooks/child.ts";
import { makeFifo } from "../../lib/sys/file/fifo.ts";
import { rootTest } from "../support/need_root.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-action-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const run = (action: SystemAction, umask: number | null = null) =>
  performAction(action, { cwd: directory, umask, root: null });
const text = (name: string) => readFileSync(join(directory, name), "utf8");
const mode = (name: string) => statSync(join(directory, name)).mode & 0o7777;

test("files are written, appended to, created and unlinked", () => {
  run({ kind: "write", path: "file", text: "one", append: false, newline: true });
  run({ kind: "write", path: "file", text: "two", append: true, newline: false });
  expect(text("file")).toBe("one\ntwo");
  run({ kind: "write", path: "file", text: "x", append: false, newline: false });
  expect(text("file")).toBe("x");
  run({ kind: "create", path: "file" });
  expect(text("file")).toBe("");
  run({ kind: "unlink", path: "file" });
  expect(existsSync(join(directory, "file"))).toBe(false);
});

test("directories are made with the instance's umask, modes changed, the sticky bit added", () => {
  run({ kind: "mkdir", path: "dir" }, 0o027);
  expect(mode("dir")).toBe(0o750);
  run({ kind: "chmod", path: "dir", mode: 0o711 });
  run({ kind: "sticky", path: "dir" });
  expect(mode("dir")).toBe(0o1711);
  run({ kind: "chdir", path: "dir" });
});

test("what fails says what, and why", () => {
  run({ kind: "mkdir", path: "dir" });
  expect(() => run({ kind: "mkdir", path: "dir" })).toThrow('cannot make directory "dir": file exists');
  expect(() => run({ kind: "chdir", path: "none" })).toThrow(
    'cannot change to directory "none": no such file or directory',
  );
  expect(() => run({ kind: "chown", path: "dir", owner: "nobody-of-that-name", group: "0", follow: true }))
    .toThrow(
      'cannot change the owner of "dir": there is no user "nobody-of-that-name"',
    );
  expect(() => run({ kind: "umount", target: "dir", flags: ["ro"] })).toThrow(
    'cannot unmount "dir": flag "ro" is one of mount',
  );
});

rootTest("an owner is given by name or number", () => {
  run({ kind: "mkdir", path: "dir" });
  run({ kind: "chown", path: "dir", owner: "nobody", group: "7", follow: true });
  const status = statSync(join(directory, "dir"));
  expect([status.uid, status.gid]).toEqual([65534, 7]);
});

test("a FIFO is written to when somebody reads, and it is no failure when nobody does", () => {
  makeFifo(join(directory, "fifo"), 0o600);
  run({ kind: "writefifo", path: "fifo", text: "lost" });
  const reader = openSync(join(directory, "fifo"), constants.O_RDONLY | constants.O_NONBLOCK);
  run({ kind: "writefifo", path: "fifo", text: "kept" });
  const buffer = Buffer.alloc(16);
  expect(buffer.toString("utf8", 0, readSync(reader, buffer))).toBe("kept");
  closeSync(reader);
  expect(() => run({ kind: "write", path: "fifo", text: "x", append: false, newline: false })).toThrow(
    /no such device/,
  );
});

test("a signal goes to a pid, and through a pidfile only to the process that it names", async () => {
  const child = spawn("sleep", ["60"]);
  try {
    await once(child, "spawn");
    writeFileSync(join(directory, "pidfile"), `${child.pid}\n`);
    run({ kind: "unix_signal", pid: "pidfile", signal: 0 });
    writeFileSync(join(directory, "self"), `${process.pid}\n`);
    expect(() => run({ kind: "unix_signal", pid: "self", signal: 0 })).toThrow(/names reeve itself/);
    const ended = once(child, "exit");
    run({ kind: "unix_signal", pid: String(child.pid), signal: 15 });
    expect((await ended)[1]).toBe("SIGTERM");
  } finally {
    child.kill("SIGKILL");
  }
  expect(() => run({ kind: "unix_signal", pid: "pidfile", signal: 15 })).toThrow(/does not exist/);
});

test("a hook child does what it is told and logs its failure in the instance's form", () => {
  const request = (action: SystemAction, hidden: boolean) => ({
    [HOOK_VARIABLE]: packHookRequest({
      action,
      context: { cwd: directory, umask: null, root: null },
      format: { format: "json", date: null, prefix: null, colour: false },
      hidden,
    }),
  });
  expect(runHookChild(request({ kind: "mkdir", path: "dir" }, false))).toBe(0);
  expect(mode("dir") & 0o700).toBe(0o700);
  expect(runHookChild({})).toBe(2);
  const program = `const { runHookChild } = await import(${
    JSON.stringify(join(import.meta.dir, "../../lib/hooks/child.ts"))
  }); process.exit(runHookChild(process.env));`;
  const failed = spawnSync(process.execPath, ["-e", program], {
    env: { ...process.env, ...request({ kind: "mkdir", path: "dir" }, false) },
  });
  expect(failed.status).toBe(1);
  expect(JSON.parse(failed.stderr.toString())).toMatchObject({
    level: "error",
    text: 'cannot make directory "dir": file exists',
  });
  const hidden = spawnSync(process.execPath, ["-e", program], {
    env: { ...process.env, ...request({ kind: "mkdir", path: "dir" }, true) },
  });
  expect(JSON.parse(hidden.stderr.toString()).text).toBe("a hidden hook failed");
});
