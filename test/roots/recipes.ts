/**
 * The roots that the end-to-end tests run on, as data: what each has of its own, and which of the programs
 * that daemons of the tests need are doors to the host's. Pure.
 */

export type RootName = "empty" | "busybox" | "alpine" | "debian" | "old-debian";

export interface Recipe {
  readonly name: RootName;
  /** In words, for the gate's output and the documents. */
  readonly what: string;
  /** The release that debootstrap installs; null: made of the files below alone. */
  readonly release: string | null;
  /** Packages besides the smallest set. */
  readonly packages: readonly string[];
  /** Files of the host that are copied: from, to. */
  readonly copies: readonly (readonly [string, string])[];
  /** Every applet of the static busybox, as links in /bin. */
  readonly applets: boolean;
  /** Empty files on which the host's are mounted: users and groups. */
  readonly users: boolean;
  /**
   * Programs of the host, by name or by a pattern of their paths; those that the root has itself are left
   * alone.
   */
  readonly doors: readonly string[];
}

export const BUSYBOX = "/bin/busybox";
export const MUSL = "/lib/x86_64-linux-musl/libc.so";

/** The servers of the end-to-end tests, and what they run on. */
const SERVERS = [
  "memcached",
  "redis-server",
  "celery",
  "python3",
  "dropbear",
  "/usr/lib/postgresql/*/bin/postgres",
] as const;

/**
 * What commands of the tests' configurations start by name, and the shell of the scripts that the tests
 * write.
 */
const TOOLS = [
  "sh",
  "bash",
  "cat",
  "cp",
  "echo",
  "env",
  "false",
  "head",
  "hostname",
  "ls",
  "mkdir",
  "mv",
  "printf",
  "rm",
  "setsid",
  "sleep",
  "test",
  "touch",
  "true",
] as const;

const NOTHING = {
  release: null,
  packages: [],
  copies: [],
  applets: false,
  users: false,
  doors: [...TOOLS, ...SERVERS],
} as const;

export const RECIPES: readonly Recipe[] = [
  { ...NOTHING, name: "empty", what: "an empty root with /proc and /dev" },
  {
    ...NOTHING,
    name: "busybox",
    what: "busybox alone",
    copies: [[BUSYBOX, "/bin/busybox"]],
    applets: true,
    users: true,
  },
  {
    ...NOTHING,
    name: "alpine",
    what: "Alpine's layout: musl and busybox",
    copies: [[BUSYBOX, "/bin/busybox"], [MUSL, "/lib/ld-musl-x86_64.so.1"], [
      MUSL,
      "/lib/libc.musl-x86_64.so.1",
    ]],
    applets: true,
    users: true,
  },
  {
    ...NOTHING,
    name: "debian",
    what: "Debian 12 by debootstrap",
    release: "bookworm",
    packages: ["dropbear-bin"],
    users: true,
  },
  {
    ...NOTHING,
    name: "old-debian",
    what: "Debian 11 by debootstrap: a glibc older than the build's",
    release: "bullseye",
    users: true,
  },
];

export function recipe(name: string): Recipe {
  const found = RECIPES.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new Error(`cannot find the root "${name}": there are ${RECIPES.map((one) => one.name).join(", ")}`);
}
