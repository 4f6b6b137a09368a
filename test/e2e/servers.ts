/**
 * The servers whose life under a supervisor is tested: how each is configured, found and asked whether it
 * serves. What must happen to them is servers.test.ts; nothing here starts a supervisor.
 */
import { copyFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ask, freePort, type Scope } from "./harness.ts";
import { type Need, program, root, user } from "./need.ts";
import { commandLine, identify, pidIn, type ProcessId } from "./process.ts";
import { until } from "./wait.ts";

export interface Prepared {
  /** Lines of the section [uwsgi]. */
  readonly lines: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** The process that serves; null while there is none. */
  readonly find: () => ProcessId | null;
  readonly answers: () => Promise<boolean>;
  /** How often the command was started so far. */
  readonly starts: () => number;
}

export interface Server {
  readonly name: string;
  readonly kind: "dumb" | "smart";
  readonly needs: readonly Need[];
  /**
   * It changes its own user, and the kernel then forgets the parent-death signal: when reeve is killed it
   * lives on until the next start, which ends it before it starts another.
   */
  readonly outlivesKill?: true;
  readonly prepare: (scope: Scope) => Prepared | Promise<Prepared>;
}

const FIXTURES = resolve(import.meta.dir, "../fixtures");

function startsIn(path: string): number {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0;
}

/**
 * A program of that name in front of the real one on PATH, which notes each start: the configuration stays as
 * users write it.
 */
function countStarts(scope: Scope, name: string, real: string): { path: string; starts: () => number } {
  const notes = scope.write(`starts/${name}`, "", 0o666);
  const path = scope.write(`bin/${name}`, `#!/bin/sh\necho $$ >> ${notes}\nexec ${real} "$@"\n`, 0o755);
  return { path, starts: () => startsIn(notes) };
}

/** PATH with the counting programs in front. */
export function pathOf(scope: Scope): string {
  return `${scope.path("bin")}:${scope.environment["PATH"]}`;
}

function byPidfile(path: string): () => ProcessId | null {
  return () => {
    const pid = pidIn(path);
    return pid === null ? null : identify(pid);
  };
}

/** The oldest process whose command line matches: a server's own children often look like it. */
function byCommand(scope: Scope, pattern: RegExp): () => ProcessId | null {
  return () => {
    const found = scope.matching(pattern);
    return found.find((one) => !found.some((other) => other.pid === one.parent)) ?? null;
  };
}

const memcachedAnswers = (port: number) => async () =>
  (await ask(port, "version\r\n"))?.startsWith("VERSION") ?? false;
const redisAnswers = (port: number) => async () =>
  (await ask(port, "PING\r\n"))?.startsWith("+PONG") ?? false;

const memcached: readonly Server[] = [
  {
    name: "memcached",
    kind: "dumb",
    outlivesKill: true,
    needs: [program("memcached"), root],
    prepare: (scope) => {
      const port = freePort();
      const { starts } = countStarts(scope, "memcached", "/usr/bin/memcached");
      return {
        lines: [`attach-daemon = memcached -l 127.0.0.1 -p ${port} -u nobody`],
        find: byCommand(scope, new RegExp(`^/usr/bin/memcached .*-p ${port} `)),
        answers: memcachedAnswers(port),
        starts,
      };
    },
  },
  {
    name: "memcached that daemonizes, its pidfile in a directory like /tmp",
    kind: "smart",
    needs: [program("memcached"), root],
    prepare: (scope) => {
      const port = freePort();
      const pidfile = join(scope.directoryFor("tmp", 0o1777), "memcached.pid");
      const { starts } = countStarts(scope, "memcached", "/usr/bin/memcached");
      return {
        lines: [
          `smart-attach-daemon = ${pidfile} memcached -l 127.0.0.1 -p ${port} -d -P ${pidfile} -u nobody`,
        ],
        find: byPidfile(pidfile),
        answers: memcachedAnswers(port),
        starts,
      };
    },
  },
];

const redis: readonly Server[] = [
  {
    name: "redis",
    kind: "dumb",
    needs: [program("redis-server")],
    prepare: (scope) => {
      const port = freePort();
      const { starts } = countStarts(scope, "redis-server", "/usr/bin/redis-server");
      return {
        lines: [`attach-daemon = redis-server --bind 127.0.0.1 --port ${port} --save ''`],
        find: byCommand(scope, new RegExp(`^/usr/bin/redis-server .*${port}`)),
        answers: redisAnswers(port),
        starts,
      };
    },
  },
  {
    name: "redis that daemonizes",
    kind: "smart",
    needs: [program("redis-server")],
    prepare: (scope) => {
      const port = freePort();
      const pidfile = scope.path("redis.pid");
      const { starts } = countStarts(scope, "redis-server", "/usr/bin/redis-server");
      const options = `--bind 127.0.0.1 --port ${port} --save "" --daemonize yes --pidfile ${pidfile}`;
      return {
        lines: [`attach-daemon2 = cmd=redis-server ${options},pidfile=${pidfile},stopsignal=15`],
        find: byPidfile(pidfile),
        answers: redisAnswers(port),
        starts,
      };
    },
  },
];

function postgresDirectory(): string {
  const parent = "/usr/lib/postgresql";
  const newest = existsSync(parent)
    ? readdirSync(parent).sort((a, b) => Number(b) - Number(a))[0]
    : undefined;
  return join(parent, newest ?? "any", "bin");
}

const postgres: Server = {
  name: "a PostgreSQL cluster of the user postgres",
  kind: "smart",
  needs: [root, program(join(postgresDirectory(), "initdb"), "postgresql"), user("postgres")],
  prepare: async (scope) => {
    const port = freePort();
    const data = scope.directoryFor("cluster", 0o700);
    const sockets = scope.directoryFor("sockets", 0o1777);
    const asPostgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"];
    const owned = Bun.spawnSync(["chown", "postgres:postgres", data]);
    if (!owned.success) throw new Error(owned.stderr.toString());
    const made = await scope.run([
      ...asPostgres,
      join(postgresDirectory(), "initdb"),
      "-N",
      "-A",
      "trust",
      "-D",
      data,
    ], {
      seconds: 60,
    });
    if (made.code !== 0) throw new Error(`initdb failed: ${made.output}`);
    const { path, starts } = countStarts(scope, "postgres", join(postgresDirectory(), "postgres"));
    const options = `-D ${data} -p ${port} -c listen_addresses=127.0.0.1 -c fsync=off -k ${sockets}`;
    return {
      lines: [
        "uid = postgres",
        "gid = postgres",
        `smart-attach-daemon = ${data}/postmaster.pid ${path} ${options}`,
      ],
      find: byPidfile(`${data}/postmaster.pid`),
      // A start-up packet that asks for SSL is answered with one letter, once connections are taken.
      answers: async () => ["N", "S"].includes(await ask(port, "\0\0\0\x08\x04\xd2\x16\x2f") ?? ""),
      starts,
    };
  },
};

async function broker(scope: Scope): Promise<number> {
  const port = freePort();
  const child = scope.start(["redis-server", "--bind", "127.0.0.1", "--port", `${port}`, "--save", ""]);
  scope.track(child.id);
  await until("the broker answers", redisAnswers(port));
  copyFileSync(join(FIXTURES, "celery_tasks.py"), scope.path("tasks.py"));
  return port;
}

const celeryNeeds = [
  program("celery"),
  program("redis-server"),
  program("/usr/lib/python3/dist-packages/redis/__init__.py", "python3-redis"),
];

const celery: readonly Server[] = [
  {
    name: "a celery worker",
    kind: "smart",
    needs: celeryNeeds,
    prepare: async (scope) => {
      const port = await broker(scope);
      const pidfile = scope.path("celery.pid");
      const { starts } = countStarts(scope, "celery", "/usr/bin/celery");
      return {
        lines: [`smart-attach-daemon = ${pidfile} celery -A tasks worker --pool=solo --pidfile=${pidfile}`],
        environment: { TEST_BROKER: `redis://127.0.0.1:${port}/0` },
        find: byPidfile(pidfile),
        // It serves once it waits for a task.
        answers: async () => /cmd=brpop/.test(await ask(port, "CLIENT LIST\r\n") ?? ""),
        starts,
      };
    },
  },
  {
    name: "celery beat",
    kind: "smart",
    needs: celeryNeeds,
    prepare: async (scope) => {
      const port = await broker(scope);
      const pidfile = scope.path("celery-beat.pid");
      const { starts } = countStarts(scope, "celery", "/usr/bin/celery");
      const length = async () => Number(/^:(\d+)/.exec(await ask(port, "LLEN celery\r\n") ?? "")?.[1] ?? -1);
      return {
        lines: [
          `smart-attach-daemon = ${pidfile} celery -A tasks beat --schedule=${
            scope.path("schedule")
          } --pidfile=${pidfile}`,
        ],
        environment: { TEST_BROKER: `redis://127.0.0.1:${port}/0` },
        find: byPidfile(pidfile),
        answers: async () => {
          const before = await length();
          return before >= 0 &&
            await until("beat sends another task", async () => (await length()) > before, {
              seconds: 3,
            }).catch(() => false);
        },
        starts,
      };
    },
  },
];

const delayedJob: Server = {
  name: "delayed_job (a stand-in)",
  kind: "smart",
  needs: [program("/usr/bin/python3", "python3")],
  prepare: (scope) => {
    const script = scope.write("app/script/real", readFileSync(join(FIXTURES, "delayed_job.py")), 0o755);
    const notes = scope.write("starts/delayed_job", "", 0o666);
    scope.write("app/script/delayed_job", `#!/bin/sh\necho $$ >> ${notes}\nexec ${script} "$@"\n`, 0o755);
    const pidfile = join(scope.directoryFor("app/tmp/pids"), "delayed_job.pid");
    const find = byPidfile(pidfile);
    return {
      lines: [
        "env = RAILS_ENV=production",
        "rbrequire = bundler/setup",
        "rack = config.ru",
        `chdir = ${scope.path("app")}`,
        "smart-attach-daemon = %(chdir)/tmp/pids/delayed_job.pid %(chdir)/script/delayed_job start",
      ],
      find,
      answers: () => {
        const id = find();
        return Promise.resolve(id !== null && commandLine(id.pid).includes("start"));
      },
      starts: () => startsIn(notes),
    };
  },
};

const mongod: Server = {
  name: "mongod in the foreground (a stand-in)",
  kind: "smart",
  needs: [program("/usr/bin/python3", "python3")],
  prepare: (scope) => {
    const port = freePort();
    const pidfile = scope.path("mongo1.pid");
    scope.directoryFor("foo1");
    const { starts } = countStarts(scope, "mongod", `/usr/bin/python3 ${join(FIXTURES, "mongod.py")}`);
    return {
      lines: [
        `smart-attach-daemon = ${pidfile} mongod --pidfilepath ${pidfile} --dbpath foo1 --port ${port}`,
      ],
      find: byPidfile(pidfile),
      answers: async () => await ask(port, "") === `mongod ${port}\n`,
      starts,
    };
  },
};

const dropbear: Server = {
  name: "dropbear",
  kind: "dumb",
  needs: [program("/usr/sbin/dropbear", "dropbear-bin")],
  prepare: async (scope) => {
    const port = freePort();
    const key = scope.path("host_key");
    const made = await scope.run(["dropbearkey", "-t", "ed25519", "-f", key]);
    if (made.code !== 0) throw new Error(made.output);
    const { path, starts } = countStarts(scope, "dropbear", "/usr/sbin/dropbear");
    return {
      lines: [`attach-daemon = ${path} -j -k -p 127.0.0.1:${port} -r ${key} -P "" -E -F -I 300`],
      find: byCommand(scope, new RegExp(`^/usr/sbin/dropbear .*:${port} `)),
      answers: async () => (await ask(port, ""))?.startsWith("SSH-2.0-dropbear") ?? false,
      starts,
    };
  },
};

export const SERVERS: readonly Server[] = [
  ...memcached,
  ...redis,
  postgres,
  ...celery,
  delayedJob,
  mongod,
  dropbear,
];
