/** Rows of the option table: logs, reloads, hooks, waiting and limits. Data only. */
import type { RowSource } from "./option_row.ts";

export const LOGGING_ROWS: readonly RowSource[] = [
  { name: "logto", type: "path", help: "send stdout and stderr to this file" },
  { name: "logto2", type: "path", help: "like logto, the file created by the user of uid" },
  {
    name: "log-format",
    type: "string",
    default: "text",
    help: '"text", or "json" for one object a line; a format for requests, which uWSGI has here, is skipped',
  },
  {
    name: "log-date",
    type: "string",
    aliases: ["logdate"],
    argument: "optional",
    help: "begin reeve's log lines with this strftime format instead of an RFC 3339 time",
  },
  {
    name: "log-prefix",
    type: "string",
    argument: "optional",
    help: "begin reeve's log lines with this text",
  },
  {
    name: "log-maxsize",
    type: "size",
    default: "0",
    help: "rotate the log file at this many bytes; 0: never",
  },
  { name: "log-backupname", type: "path", help: "name of the rotated log file; default: FILE.<unix time>" },
  { name: "log-truncate", type: "bool", default: "false", help: "empty the log file at start" },
  {
    name: "logfile-chown",
    type: "bool",
    default: "false",
    help: "the log file belongs to the user of uid, one that is there already too",
  },
  {
    name: "logfile-chmod",
    type: "string",
    help: 'mode of the log file, three octal digits, of one that is there already too; a new one has "640"',
  },
  { name: "log-reopen", type: "bool", default: "false", help: "open the log file anew after a reload" },
];

export const RELOADING_ROWS: readonly RowSource[] = [
  {
    name: "reload-mercy",
    type: "duration",
    default: "3",
    help: "seconds from a daemon's stop signal to SIGKILL, where stop_timeout does not say",
  },
  { name: "exit-on-reload", type: "bool", default: "false", help: "exit with 0 instead of reloading" },
  {
    name: "sigterm-reloads",
    type: "bool",
    default: "false",
    help: "SIGTERM reloads, as uWSGI 2.0 has it, instead of stopping",
  },
  { name: "touch-reload", type: "list", help: "reload when this file is touched" },
  { name: "touch-logreopen", type: "list", help: "open the log file anew when this file is touched" },
  { name: "touch-logrotate", type: "list", help: "rotate the log file when this file is touched" },
  { name: "touch-exec", type: "list", help: "FILE COMMAND: run the command when the file is touched" },
  {
    name: "fs-reload",
    type: "list",
    aliases: ["fs-brutal-reload"],
    help: "reload when this file or directory changes",
  },
];

export const WAITING_ROWS: readonly RowSource[] = [
  {
    name: "wait-for-interface",
    type: "list",
    aliases: ["wait-interface", "wait-for-iface", "wait-iface"],
    help: "wait for this network interface to be up before the root hooks",
  },
  {
    name: "wait-for-interface-timeout",
    type: "duration",
    aliases: ["wait-interface-timeout", "wait-for-iface-timeout", "wait-iface-timeout"],
    default: "60",
    help: "seconds to wait for an interface; 0: for ever",
  },
  {
    name: "wait-for-mountpoint",
    type: "list",
    help: "wait until something is mounted on this directory before the root hooks",
  },
  { name: "wait-for-fs", type: "list", help: "wait for this path to exist before the root hooks" },
  { name: "wait-for-file", type: "list", help: "wait for this file to exist before the root hooks" },
  { name: "wait-for-dir", type: "list", help: "wait for this directory to exist before the root hooks" },
  {
    name: "wait-for-fs-timeout",
    type: "duration",
    default: "60",
    help: "seconds to wait for a path, file, directory or mount point; 0: for ever",
  },
  { name: "wait-for-socket", type: "list", help: "wait until this socket accepts connections" },
  {
    name: "wait-for-socket-timeout",
    type: "duration",
    default: "60",
    help: "seconds to wait for a socket; 0: for ever",
  },
];

export const LIMIT_ROWS: readonly RowSource[] = [
  { name: "limit-as", type: "int", help: "address space of each daemon, in megabytes" },
  { name: "limit-nproc", type: "int", help: "number of processes of each daemon's user" },
  { name: "prio", type: "int", help: "nice value of every daemon" },
  { name: "cpu-affinity", type: "int", help: "bind each daemon, in turn, to this many CPUs" },
  {
    name: "cap",
    type: "string",
    help: "capabilities, separated by commas, that daemons keep; they lose all others",
  },
];

interface Phase {
  readonly name: string;
  readonly when: string;
}

const PHASES: readonly Phase[] = [
  { name: "asap", when: "as soon as the configuration is read" },
  { name: "pre-jail", when: "before a jail is made" },
  { name: "post-jail", when: "outside, after a jail was made; its init is $UWSGI_JAIL_PID" },
  { name: "in-jail", when: "inside, after a jail was made" },
  {
    name: "as-root",
    when: "as root, once, before anything runs as another user; inside a jail where there is one",
  },
  { name: "as-user", when: "as the user of uid" },
  {
    name: "as-user-atexit",
    when: "as the user of uid, at exit and before a reload; a failure is reported only",
  },
  { name: "pre-app", when: "before the daemons start" },
  { name: "post-app", when: "once the daemons were started" },
];

/** Rows that exist for every phase; built, not written, so that no phase lacks one. */
export function hookRows(): RowSource[] {
  const rows: RowSource[] = [];
  for (const phase of PHASES) {
    const hook = { type: "list" } as const;
    rows.push({ name: `hook-${phase.name}`, help: `ACTION:ARGUMENTS: do this ${phase.when}`, ...hook });
    rows.push({ name: `exec-${phase.name}`, help: `run this command ${phase.when}`, ...hook });
    if (["asap", "pre-jail", "post-jail", "in-jail", "as-root"].includes(phase.name)) {
      rows.push({
        name: `mount-${phase.name}`,
        help: `FS SOURCE MOUNTPOINT [FLAGS]: mount ${phase.when}`,
        ...hook,
      });
      rows.push({ name: `umount-${phase.name}`, help: `MOUNTPOINT [FLAGS]: unmount ${phase.when}`, ...hook });
    }
  }
  rows.push({
    name: "hook-touch",
    type: "list",
    help: "FILE ACTION:ARGUMENTS: do this when the file is touched; commands only",
  });
  rows.push({
    name: "hook-master-start",
    type: "list",
    help: "ACTION:ARGUMENTS: do this when everything is started and reeve begins to supervise",
  });
  rows.push({
    name: "hook-accepting",
    type: "list",
    aliases: ["hook-accepting1", "hook-accepting-once", "hook-accepting1-once"],
    help: "ACTION:ARGUMENTS: do this, once, after hook-master-start",
  });
  return rows;
}
