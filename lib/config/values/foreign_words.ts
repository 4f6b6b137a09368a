/**
 * Words that people know from other supervisors, and what serves in their place here: as a key of
 * attach-daemon2, or as an option. Data only. A word that becomes a key or an option of ours leaves this
 * table.
 */

interface ForeignWord {
  readonly names: string;
  /** Follows "write " or stands alone: what to write, or plainly that nothing serves. */
  readonly instead: string;
}

const FOR_ONE = "for this one alone";

const WORDS: readonly ForeignWord[] = [
  {
    names: "restart autorestart respawn keepalive",
    instead:
      "a daemon that ends is started again in any case; control=1 ends the instance with it instead, " +
      "and a command that is to run once is a hook, such as exec-pre-app = COMMAND",
  },
  {
    names: "once oneshot run_once",
    instead: "a command that is to run once is a hook: exec-pre-app = COMMAND runs before the daemons",
  },
  {
    names: "after before requires require depends depends_on depends-on wants waits-for order startafter",
    instead: "there is no order among daemons in this version: let the command wait for what it needs, " +
      "or all of them with wait-for-socket = ADDRESS or wait-for-file = PATH",
  },
  {
    names: "environment environ envfile env_file environmentfile",
    instead: `write env=NAME=VALUE; env = NAME=VALUE, as an option, is for all daemons`,
  },
  {
    names: "log logto logto2 logfile log_file stdout stderr stdout_logfile stderr_logfile output " +
      "standardoutput standarderror redirect_stderr daemonize2",
    instead: `logto = FILE, as an option, takes the output of all daemons; ${FOR_ONE} write ` +
      "cmd=exec COMMAND >>FILE 2>&1",
  },
  {
    names: "limit limits limit-as limit_as limitas mem memory memory_max memorymax memory_limit",
    instead: `limit-as = MEGABYTES, as an option, is for all daemons; ${FOR_ONE} write ` +
      "cmd=ulimit -v KILOBYTES; exec COMMAND",
  },
  {
    names:
      "limit-nproc limit_nproc limitnproc nproc rlimit rlimits ulimit limit_nofile limitnofile nofile maxfds",
    instead:
      `limit-nproc = NUMBER, as an option, is for all daemons; ${FOR_ONE}, and for other limits, write ` +
      "cmd=ulimit -n NUMBER; exec COMMAND",
  },
  {
    names: "cpu cpus cpu_quota cpuquota cpu-affinity cpu_affinity affinity cpuaffinity",
    instead: `cpu-affinity = NUMBER, as an option, is for all daemons; ${FOR_ONE} write ` +
      "cmd=taskset -c LIST COMMAND; there is no quota in this version",
  },
  {
    names: "cgroup cgroups slice",
    instead: "there are no control groups in this version",
  },
  {
    names: "nice prio priority ionice",
    instead: `prio = NUMBER, as an option, is for all daemons; ${FOR_ONE} write cmd=nice -n NUMBER COMMAND`,
  },
  {
    names: "umask",
    instead: `umask = MODE, as an option, is for all daemons; ${FOR_ONE} write cmd=umask MODE; exec COMMAND`,
  },
  { names: "username owner runas", instead: "write uid=USER" },
  { names: "groupname", instead: "write gid=GROUP" },
  {
    names: "groups add-gid add_gid supplementary",
    instead: "the groups of the user of uid are set; add-gid = GROUP, as an option, is for all daemons",
  },
  {
    names: "dir directory cwd workdir workingdirectory working_dir working-dir cd",
    instead: "write chdir=DIRECTORY",
  },
  {
    names: "pid pid_file pid-file",
    instead: "write pidfile=FILE, and daemonize=1 where reeve is to write it",
  },
  {
    names: "timeout stopwaitsecs timeoutstopsec kill_timeout grace kill-delay graceperiod",
    instead: "write stop_timeout=SECONDS",
  },
  { names: "killsignal kill_signal kill-signal signal term", instead: "write stopsignal=NAME" },
  {
    names:
      "startsecs startretries restartsec restart_delay restart-delay delay backoff backoff-delay restart-limit",
    instead: "the pause before a new start grows by itself, up to max_throttle=SECONDS",
  },
  {
    names: "autostart enabled enable disabled",
    instead: "write startup=disabled for one that is not to be started with the instance",
  },
  {
    names: "watch reload_on on-change",
    instead: "write touch=FILE: the daemon is restarted when the file is touched",
  },
  {
    names: "health healthcheck health_check check checks ready readiness notify watchdog type",
    instead: "there are no checks of health or readiness in this version: a daemon counts as up once it runs",
  },
  {
    names: "numprocs instances processes count workers replicas scale",
    instead: "write one line for each daemon, or one line between for = 1 2 3 and endfor, with %(_) in it",
  },
  {
    names: "args arguments params command_args",
    instead: "the arguments stand in the command: cmd=COMMAND ARGUMENTS",
  },
  { names: "shell binsh", instead: "binsh = PROGRAM, as an option, is the shell of all commands" },
  { names: "cron schedule interval timer", instead: "nothing is run by the clock in this version" },
  { names: "cap capabilities cap_add", instead: "write caps=NAME;NAME, or caps=none" },
  { names: "namespace namespaces unshare", instead: "write ns=pid;mnt;net, or root=DIRECTORY" },
  {
    names: "description comment summary title",
    instead: "a comment is a line of its own that begins with ;",
  },
];

/** The words to write in an option's place, where they are not those of the key. */
const OPTIONS: Readonly<Record<string, string>> = {
  command: "write attach-daemon = COMMAND",
  cmd: "write attach-daemon = COMMAND",
  exec: "write attach-daemon = COMMAND",
  execstart: "write attach-daemon = COMMAND",
  program: "write attach-daemon = COMMAND",
  daemon: "write attach-daemon = COMMAND",
  user: "write uid = USER",
  group: "write gid = GROUP",
  directory: "write chdir = DIRECTORY",
  workingdirectory: "write chdir = DIRECTORY",
  environment: "write env = NAME=VALUE",
  log: "write logto = FILE",
  logfile: "write logto = FILE",
  stdout_logfile: "write logto = FILE",
};

let byName: Map<string, string> | null = null;

/** The substitute for a key that attach-daemon2 does not have; null: the word is not known. */
export function insteadOfKey(word: string): string | null {
  byName ??= new Map(WORDS.flatMap(({ names, instead }) => names.split(" ").map((name) => [name, instead])));
  return byName.get(word.toLowerCase()) ?? null;
}

/** The same for an option. */
export function insteadOfOption(name: string): string | null {
  const word = name.toLowerCase();
  return Object.hasOwn(OPTIONS, word) ? OPTIONS[word] ?? null : null;
}
