/**
 * Root directories of hosts that lack what Bun's executables need, and programs run inside them. Everything
 * that a test makes or starts here ends with its Root.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { findGlibc } from "../../build/pack/glibc.ts";
import { fixture } from "../fixtures/compile.ts";
import { descendants, identify, type ProcessId, signal } from "../e2e/process.ts";
import { REEVE } from "../e2e/need.ts";
import { until } from "../e2e/wait.ts";

export const BUSYBOX = "/bin/busybox";
/** Where programs that are linked with glibc look for its loader. */
export const LOADER = process.arch === "arm64" ? "/lib/ld-linux-aarch64.so.1" : "/lib64/ld-linux-x86-64.so.2";
export const MUSL = "/lib/x86_64-linux-musl/libc.so";

export type Kind = "empty" | "empty with /dev" | "busybox" | "Alpine's layout" | "with a glibc of its own";

/** How a program is in its root. */
export interface Inside {
  /** PID 1 of its namespace; else a child of it. */
  readonly first: boolean;
  /** The namespace's own root is changed; else chroot. */
  readonly pivot: boolean;
}

export interface RunOptions {
  readonly inside?: Inside;
  readonly env?: Readonly<Record<string, string>>;
  /** Words before the command on the host: setarch, prlimit ... */
  readonly wrap?: readonly string[];
}

export interface Result {
  readonly status: number;
  /** stdout and stderr. */
  readonly text: string;
}

/** Static programs only: enter_root, and the fixtures that run inside. */
function enterRoot(): string {
  const program = join(dirname(fixture("hang")), "enter_root");
  const source = join(import.meta.dir, "enter_root.c");
  const building = `${program}.${crypto.randomUUID()}`;
  const result = Bun.spawnSync([
    "cc",
    "-O1",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-static",
    source,
    "-o",
    building,
  ]);
  if (!result.success) throw new Error(`cannot compile "${source}": ${result.stderr.toString()}`);
  return building;
}

export class Root implements AsyncDisposable {
  readonly path = mkdtempSync(join(tmpdir(), "reeve-root-"));
  readonly #enter = enterRoot();
  readonly #started: ProcessId[] = [];

  constructor(kind: Kind, executable: string = REEVE) {
    this.copy(executable, "/reeve");
    this.copy(fixture("hang"), "/hang");
    this.copy(fixture("print_state"), "/print_state");
    mkdirSync(join(this.path, "proc"));
    if (kind === "empty") return;
    this.write("/dev/null", "");
    if (kind === "empty with /dev") return;
    if (kind === "with a glibc of its own") {
      this.copy("/bin/dash", "/bin/sh");
      const { directory, files } = findGlibc(process.arch === "arm64" ? "arm64" : "x64", null);
      for (const { name } of files) this.copy(join(directory, name), join(directory, name));
      this.copy(LOADER, LOADER);
      return;
    }
    this.copy(BUSYBOX, "/bin/busybox");
    for (const name of ["sh", "cat", "sleep", "env", "true"]) {
      symlinkSync("busybox", join(this.path, "bin", name));
    }
    if (kind === "busybox") return;
    this.copy(MUSL, "/lib/ld-musl-x86_64.so.1");
    this.write("/etc/hosts", "127.0.0.1 localhost\n");
    this.write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
  }

  copy(from: string, to: string): void {
    mkdirSync(dirname(join(this.path, to)), { recursive: true });
    // A copy that shares its blocks where the file system can: the executable is large.
    cpSync(from, join(this.path, to), { dereference: true, mode: 2 });
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.path, path)), { recursive: true });
    writeFileSync(join(this.path, path), text);
  }

  /** "" while it is not there. */
  read(path: string): string {
    return existsSync(join(this.path, path)) ? readFileSync(join(this.path, path), "utf8") : "";
  }

  #command(words: readonly string[], options: RunOptions): string[] {
    const { first = true, pivot = true } = options.inside ?? {};
    const how = [...(pivot ? ["--pivot"] : []), ...(first ? [] : ["--inner"])];
    return [...(options.wrap ?? []), this.#enter, ...how, this.path, ...words];
  }

  /** Runs a program to its end. */
  async run(words: readonly string[], options: RunOptions = {}): Promise<Result> {
    const running = this.start(words, options);
    return { status: await running.exited, text: running.text() };
  }

  start(words: readonly string[], options: RunOptions = {}): Running {
    const child = Bun.spawn(this.#command(words, options), {
      env: { ...options.env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const id = identify(child.pid);
    if (id !== null) this.#started.push(id);
    return new Running(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.#started) {
      // PID 1 of the namespace dies with its parent, and takes all with it.
      signal(id, "SIGKILL");
      await until("everything inside is gone", () => descendants(id.pid).length === 0);
    }
    rmSync(this.#enter, { force: true });
    rmSync(this.path, { recursive: true, force: true });
  }
}

export class Running {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  #text = "";
  readonly #read: Promise<unknown>;

  constructor(child: Bun.Subprocess<"ignore", "pipe", "pipe">) {
    this.#child = child;
    this.#read = Promise.all([this.#collect(child.stdout), this.#collect(child.stderr)]);
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.#text += decoder.decode(chunk, { stream: true });
  }

  get exited(): Promise<number> {
    return this.#read.then(() => this.#child.exited);
  }

  text(): string {
    return this.#text;
  }

  signal(name: "SIGHUP" | "SIGTERM"): void {
    this.#child.kill(name);
  }

  /** Processes inside by name, as the host sees them. */
  inside(name: string): number[] {
    return descendants(this.#child.pid).filter((one) => one.name === name && one.state !== "Z").map((one) =>
      one.pid
    );
  }

  untilText(pattern: RegExp, from = 0): Promise<string> {
    return until(`the output has ${pattern}`, () => pattern.exec(this.#text.slice(from))?.[0], {
      explain: () => this.#text,
    });
  }
}
