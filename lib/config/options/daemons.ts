/** Rows of the option table: the daemons, and the instance that they belong to. Data only. */
import { DAEMON_KEYS, DEFAULT_KEYS, defaultOption, type KeyType } from "./daemon_keys.ts";
import type { RowSource, ValueType } from "./option_row.ts";

export const DAEMON_ROWS: readonly RowSource[] = [
  {
    name: "attach-daemon",
    type: "string",
    repeatable: true,
    help: "run COMMAND, which stays in the foreground, and run it again whenever it ends",
  },
  {
    name: "attach-control-daemon",
    type: "string",
    repeatable: true,
    help: "like attach-daemon; when the command ends, the instance stops with its exit code",
  },
  {
    name: "smart-attach-daemon",
    type: "string",
    repeatable: true,
    help:
      "PIDFILE[,FREQ] COMMAND: the command daemonizes and writes PIDFILE; it survives reeve and is adopted",
  },
  {
    name: "smart-attach-daemon2",
    type: "string",
    repeatable: true,
    help:
      "PIDFILE[,FREQ] COMMAND: the command stays in the foreground, reeve daemonizes it and writes PIDFILE",
  },
  {
    name: "attach-daemon2",
    type: "keyval",
    repeatable: true,
    help: `KEY=VALUE,KEY=VALUE: run a daemon with all its settings; the keys are ${
      DAEMON_KEYS.map(({ key }) => key).join(" ")
    }`,
  },
  {
    name: "only-daemons",
    type: "string",
    repeatable: true,
    default: "all of them",
    help: "names, divided by blanks: of the sections [daemon:NAME] only these",
  },
  {
    name: "daemons-honour-stdin",
    type: "bool",
    default: "false",
    help: "leave the stdin of every daemon as reeve's own instead of /dev/null",
  },
];

const TYPES: Readonly<Partial<Record<KeyType, ValueType>>> = {
  int: "int",
  duration: "duration",
  path: "path",
  user: "user",
  group: "group",
  switch: "bool",
  bool: "bool",
  list: "list",
};

/** An option daemon-KEY for every key: its default for all daemons of the instance. */
export function defaultRows(): readonly RowSource[] {
  return DEFAULT_KEYS.map(({ key, aliases = [], type, default: usual, help, repeats }) => {
    const names = [key, ...aliases].flatMap((name) => [defaultOption(name), `daemon-${name}`]);
    return {
      name: defaultOption(key),
      aliases: [...new Set(names)].filter((name) => name !== defaultOption(key)),
      type: TYPES[type] ?? "string",
      repeatable: repeats !== undefined,
      default: usual,
      help: `for all daemons: ${help}`,
    };
  });
}

export const INSTANCE_ROWS: readonly RowSource[] = [
  {
    name: "instance-name",
    type: "string",
    default: "the stem of the first file",
    help: "name of the instance: of its run directory, and in its log lines",
  },
  {
    name: "run-dir",
    type: "path",
    default: "/run/reeve/NAME as root, else $XDG_RUNTIME_DIR/reeve/NAME",
    help: "directory for what reeve must remember while it runs",
  },
  {
    name: "state-dir",
    type: "path",
    default: "none",
    help:
      "directory for what reeve must remember over a stop and start: the daemons that were stopped with " +
      "--persist",
  },
  {
    name: "control-path",
    type: "path",
    default: "control in the run directory",
    help: "path of the control socket; the run directory then has a link to it",
  },
  {
    name: "control-allow",
    type: "string",
    repeatable: true,
    help: "USER or @GROUP, and :read, :operate or :admin (default: read): who may use the control socket " +
      "besides root and reeve's own user",
  },
  {
    name: "master",
    type: "bool",
    short: "M",
    served: "always",
    why: "reeve is always the master of its daemons",
    help: "enable the master process",
  },
  {
    name: "uid",
    type: "user",
    help: "run every daemon and as-user hook as this user; reeve itself stays root",
  },
  { name: "gid", type: "group", help: "run every daemon and as-user hook with this group" },
  { name: "immediate-uid", type: "user", help: "like uid" },
  { name: "immediate-gid", type: "group", help: "like gid" },
  { name: "add-gid", type: "group", repeatable: true, help: "add a supplementary group to those of uid" },
  {
    name: "no-initgroups",
    type: "bool",
    default: "false",
    help: "do not set the supplementary groups that the group database gives to uid",
  },
  {
    name: "user-env",
    type: "string",
    default: "user",
    help: "HOME, USER, LOGNAME and SHELL of what runs with a uid: that user's, or with inherit reeve's own",
  },
  {
    name: "umask",
    type: "string",
    help: "umask, in octal, of daemons and hooks; reeve's own files have modes of their own",
  },
  { name: "chdir", type: "path", help: "enter this directory before anything starts" },
  {
    name: "env",
    type: "string",
    repeatable: true,
    help: "NAME=VALUE: set a variable in the environment of daemons and hooks",
  },
  {
    name: "ienv",
    type: "string",
    repeatable: true,
    help: "like env, set at once: $(NAME) and if-env of later lines see it",
  },
  { name: "unenv", type: "string", repeatable: true, help: "remove a variable from the environment" },
  {
    name: "envdir",
    type: "path",
    repeatable: true,
    help: "set variables from a daemontools directory: a file is a variable, its text the value",
  },
  {
    name: "early-envdir",
    type: "path",
    repeatable: true,
    help: "like envdir, read at once: $(NAME) and if-env of later lines see it",
  },
  {
    name: "vars",
    type: "path",
    repeatable: true,
    help: "set variables from a file of NAME=VALUE lines",
  },
  { name: "pidfile", type: "path", help: "write reeve's pid to this file, as root" },
  { name: "pidfile2", type: "path", help: "write reeve's pid to this file, as the user of uid" },
  { name: "safe-pidfile", type: "path", help: "like pidfile, written once everything has started" },
  { name: "safe-pidfile2", type: "path", help: "like pidfile2, written once everything has started" },
  { name: "vacuum", type: "bool", default: "false", help: "remove pidfiles and FIFOs at exit" },
  {
    name: "daemonize",
    type: "path",
    short: "d",
    help: "go to the background, with stdout and stderr to this file",
  },
  {
    name: "daemonize2",
    type: "path",
    help: "like daemonize, but go to the background once everything has started",
  },
  {
    name: "master-fifo",
    type: "path",
    repeatable: true,
    help: "take one-letter commands from this FIFO: 0-9 l L p P q Q r R s",
  },
  {
    name: "procname-prefix",
    type: "string",
    help: "put this text in front of reeve's process name, which has room for 15 bytes",
  },
  { name: "procname-prefix-spaced", type: "string", help: "like procname-prefix, with a blank behind it" },
  {
    name: "binsh",
    type: "path",
    repeatable: true,
    default: "/bin/sh",
    help: "shell for commands that need one; the first that can be executed is used",
  },
  {
    name: "master-as-root",
    type: "bool",
    default: "false",
    help: "daemons run as root, whatever uid says, unless they have a uid of their own",
  },
  {
    name: "no-orphans",
    type: "bool",
    served: "always",
    why: "a daemon without a pidfile always ends with reeve",
    help: "kill the children when the master dies",
  },
  {
    name: "die-on-term",
    type: "bool",
    served: "always",
    why: "SIGTERM always stops, unless sigterm-reloads is set",
    help: "stop on SIGTERM",
  },
  {
    name: "log-master",
    type: "bool",
    served: "always",
    why: "logs go through reeve whenever a log option asks for it",
    help: "send all logs through the master",
  },
  {
    name: "fallback-config",
    type: "path",
    served: "accepted",
    why: "a configuration that fails is reported and the exit code says so",
    help: "run again with this configuration when the exit code is 1",
  },
];
