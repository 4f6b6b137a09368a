/**
 * Somebody else's FIFO, directory, socket or link where the instance of root looks: in /tmp anybody can make
 * one. It keeps no other daemon down, is said once, and what it was in the way of is there soon after it is
 * gone.
 */
import { expect } from "bun:test";
import { chmodSync, lchownSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import type { Scope } from "../e2e/harness.ts";
import { check, REEVE, reeve, root } from "../e2e/need.ts";
import { until } from "../e2e/wait.ts";
import { fixture } from "../fixtures/compile.ts";
import { makeFifo } from "../../lib/sys/file/fifo.ts";
import { closeFd } from "../../lib/sys/file/descriptor.ts";
import { listenAt } from "../../lib/sys/socket/scm.ts";

const STRANGER = 65534;

/** What is there; a socket has a file alone, or somebody who serves it. */
const PLANTED: Readonly<Record<string, (path: string) => void>> = {
  FIFO: (path) => makeFifo(path, 0o666),
  directory: (path) => mkdirSync(path),
  socket: (path) => closeFd(listenAt(path, 0o666)),
  "link to nowhere": (path) => symlinkSync("/nowhere/at/all", path),
  "link to a file": (path) => symlinkSync("/etc/hostname", path),
};

/**
 * The line with the path; whether what it was to be is there, once nothing is in the way. null: nothing is to
 * come.
 */
interface Victim {
  readonly line: (path: string) => string;
  readonly isThere: ((path: string) => boolean) | null;
}

const has = (path: string, pattern: RegExp): boolean => {
  try {
    return lstatSync(path).isFile() && pattern.test(readFileSync(path, "utf8"));
  } catch {
    return false;
  }
};
const isOwn = (path: string, kind: "isFIFO" | "isSocket" | "isFile"): boolean => {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found !== undefined && found[kind]() && found.uid === 0;
};
const pidThere = (path: string): boolean => has(path, /^[0-9]+\n$/);

const VICTIMS: Readonly<Record<string, Victim>> = {
  "a smart2 daemon's pidfile": {
    line: (path) => `attach-daemon2 = name=d,cmd=sleep 78441,daemonize=1,max_throttle=1,pidfile=${path}`,
    isThere: pidThere,
  },
  "a smart daemon's pidfile": {
    line: (path) =>
      `attach-daemon2 = name=d,cmd=${
        fixture("daemonize_with_pidfile")
      } ${path},max_throttle=1,pidfile=${path}`,
    isThere: (path) => has(path, /^[0-9]+/),
  },
  "a daemon's touch file": {
    line: (path) => `attach-daemon2 = name=d,cmd=sleep 78441,touch=${path}`,
    isThere: null,
  },
  "touch-reload": { line: (path) => `touch-reload = ${path}`, isThere: null },
  "pidfile": { line: (path) => `pidfile = ${path}`, isThere: pidThere },
  "pidfile2": { line: (path) => `pidfile2 = ${path}`, isThere: pidThere },
  "safe-pidfile": { line: (path) => `safe-pidfile = ${path}`, isThere: pidThere },
  "logto": { line: (path) => `logto = ${path}`, isThere: (path) => isOwn(path, "isFile") },
  "logto2": { line: (path) => `logto2 = ${path}`, isThere: (path) => isOwn(path, "isFile") },
  "master-fifo": { line: (path) => `master-fifo = ${path}`, isThere: (path) => isOwn(path, "isFIFO") },
  "stats": { line: (path) => `stats = ${path}`, isThere: (path) => isOwn(path, "isSocket") },
  "setns-socket": { line: (path) => `setns-socket = ${path}`, isThere: (path) => isOwn(path, "isSocket") },
  "run-dir": { line: (path) => `run-dir = ${path}`, isThere: null },
};

function plant(scope: Scope, kind: string): string {
  const directory = scope.directoryFor(`shared-${kind.replaceAll(" ", "-")}`);
  chmodSync(directory, 0o1777);
  const path = `${directory}/planted`;
  PLANTED[kind]!(path);
  lchownSync(path, STRANGER, STRANGER);
  return path;
}

for (const [name, { line, isThere }] of Object.entries(VICTIMS)) {
  check(
    `what a stranger puts at the path of ${name} keeps no other daemon down`,
    [reeve, root],
    async (scope) => {
      for (const kind of Object.keys(PLANTED)) {
        const path = plant(scope, kind);
        const config = scope.config([line(path), "attach-daemon = sleep 78440"]);
        const supervisor = scope.reeve(config);
        await scope.untilOne(/^sleep 78440$/);
        if (lstatSync(path).uid === STRANGER) rmSync(path, { recursive: true });
        if (isThere !== null) {
          await until(`${name} after a ${kind}`, () => isThere(path), {
            seconds: 20,
            explain: () => supervisor.log(),
          });
        }
        expect((await supervisor.stop()).code).toBe(0);
      }
    },
    120,
  );
}

check("a check names what a stranger has put in the way, as a warning; what is root's own is an error", [
  reeve,
  root,
], async (scope) => {
  const path = plant(scope, "directory");
  const config = scope.config([VICTIMS["a smart daemon's pidfile"]!.line(path)]);
  const verdict = async (): Promise<{ code: number; text: string }> => {
    const child = Bun.spawn([REEVE, "check", config], { stdio: ["ignore", "pipe", "pipe"] });
    const [out, err, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { code, text: out + err };
  };
  const planted = await verdict();
  expect(planted.text).toMatch(/warning: .*cannot use pidfile .*: it is a directory/);
  expect(planted.code).toBe(0);
  lchownSync(path, 0, 0);
  expect((await verdict()).code).toBe(2);
});
