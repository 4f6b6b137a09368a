/** Pseudo-terminals of a root, and the settings of terminals. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { closeFd } from "../../../lib/sys/file/descriptor.ts";
import { errorCode } from "../../../lib/sys/errno.ts";
import { openDirectory } from "../../../lib/sys/file/files.ts";
import {
  openPty,
  rawSettings,
  readTerminal,
  readWindowSize,
  setTerminal,
  setWindowSize,
} from "../../../lib/sys/process/pty.ts";
import { isTerminal } from "../../../lib/sys/process/tty.ts";
import { rootTest } from "../../support/need_root.ts";
import { Scratch } from "../file/scratch.ts";
import { openDescriptors, openedSince } from "../../support/descriptors.ts";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

function codeOf(action: () => unknown): string | null {
  try {
    action();
    return null;
  } catch (error) {
    return errorCode(error);
  }
}

describe("a pseudo-terminal", () => {
  rootTest(
    "is of the root that was asked for, belongs to whom it is made for, and takes settings and size",
    () => {
      const root = openDirectory("/");
      const { master, slave } = openPty(root, { uid: 4321, gid: 4322 });
      expect(isTerminal(slave)).toBe(true);
      const name = readlinkSync(`/proc/self/fd/${slave}`);
      expect(name).toMatch(/^\/dev\/pts\/\d+$/);
      expect(statSync(name).uid).toBe(4321);
      setWindowSize(master, new Uint8Array([40, 0, 100, 0, 0, 0, 0, 0]));
      expect([...readWindowSize(slave).subarray(0, 4)]).toEqual([40, 0, 100, 0]);
      const raw = rawSettings(readTerminal(slave));
      setTerminal(slave, raw);
      expect(readTerminal(slave)).toEqual(raw);
      const shown = Bun.spawnSync(["stty", "-a"], { stdin: slave }).stdout.toString();
      for (
        const word of ["-icanon", "-isig", "-echo", "-opost", "-ixon", "-icrnl", "cs8", "min = 1", "time = 0"]
      ) {
        expect(shown).toContain(word);
      }
      for (const fd of [master, slave, root]) closeFd(fd);
    },
  );
  test("is not made where there is no devpts", () => {
    const root = openDirectory(scratch.path);
    const before = openDescriptors();
    expect(codeOf(() => openPty(root, { uid: 0, gid: 0 }))).toBe("ENOENT");
    expect(openedSince(before)).toEqual([]);
    closeFd(root);
  });
  test("what is no multiplexer is not opened", () => {
    const directory = scratch.at("dev", "pts");
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "ptmx"), "");
    const root = openDirectory(scratch.path);
    expect(codeOf(() => openPty(root, { uid: 0, gid: 0 }))).toBe("ENODEV");
    closeFd(root);
  });
});
