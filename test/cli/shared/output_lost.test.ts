/**
 * What a command does when its output cannot be written: on a full disk it fails, without a reader it is
 * quiet.
 */
import { beforeAll, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { COMMANDS } from "../../../lib/cli/shared/commands.ts";
import { closeFd, openPipe } from "../../../lib/sys/file/descriptor.ts";
import { Directory, PROGRAM, reeve } from "../cli.ts";

/** Every way to make reeve print something and end; FILE is a configuration. */
const OUTPUTS: Readonly<Record<string, readonly string[]>> = {
  check: ["check FILE", "check FILE --json"],
  plan: ["plan FILE", "plan FILE --json", "plan FILE --as=sections", "plan FILE --as=lines"],
  doctor: ["doctor", "doctor --json"],
  completion: ["completion bash", "completion zsh", "completion fish"],
  schema: ["schema"],
  man: ["man"],
  help: ["help", "help uid", "help check", "help socket", "--help"],
  run: ["FILE --show-config", "FILE --get attach-daemon"],
  version: ["version", "--version"],
  // What these say comes from an instance that runs; they print through the same Output.
  enter: [],
  legion: [],
  status: [],
  start: [],
  stop: [],
  restart: [],
  signal: ["signal --list"],
  wait: [],
  events: [],
  reload: [],
  apply: [],
  healthcheck: [],
  names: [],
};

/** Closes `fd`, which becomes the standard output. */
function runInto(fd: number, words: readonly string[]): { readonly code: number; readonly err: string } {
  try {
    const { exitCode, stderr } = Bun.spawnSync([...PROGRAM, ...words], {
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: "/" },
      stdin: null,
      stdout: fd,
      stderr: "pipe",
      timeout: 20_000,
    });
    return { code: exitCode, err: stderr.toString() };
  } finally {
    closeSync(fd);
  }
}

function pipeWithoutReader(): number {
  const { reader, writer } = openPipe({ nonblock: false });
  closeFd(reader);
  return writer;
}

// The native library may have to be compiled first.
beforeAll(() => closeFd(pipeWithoutReader()), 60_000);

test("every command has its outputs here", () => {
  expect(Object.keys(OUTPUTS).sort()).toEqual(COMMANDS.map(({ name }) => name).sort());
});

for (const shown of Object.values(OUTPUTS).flat()) {
  test(`reeve ${shown}: a full disk is a failure, a reader that went away is none`, () => {
    using directory = new Directory();
    const file = directory.file("a.ini", "[uwsgi]\nattach-daemon = sleep 1\n");
    const words = shown.split(" ").map((word) => word === "FILE" ? file : word);
    const { code, out, err } = reeve(words);
    expect([code, out === ""]).toEqual([0, false]);
    expect(runInto(openSync("/dev/full", "w"), words)).toEqual({
      code: 1,
      err: `${err}cannot write the standard output: no space left on device\n`,
    });
    expect(runInto(pipeWithoutReader(), words)).toEqual({ code: 0, err });
  });
}

test("a command that failed keeps its own exit code", () => {
  using directory = new Directory();
  const file = directory.file("a.ini", "[uwsgi]\nuid = no-such-user\n");
  const { code, err } = runInto(openSync("/dev/full", "w"), ["check", file]);
  expect(code).toBe(2);
  expect(err).toContain("cannot write the standard output: no space left on device\n");
});
