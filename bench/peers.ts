/**
 * The supervisors that are measured side by side: how each is configured to run the same commands and how it
 * is told to stop. Nothing is measured here, and nothing outside the given directory is written.
 */
import { chmodSync, existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

export interface Job {
  /** A fresh directory. */
  readonly directory: string;
  /** Command lines without shell syntax. */
  readonly commands: readonly string[];
  /** Pidfile of each command, in the same order, when they are smart daemons; else absent. */
  readonly pidfiles?: readonly string[];
}

export interface Launch {
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs the job's commands, which are paths inside, in a jail whose root that directory is. */
export type Jailer = (job: Job, root: string) => Launch;

export interface Peer {
  readonly name: string;
  /** What it needs to be there; the bench leaves it out otherwise. */
  readonly program: string;
  /** Signal that stops it and all daemons; null where it has none that waits for them. */
  readonly stopSignal: number | null;
  /** Runs the job's commands as supervised daemons; null where it cannot do the job. */
  readonly supervise: ((job: Job) => Launch) | null;
  /** As PID 1: runs one command besides reaping. */
  readonly firstProcess: ((job: Job) => Launch) | null;
  /**
   * PID, mount, UTS and IPC namespaces, and a /proc of their own; one command alone where it is no
   * supervisor.
   */
  readonly jail?: Jailer;
  /** How the name of PID 1 of its jail begins. */
  readonly jailInit?: string;
  /**
   * Commands to a supervisor that runs the job: the state of all daemons, the restart of the first, and that
   * its files have changed. `rewrite` changes them.
   */
  readonly operate?: (job: Job) => {
    readonly status: readonly string[];
    readonly restart: readonly string[];
    readonly apply: readonly string[];
    readonly rewrite: (job: Job) => void;
  };
  /** As `supervise`, each daemon in a PID namespace of its own. */
  readonly withNamespaces?: (job: Job) => Launch;
}

const TERM = 15;
const INT = 2;

function quoteForUwsgi(text: string): string {
  return text.replaceAll("%", "%%");
}

/**
 * `prefix` stands before each command: uWSGI keeps a shell between itself and a daemon that is not exec'ed,
 * and cannot stop it then.
 */
function uwsgiConfig(job: Job, extra: readonly string[], prefix = ""): string {
  const lines = ["[uwsgi]", "master = true", ...extra];
  job.commands.forEach((command, index) => {
    const pidfile = job.pidfiles?.[index];
    const option = pidfile === undefined ? "attach-daemon = " : `smart-attach-daemon = ${pidfile} `;
    lines.push(`${option}${prefix}${quoteForUwsgi(command)}`);
  });
  const path = join(job.directory, "bench.ini");
  writeFileSync(path, lines.join("\n") + "\n");
  return path;
}

/** A directory of service directories, as s6 and runit want them, with files besides `run`. */
function serviceDirectory(job: Job, files: Readonly<Record<string, string>>): string {
  const root = join(job.directory, "services");
  mkdirSync(root);
  job.commands.forEach((command, index) => {
    const service = join(root, `d${index}`);
    mkdirSync(service);
    writeFileSync(join(service, "run"), `#!/bin/sh\nexec ${command}\n`, { mode: 0o755 });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(service, name), text);
  });
  // runsvdir waits a second before it trusts a directory that was changed within the current one.
  const before = new Date(Date.now() - 10_000);
  utimesSync(root, before, before);
  return root;
}

function supervisordConfig(job: Job): string {
  const lines = [
    "[supervisord]",
    "nodaemon=true",
    "minfds=8192",
    `logfile=${join(job.directory, "supervisord.log")}`,
  ];
  lines.push(
    `pidfile=${join(job.directory, "supervisord.pid")}`,
    `childlogdir=${job.directory}`,
    "user=root",
    "[unix_http_server]",
    `file=${join(job.directory, "supervisor.sock")}`,
    "[rpcinterface:supervisor]",
    "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
    "[supervisorctl]",
    `serverurl=unix://${join(job.directory, "supervisor.sock")}`,
  );
  job.commands.forEach((command, index) => {
    lines.push(
      `[program:d${index}]`,
      `command=${command.replaceAll("%", "%%")}`,
      "startsecs=0",
      "stopwaitsecs=3",
    );
    lines.push("autorestart=true", "stdout_logfile=/dev/null", "stderr_logfile=/dev/null");
  });
  const path = join(job.directory, "supervisord.conf");
  writeFileSync(path, lines.join("\n") + "\n");
  return path;
}

function monitConfig(job: Job): string {
  const at = (name: string) => join(job.directory, name);
  const lines = ["set daemon 1", `set pidfile ${at("monit.pid")}`, `set idfile ${at("monit.id")}`];
  lines.push(`set statefile ${at("monit.state")}`, `set logfile ${at("monit.log")}`);
  job.commands.forEach((command, index) => {
    lines.push(`check process d${index} with pidfile ${job.pidfiles?.[index] ?? ""}`);
    lines.push(`  start program = "${command}"`);
  });
  const path = at("monitrc");
  writeFileSync(path, lines.join("\n") + "\n");
  chmodSync(path, 0o600);
  return path;
}

const REEVE = process.env["REEVE"] ?? resolve(import.meta.dir, "../dist/reeve");

/** For a container's init: `tini -- COMMAND`. */
function initOnly(name: string, ...words: string[]): Peer {
  return {
    name,
    program: name,
    stopSignal: null,
    supervise: null,
    firstProcess: (job) => ({ command: [name, ...words, ...(job.commands[0] ?? "").split(" ")] }),
  };
}

/** For a jail of one command. */
function jailOnly(name: string, options: (root: string) => readonly string[]): Peer {
  return {
    name,
    program: name,
    stopSignal: null,
    supervise: null,
    firstProcess: null,
    jail: (job, root) => ({ command: [name, ...options(root), ...(job.commands[0] ?? "").split(" ")] }),
  };
}

function reeve(job: Job, lines: readonly string[]): Launch {
  return { command: [REEVE, uwsgiConfig(job, [`run-dir = ${join(job.directory, "run")}`, ...lines])] };
}

export const PEERS: readonly Peer[] = [
  {
    name: "reeve",
    program: REEVE,
    stopSignal: TERM,
    supervise: (job) => reeve(job, []),
    firstProcess: (job) => ({ command: [REEVE, "--", ...(job.commands[0] ?? "").split(" ")] }),
    jail: (job, root) => reeve(job, [`namespace = ${root}`]),
    jailInit: "reeve-jail",
    operate: (job) => {
      const socket = ["--socket", join(job.directory, "run", "control")];
      const first = job.commands[0]?.split(" ")[0]?.split("/").at(-1) ?? "";
      return {
        status: [REEVE, "status", ...socket],
        restart: [REEVE, "restart", first, ...socket],
        apply: [REEVE, "apply", ...socket],
        rewrite: (changed) => void reeve(changed, []),
      };
    },
    withNamespaces: (job) =>
      reeve(
        { ...job, commands: [] },
        job.commands.map((command) => `attach-daemon2 = cmd=${command},ns_pid=true`),
      ),
  },
  {
    name: "uwsgi",
    program: "uwsgi",
    stopSignal: INT,
    supervise: (job) => ({ command: ["uwsgi", "--ini", uwsgiConfig(job, [], "exec ")] }),
    firstProcess: (job) => ({ command: ["uwsgi", "--ini", uwsgiConfig(job, [], "exec ")] }),
    jail: (job, root) => ({
      command: ["uwsgi", "--ini", uwsgiConfig(job, [`namespace = ${root}`], "exec ")],
    }),
  },
  {
    name: "s6",
    program: "s6-svscan",
    stopSignal: TERM,
    supervise: (job) =>
      job.pidfiles !== undefined ? neverServed("s6") : {
        command: ["s6-svscan", "-c", "2000", serviceDirectory(job, { "timeout-kill": "3000\n" })],
      },
    firstProcess: (job) => ({ command: ["s6-svscan", serviceDirectory(job, {})] }),
  },
  {
    name: "runit",
    program: "runsvdir",
    stopSignal: null,
    supervise: (job) =>
      job.pidfiles !== undefined
        ? neverServed("runit")
        : { command: ["runsvdir", "-P", serviceDirectory(job, {})] },
    firstProcess: null,
  },
  {
    name: "supervisord",
    program: "supervisord",
    stopSignal: TERM,
    supervise: (job) =>
      job.pidfiles !== undefined
        ? neverServed("supervisord")
        : { command: ["/usr/bin/python3", "/usr/bin/supervisord", "-n", "-c", supervisordConfig(job)] },
    firstProcess: (job) => ({
      command: ["/usr/bin/python3", "/usr/bin/supervisord", "-n", "-c", supervisordConfig(job)],
    }),
    operate: (job) => {
      const command = [
        "/usr/bin/python3",
        "/usr/bin/supervisorctl",
        "-c",
        join(job.directory, "supervisord.conf"),
      ];
      return {
        status: [...command, "status"],
        restart: [...command, "restart", "d0"],
        apply: [...command, "update"],
        rewrite: (changed) => void supervisordConfig(changed),
      };
    },
  },
  {
    name: "monit",
    program: "monit",
    stopSignal: null,
    supervise: (job) =>
      job.pidfiles === undefined
        ? neverServed("monit")
        : { command: ["monit", "-I", "-c", monitConfig(job)] },
    firstProcess: null,
  },
  initOnly("tini", "--"),
  initOnly("dumb-init"),
  initOnly("catatonit", "--"),
  jailOnly("unshare", (root) => [
    ...["--fork", "--pid", "--mount", "--uts", "--ipc", "--kill-child"],
    ...["--root", root, "--mount-proc"],
  ]),
  jailOnly("bwrap", (root) => [
    ...["--bind", root, "/", "--proc", "/proc", "--dev", "/dev"],
    ...["--unshare-pid", "--unshare-uts", "--unshare-ipc", "--die-with-parent"],
  ]),
];

/** Thrown by `supervise` for a kind of daemon that the peer does not have; the bench prints a dash. */
export class NotServed extends Error {}

function neverServed(name: string): never {
  throw new NotServed(`${name} does not serve this kind of daemon`);
}

export function isPresent(peer: Peer): boolean {
  return peer.program.includes("/") ? existsSync(peer.program) : Bun.which(peer.program) !== null;
}

/** First line of the peer's own version text, for the table's foot. */
export function versionOf(peer: Peer): string {
  const named: Record<string, string[]> = {
    "s6-svscan": ["dpkg-query", "-W", "-f", "${Version}", "s6"],
    runsvdir: ["dpkg-query", "-W", "-f", "${Version}", "runit"],
    monit: ["dpkg-query", "-W", "-f", "${Version}", "monit"],
    supervisord: ["dpkg-query", "-W", "-f", "${Version}", "supervisor"],
  };
  const result = Bun.spawnSync(named[peer.program] ?? [peer.program, "--version"]);
  return (result.stdout.toString() || result.stderr.toString()).split("\n")[0]?.trim() ?? "";
}
