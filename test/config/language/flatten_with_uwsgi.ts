/** Asks uWSGI itself to flatten a configuration. */
import { spawn, spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";

export const UWSGI = "/usr/bin/uwsgi-core";
/** What stands for a configuration that was refused. */
export const REFUSED = "refused\n";
/**
 * What uWSGI is asked with; without no-server it would go on to start. reeve does not have it, nor need it.
 */
const WORDS = ["--show-config", "--no-server"];
const OWN_LINE = "no-server = true\n";

const BEGIN = "\n;uWSGI instance configuration\n[uwsgi]\n";
const END = ";end of configuration\n";

export interface Run {
  readonly words: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Path of what stands in for stdin. */
  readonly stdin?: string | null;
}

/** The environment of both: theirs alone, so that no variable of the machine is taken for an option. */
export function environmentOf(own: Readonly<Record<string, string>>): Record<string, string> {
  return { PATH: "/usr/bin:/bin", HOME: "/root", ...own };
}

/** The lines that it shows, or REFUSED. It is ended as soon as it has shown them. */
export async function flattenWithUwsgi(run: Run): Promise<string> {
  const stdin = run.stdin == null ? "ignore" : openSync(run.stdin, "r");
  const child = spawn(UWSGI, [...WORDS, ...run.words], {
    cwd: run.cwd,
    env: environmentOf(run.environment),
    stdio: [stdin, "pipe", "pipe"],
  });
  if (typeof stdin === "number") closeSync(stdin);
  const impatient = setTimeout(() => child.kill("SIGKILL"), 10_000);
  let text = "";
  const take = (chunk: Uint8Array): void => {
    text += new TextDecoder("utf-8").decode(chunk, { stream: true });
    if (text.includes(END)) child.kill("SIGKILL");
  };
  child.stderr?.on("data", take);
  child.stdout?.on("data", take);
  await new Promise((resolve) => child.on("close", resolve));
  clearTimeout(impatient);
  return shownIn(text);
}

/** The same, for many short runs. */
export function flattenWithUwsgiNow(run: Run): string {
  const { stdout, stderr } = spawnSync(UWSGI, [...WORDS, ...run.words], {
    cwd: run.cwd,
    env: environmentOf(run.environment),
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    timeout: 10_000,
    killSignal: "SIGKILL",
  });
  return shownIn(stderr + stdout);
}

function shownIn(text: string): string {
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END);
  return from < 0 || to < 0 ? REFUSED : text.slice(from + BEGIN.length, to).replace(OWN_LINE, "");
}
