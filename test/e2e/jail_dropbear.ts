/**
 * Roots with an ssh server in them, and a way in: a Debian as debootstrap leaves it, and a busybox beside
 * which lies dropbear with the libraries that it names. Nothing of the host is changed: the roots, their
 * mounts and the server's port are in namespaces of the supervisor's.
 */
import { copyFileSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { builtRoot } from "../roots/cache.ts";
import { recipe } from "../roots/recipes.ts";
import type { Scope, StartOptions } from "./harness.ts";
import { busybox, busyboxRoot } from "./jail_root.ts";
import { type Need, program } from "./need.ts";
import { until } from "./wait.ts";

export const DROPBEAR = "/usr/sbin/dropbear";
export const PORT = 1022;

export interface SshRoot {
  readonly name: string;
  readonly needs: readonly Need[];
  /** Prepares the root; -> its directory, and how the supervisor is to be started so that it is there. */
  readonly make: (scope: Scope) => Promise<{ readonly root: string; readonly options: StartOptions }>;
}

const CLIENT = [
  program(DROPBEAR, "dropbear-bin"),
  program("dbclient", "dropbear-bin"),
  program("nsenter", "util-linux"),
  program("ip", "iproute2"),
];

/** Words before reeve: namespaces of its own, in which `lines` of a shell have run. */
function inNamespaces(lines: readonly string[]): StartOptions {
  return {
    wrap: [
      "unshare",
      "--mount",
      "--net",
      "sh",
      "-ec",
      [...lines, "ip link set lo up", 'exec "$@"'].join("\n"),
      "sh",
    ],
  };
}

/**
 * Keys of the server and of the one who may log in, below `directory`; the client's is the scope's file
 * "key".
 */
async function installKeys(scope: Scope, directory: string): Promise<void> {
  const host = scope.directoryFor(`${directory}/etc/dropbear`);
  scope.directoryFor(`${directory}/root/.ssh`, 0o700);
  scope.directoryFor(`${directory}/root`, 0o700);
  await run(scope, ["dropbearkey", "-t", "ed25519", "-f", join(host, "dropbear_ed25519_host_key")]);
  const made = await run(scope, ["dropbearkey", "-t", "ed25519", "-f", scope.path("key")]);
  const key = /^ssh-ed25519 .*$/m.exec(made)?.[0];
  scope.write(`${directory}/root/.ssh/authorized_keys`, `${key}\n`, 0o600);
}

async function run(scope: Scope, command: readonly string[]): Promise<string> {
  const { code, output } = await scope.run(command);
  if (code !== 0) throw new Error(`cannot run "${command.join(" ")}": ${output}`);
  return output;
}

/** The cached root below, what is written above: in memory, and gone with the namespace. */
async function debian(scope: Scope): Promise<{ root: string; options: StartOptions }> {
  const lower = await builtRoot(recipe("debian"));
  await installKeys(scope, "above");
  const [root, layers] = [scope.directoryFor("ns"), scope.directoryFor("layers")];
  const options = inNamespaces([
    `mount -t tmpfs -o mode=755 tmpfs ${layers}`,
    `cp -a ${scope.path("above")} ${layers}/upper`,
    `mkdir ${layers}/work`,
    `mount -t overlay -o lowerdir=${lower},upperdir=${layers}/upper,workdir=${layers}/work overlay ${root}`,
  ]);
  return { root, options };
}

async function busyboxWithDropbear(scope: Scope): Promise<{ root: string; options: StartOptions }> {
  const root = busyboxRoot(scope);
  for (const applet of ["chown", "tty", "stty", "ps", "stat"]) {
    symlinkSync("busybox", join(root, "bin", applet));
  }
  const libraries = await run(scope, ["ldd", DROPBEAR]);
  for (const path of [DROPBEAR, ...libraries.match(/\/\S+/g) ?? []]) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    copyFileSync(path, join(root, path));
  }
  scope.write("root/etc/passwd", "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/:/bin/false\n");
  scope.write("root/etc/group", "root:x:0:\nwww-data:x:33:\n");
  await installKeys(scope, "root");
  return { root, options: inNamespaces([]) };
}

export const SSH_ROOTS: readonly SshRoot[] = [
  {
    name: "Debian by debootstrap",
    needs: [...CLIENT, program("debootstrap"), program("setcap", "libcap2-bin")],
    make: debian,
  },
  {
    name: "busybox alone, with a dropbear that was copied",
    needs: [...CLIENT, busybox],
    make: busyboxWithDropbear,
  },
];

export interface Login {
  /** Types and waits until the terminal shows a match, in what came since. */
  readonly type: (text: string, shows: RegExp) => Promise<RegExpExecArray>;
  /** Code that dbclient ends with, which is that of the shell. */
  readonly ended: () => Promise<number>;
}

function client(scope: Scope, supervisor: number, words: readonly string[]): string[] {
  // The namespace of the supervisor's network; the files are ours.
  return [
    "nsenter",
    `--net=/proc/${supervisor}/ns/net`,
    "dbclient",
    "-y",
    "-i",
    scope.path("key"),
    "-p",
    `${PORT}`,
    ...words,
    "root@127.0.0.1",
  ];
}

/** Logs in on a terminal. `prompt`: what the shell shows when it waits. */
export async function logIn(scope: Scope, supervisor: number, prompt: RegExp): Promise<Login> {
  let shown = "";
  const decoder = new TextDecoder();
  const child = Bun.spawn(client(scope, supervisor, ["-t"]), {
    env: { ...scope.environment, TERM: "vt100" },
    cwd: scope.directory,
    terminal: {
      cols: 200,
      rows: 24,
      data: (_terminal, bytes) => void (shown += decoder.decode(bytes, { stream: true })),
    },
  });
  const explain = () => `${JSON.stringify(shown)}\n${scope.explain()}`;
  const shows = (pattern: RegExp, from: number) =>
    until(`the terminal shows ${pattern}`, () => pattern.exec(shown.slice(from)), { explain });
  await shows(prompt, 0);
  return {
    type: async (text, pattern) => {
      const from = shown.length;
      child.terminal?.write(text);
      return await shows(pattern, from);
    },
    ended: async () => {
      await until("dbclient ends", () => child.exitCode !== null || null, { explain });
      return child.exitCode ?? -1;
    },
  };
}

/** Runs a command over ssh without a terminal. */
export async function overSsh(
  scope: Scope,
  supervisor: number,
  command: string,
): Promise<{ readonly code: number; readonly output: string }> {
  return await scope.run([...client(scope, supervisor, []), command], {
    environment: { HOME: scope.directory },
  });
}

/** Whether a connection is taken. */
export function listens(supervisor: number): boolean {
  const table = Bun.spawnSync(["cat", `/proc/${supervisor}/net/tcp`]).stdout.toString();
  const port = PORT.toString(16).toUpperCase().padStart(4, "0");
  return new RegExp(`:${port} 00000000:0000 0A`).test(table);
}
