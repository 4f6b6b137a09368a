/**
 * The harness of the end-to-end tests: a fresh directory, supervisors started in it, and an end that leaves
 * no process, mount or file behind. It asserts nothing itself and signals only what it started, by (pid,
 * start time).
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { decode } from "../../lib/records/codec.ts";
import { JAIL_RECORD } from "../../lib/records/jail_record.ts";
import { REEVE, SYSTEM_PATH } from "./need.ts";
import {
  allProcesses,
  commandLine,
  descendants,
  environment,
  exists,
  identify,
  inspect,
  isAlive,
  link,
  minds,
  type ProcessId,
  type ProcessState,
  sameProcess,
  signal,
} from "./process.ts";
import { until } from "./wait.ts";

export interface StartOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** "null" unless told. */
  readonly stdin?: "null" | "pipe";
  /**
   * Words put in front of the command: ["setpriv", ...], ["sh", "-c", 'ulimit -n 40; exec "$@"', "sh"] ...
   */
  readonly wrap?: readonly string[];
  /** As PID 1 of a new PID namespace with its own /proc. */
  readonly firstProcess?: boolean;
}

export interface Exit {
  /** As a shell reports it: 128+n for a signal. */
  readonly code: number;
  readonly output: string;
}

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** One supervisor process that a Scope started. */
export class Supervisor {
  readonly #child: Bun.Subprocess<"ignore" | "pipe", number, number>;
  readonly #logPath: string;
  readonly #outer: ProcessId;
  #inner: ProcessId | null = null;
  readonly #firstProcess: boolean;
  readonly #scope: Scope;

  constructor(
    scope: Scope,
    child: Bun.Subprocess<"ignore" | "pipe", number, number>,
    logPath: string,
    firstProcess: boolean,
  ) {
    const outer = identify(child.pid);
    if (outer === null) throw new Error("the supervisor was gone before it could be looked at");
    this.#scope = scope;
    this.#child = child;
    this.#logPath = logPath;
    this.#outer = outer;
    this.#firstProcess = firstProcess;
  }

  /** The supervisor itself; under firstProcess PID 1 as seen from outside, once it exists. */
  get id(): ProcessId {
    if (!this.#firstProcess) return this.#outer;
    if (this.#inner === null) throw new Error("call untilFirstProcess before");
    return this.#inner;
  }

  get outer(): ProcessId {
    return this.#outer;
  }

  /** Waits until PID 1 of the namespace has become something other than unshare. */
  async untilFirstProcess(): Promise<ProcessId> {
    this.#inner = await until("PID 1 of the namespace runs", () => {
      const child = descendants(this.#outer.pid).find((one) => one.parent === this.#outer.pid);
      return child !== undefined && child.name !== "unshare" ? identify(child.pid) : null;
    }, { explain: () => this.log() });
    return this.#inner;
  }

  /** The core that decides at the moment: a child of the keeper, which is the supervisor itself. */
  async untilCore(): Promise<ProcessState> {
    return await until("the core runs", () => this.#scope.coreOf(this.id), { explain: () => this.log() });
  }

  /** STOP to keeper and core, as a machine that stands still. */
  freeze(): void {
    const core = this.#scope.coreOf(this.id);
    for (const one of core === null ? [this.id] : [this.id, core]) signal(one, "SIGSTOP");
  }

  /** CONT to both. */
  thaw(): void {
    const core = this.#scope.coreOf(this.id);
    for (const one of core === null ? [this.id] : [core, this.id]) signal(one, "SIGCONT");
  }

  log(): string {
    return readFileSync(this.#logPath, "utf8");
  }

  /** Waits for a line of the log that matches, in what was logged from `from` (a length of log()) on. */
  async untilLog(
    pattern: RegExp,
    options: { from?: number; seconds?: number } = {},
  ): Promise<RegExpExecArray> {
    return await until(`a log line like ${pattern}`, () => {
      const found = pattern.exec(this.log().slice(options.from ?? 0));
      if (found === null && !isAlive(this.#outer)) throw new Error(`ended before it logged ${pattern}`);
      return found;
    }, { seconds: options.seconds ?? 10, explain: () => this.log() });
  }

  signal(name: NodeJS.Signals | number): void {
    if (!signal(this.id, name)) throw new Error(`cannot signal the supervisor: it is gone\n${this.log()}`);
  }

  write(text: string): void {
    const stdin = this.#child.stdin;
    if (stdin === undefined || typeof stdin === "number") throw new Error("started without a pipe on stdin");
    void stdin.write(text);
    void stdin.flush();
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async untilExit(seconds = 15): Promise<Exit> {
    await until("the supervisor exits", () => this.hasExited, {
      seconds,
      explain: () => `${this.log()}\n${this.#scope.tree()}`,
    });
    const { exitCode, signalCode } = this.#child;
    const code = exitCode ?? 128 + (SIGNAL_NUMBERS[signalCode ?? ""] ?? 127);
    return { code, output: this.log() };
  }

  /** TERM (or another signal), then waits for the exit. */
  async stop(name: NodeJS.Signals = "SIGTERM"): Promise<Exit> {
    this.signal(name);
    return await this.untilExit();
  }

  /** KILL, then waits until it is gone. */
  async kill(): Promise<void> {
    signal(this.id, "SIGKILL");
    await until("the killed supervisor is gone", () => !exists(this.id));
  }
}

let scopes = 0;

export class Scope implements AsyncDisposable {
  /** Others may enter it: daemons run as other users. */
  readonly directory: string;
  readonly #mark: string;
  readonly #supervisors: Supervisor[] = [];
  readonly #tracked: ProcessId[] = [];
  readonly #closers: (() => void | Promise<void>)[] = [];

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), "reeve-e2e-"));
    chmodSync(this.directory, 0o755);
    this.#mark = `${process.pid}-${scopes++}`;
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  /** Writes a file of the scope; resolves links of directories that are not there yet by making them. */
  write(name: string, text: string | Uint8Array, mode = 0o644): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode });
    chmodSync(path, mode);
    return path;
  }

  directoryFor(name: string, mode = 0o755): string {
    const path = this.path(name);
    mkdirSync(path, { recursive: true });
    chmodSync(path, mode);
    return path;
  }

  /**
   * A configuration file with the section [uwsgi] and a run directory of its own (which uWSGI takes for a
   * placeholder).
   */
  config(lines: readonly string[], name = "test.ini"): string {
    return this.write(name, ["[uwsgi]", `run-dir = ${this.path("run")}`, ...lines, ""].join("\n"));
  }

  /** What every process of the scope gets unless a test says otherwise. */
  get environment(): Record<string, string> {
    return {
      PATH: SYSTEM_PATH,
      HOME: this.directory,
      LANG: "C.UTF-8",
      TZ: "UTC",
      REEVE_E2E: this.#mark,
      ...(process.env["UBSAN_OPTIONS"] === undefined ? {} : { UBSAN_OPTIONS: process.env["UBSAN_OPTIONS"] }),
    };
  }

  start(command: readonly string[], options: StartOptions = {}): Supervisor {
    const logPath = this.path(`log.${this.#supervisors.length}`);
    // One description, opened for appending, so that the order of lines is the true one.
    const log = openSync(logPath, "a", 0o666);
    const namespace = options.firstProcess === true
      ? ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
      : [];
    const child = Bun.spawn([...namespace, ...(options.wrap ?? []), ...command], {
      cwd: options.cwd ?? this.directory,
      env: { ...this.environment, ...options.environment },
      stdin: options.stdin === "pipe" ? "pipe" : "ignore",
      stdout: log,
      stderr: log,
      detached: true,
    });
    closeSync(log);
    const supervisor = new Supervisor(this, child, logPath, options.firstProcess ?? false);
    this.#supervisors.push(supervisor);
    return supervisor;
  }

  reeve(words: string | readonly string[], options: StartOptions = {}): Supervisor {
    return this.start([REEVE, ...(typeof words === "string" ? [words] : words)], options);
  }

  /** The same configuration under uWSGI. */
  uwsgi(config: string, options: StartOptions = {}): Supervisor {
    return this.start(["uwsgi", "--ini", config, "--master", "--die-on-term"], options);
  }

  /** Runs a short command and resolves with its exit. */
  async run(command: readonly string[], options: StartOptions & { seconds?: number } = {}): Promise<Exit> {
    return await this.start(command, options).untilExit(options.seconds);
  }

  /** A helper process of the test itself (a client, a stand-in), ended with the scope. */
  track(id: ProcessId | null): void {
    if (id !== null) this.#tracked.push(id);
  }

  /** Called at the end, last one first, before files are removed: for umount and the like. */
  atEnd(close: () => void | Promise<void>): void {
    this.#closers.unshift(close);
  }

  /**
   * Everything alive that was started here: marked in its environment, at home in our directory, or a
   * descendant.
   */
  ours(): ProcessState[] {
    const all = allProcesses().filter((one) => one.state !== "Z" && one.pid !== process.pid);
    const known = new Set(this.#tracked.map((id) => `${id.pid} ${id.start}`));
    for (const supervisor of this.#supervisors) {
      known.add(`${supervisor.outer.pid} ${supervisor.outer.start}`);
    }
    const roots = all.filter((one) =>
      known.has(`${one.pid} ${one.start}`) ||
      environment(one.pid)["REEVE_E2E"] === this.#mark ||
      (link(one.pid, "cwd") ?? "").startsWith(this.directory) ||
      commandLine(one.pid).some((word) => word.includes(`${this.directory}/`))
    );
    const found = new Map<number, ProcessState>();
    for (const one of [...roots, ...roots.flatMap((each) => descendants(each.pid, all))]) {
      found.set(one.pid, one);
    }
    found.delete(process.pid);
    return [...found.values()];
  }

  /** Content of a file of the scope, or "" while it is not there. */
  read(name: string): string {
    try {
      return readFileSync(this.path(name), "utf8");
    } catch {
      return "";
    }
  }

  /** Waits until a file of the scope matches. */
  async untilFile(name: string, pattern: RegExp, seconds = 10): Promise<RegExpExecArray> {
    return await until(`${name} has a line like ${pattern}`, () => pattern.exec(this.read(name)), {
      seconds,
      explain: () => `${name}: ${this.read(name)}`,
    });
  }

  /** Those of ours whose command line matches, as they are once they have it: before, it was a helper's. */
  matching(pattern: RegExp): ProcessState[] {
    // A core has the command line of its supervisor, which is who is meant.
    const found = this.ours().filter(({ name }) => !name.endsWith("reeve-core"));
    return found.filter((one) => pattern.test(commandLine(one.pid).join(" "))).flatMap((one) => {
      const now = inspect(one.pid);
      return now !== null && sameProcess(now, one) ? [now] : [];
    });
  }

  /** null: the supervisor has none at the moment. */
  coreOf(supervisor: ProcessId): ProcessState | null {
    const isCore = ({ pid, parent, name, state }: ProcessState): boolean =>
      pid !== supervisor.pid && parent === supervisor.pid && name.includes("reeve-core") && state !== "Z";
    return allProcesses().find(isCore) ?? null;
  }

  /** Waits until exactly one process of ours matches, and resolves with it. */
  async untilOne(pattern: RegExp, seconds = 10): Promise<ProcessState> {
    return await until(`exactly one process like ${pattern}`, () => {
      const found = this.matching(pattern);
      return found.length === 1 ? found[0] : null;
    }, { seconds, explain: () => this.explain() });
  }

  /** As untilOne, and waits until it ignores or catches that signal, which may be sent to it from then on. */
  async untilMinds(pattern: RegExp, signal: keyof typeof SIGNAL_NUMBERS): Promise<ProcessState> {
    return await until(`one process like ${pattern} minds ${signal}`, () => {
      const [found, ...others] = this.matching(pattern);
      return found !== undefined && others.length === 0 && minds(found.pid, SIGNAL_NUMBERS[signal] ?? 0)
        ? found
        : null;
    }, { explain: () => this.explain() });
  }

  /** The inits of jails that a killed supervisor of ours left on record: nothing in there bears our mark. */
  #jails(): ProcessId[] {
    const found: ProcessId[] = [];
    for (const file of new Bun.Glob("*/jail").scanSync({ cwd: this.directory, onlyFiles: true })) {
      try {
        const { pid, startTime } = decode(JAIL_RECORD, this.read(file)).identity;
        found.push({ pid, start: Number(startTime) });
      } catch {
        // A test's own file of that name.
      }
    }
    return found;
  }

  tree(): string {
    return this.ours().map((one) =>
      `${one.pid} parent ${one.parent} session ${one.session} ${one.state} ${commandLine(one.pid).join(" ")}`
    ).join("\n");
  }

  /** Logs and processes, for the message of a failed test. */
  explain(): string {
    const logs = this.#supervisors.map((one, index) => {
      const text = one.log();
      return `\n--- log ${index} ---\n${text.length > 4000 ? `...${text.slice(-4000)}` : text}`;
    });
    return `${logs.join("")}\n--- processes ---\n${this.tree()}\n`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The supervisors first, so that nothing is started again; then what they left.
    for (const one of this.#supervisors) {
      signal(one.outer, "SIGKILL");
      const inner = descendants(one.outer.pid).find((child) => child.parent === one.outer.pid);
      if (inner !== undefined && inspect(one.outer.pid)?.name === "unshare") signal(inner, "SIGKILL");
    }
    for (const jail of this.#jails()) signal(jail, "SIGKILL");
    const polite = performance.now() + 2000;
    await until("everything the test started has ended", () => {
      const left = this.ours();
      for (const one of left) {
        // A database that is killed leaves shared memory behind; a stopped process hears nothing but KILL.
        signal(one, performance.now() < polite && one.state !== "T" ? "SIGTERM" : "SIGKILL");
      }
      return left.length === 0;
    }, { seconds: 20, explain: () => this.tree() });
    for (const close of this.#closers) await close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A port of the loopback that was free a moment ago. */
export function freePort(): number {
  for (;;) {
    const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const port = listener.port;
    listener.stop(true);
    if (!hasDatagramSocket(port)) return port;
  }
}

/** A legion speaks UDP, whose ports are others. */
function hasDatagramSocket(port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")} `;
  return ["/proc/net/udp", "/proc/net/udp6"].some((table) =>
    existsSync(table) &&
    readFileSync(table, "utf8").split("\n").some((line) => line.slice(0, 50).includes(local))
  );
}

/**
 * Sends `text` to a port of the loopback and resolves with the answer's first bytes; null when nobody
 * answers.
 */
export async function ask(port: number, text: string, milliseconds = 1000): Promise<string | null> {
  const answer = Promise.withResolvers<string | null>();
  const timer = setTimeout(() => answer.resolve(null), milliseconds);
  try {
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_socket, bytes) => answer.resolve(bytes.toString("latin1")),
        close: () => answer.resolve(null),
        error: () => answer.resolve(null),
      },
    });
    if (text !== "") socket.write(Buffer.from(text, "latin1"));
    const result = await answer.promise;
    socket.end();
    return result;
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}
