/**
 * Builds the roots, each once: a root is kept under the digest of its recipe and of what builds it. Outside
 * of the checkout, since it holds files of root and of other users. Must never leave half a root under its
 * final name.
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { SYSTEM_PATH } from "../e2e/need.ts";
import { until } from "../e2e/wait.ts";
import { BUSYBOX, type Recipe } from "./recipes.ts";

const CACHE = process.env["REEVE_ROOTS"] ?? "/var/cache/reeve/roots";
const MIRROR = process.env["REEVE_DEBIAN_MIRROR"] ?? "http://deb.debian.org/debian";
const BUILDERS = ["cache.ts", "door.c"] as const;

const building = new Map<string, Promise<string>>();

/**
 * Directory of the finished root; it is built when it is not there. Rejects with what went wrong, nothing
 * left behind.
 */
export function builtRoot(recipe: Recipe): Promise<string> {
  const started = building.get(recipe.name) ?? build(recipe);
  building.set(recipe.name, started);
  return started;
}

async function build(recipe: Recipe): Promise<string> {
  const doors = recipe.doors.flatMap(doorPaths);
  const name = `${recipe.name}-${digestOf(recipe, doors)}`;
  const finished = join(CACHE, name);
  mkdirSync(CACHE, { recursive: true, mode: 0o755 });
  await until(`nobody else builds "${finished}"`, () => !isBeingBuilt(name), { seconds: 300 });
  if (existsSync(finished)) return finished;
  const building = join(CACHE, `.${name}.${process.pid}`);
  rmSync(building, { recursive: true, force: true });
  mkdirSync(building);
  try {
    await installDebian(recipe, building);
    furnish(recipe, building);
    makeDoors(doors.filter((path) => !has(building, basename(path))), building);
    chmodSync(building, 0o755);
    if (!existsSync(finished)) renameSync(building, finished);
    return finished;
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
}

const HOUR_MS = 3_600_000;

/**
 * Whether another process that we see is at it. What one that has ended left behind is removed once no other
 * namespace may be at it.
 */
function isBeingBuilt(name: string): boolean {
  return readdirSync(CACHE).filter((entry) => entry.startsWith(`.${name}.`)).some((entry) => {
    if (existsSync(`/proc/${entry.split(".").at(-1)}`)) return true;
    const directory = join(CACHE, entry);
    const made = lstatSync(directory, { throwIfNoEntry: false })?.birthtimeMs ?? Date.now();
    if (Date.now() - made > HOUR_MS) rmSync(directory, { recursive: true, force: true });
    return false;
  });
}

/** Also of what comes from this host: a server installed later, another busybox. */
function digestOf(recipe: Recipe, doors: readonly string[]): string {
  const digest = createHash("sha256").update(JSON.stringify([recipe, doors]));
  for (const name of BUILDERS) digest.update(readFileSync(join(import.meta.dir, name)));
  for (const [from] of recipe.copies) digest.update(readFileSync(from));
  return digest.digest("hex").slice(0, 16);
}

/** Where the host has a program; none where it has not: the tests that need it skip. */
function doorPaths(name: string): string[] {
  if (name === "sh") return ["/bin/sh"]; // the path by which scripts and reeve name it
  if (name.startsWith("/")) return [...new Bun.Glob(name.slice(1)).scanSync({ cwd: "/", absolute: true })];
  const path = Bun.which(name, { PATH: SYSTEM_PATH });
  return path === null ? [] : [path];
}

/** Twice, since a mirror may fail once. */
async function installDebian({ release, packages }: Recipe, root: string): Promise<void> {
  if (release === null) return;
  const include = packages.length === 0 ? [] : [`--include=${packages.join(",")}`];
  const words = ["debootstrap", "--variant=minbase", ...include, release, root, MIRROR];
  const failure = await debootstrap(words) === null ? null : await debootstrap(words);
  if (failure !== null) throw new Error(`cannot build a Debian root: ${words.join(" ")}\n${failure}`);
  for (const waste of ["var/cache/apt/archives", "var/lib/apt/lists"]) {
    rmSync(join(root, waste), { recursive: true, force: true });
  }
}

/** null when it went well, else what it said. */
async function debootstrap(words: readonly string[]): Promise<string | null> {
  const run = Bun.spawn([...words], {
    env: { PATH: SYSTEM_PATH, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, error] = await Promise.all([run.stdout.text(), run.stderr.text()]);
  return await run.exited === 0 ? null : `${out}${error}`.slice(-2000);
}

/** Everything besides what debootstrap installs; what is there already stays. */
function furnish(recipe: Recipe, root: string): void {
  for (const name of ["proc", "dev", "run", "tmp", ".host", "bin"]) {
    mkdirSync(join(root, name), { recursive: true });
  }
  place(root, "/reeve", "");
  if (recipe.users) { for (const path of ["/etc/passwd", "/etc/group"]) place(root, path, ""); }
  for (const [from, to] of recipe.copies) {
    mkdirSync(join(root, dirname(to)), { recursive: true });
    copyFileSync(from, join(root, to));
  }
  if (recipe.applets) {
    for (const applet of output([BUSYBOX, "--list"]).split("\n").filter((name) => /^[\w[-]+$/.test(name))) {
      if (applet !== "busybox") symlinkSync("busybox", join(root, "bin", applet));
    }
  }
}

function place(root: string, path: string, text: string): void {
  if (existsSync(join(root, path))) return;
  mkdirSync(join(root, dirname(path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function has(root: string, program: string): boolean {
  return SYSTEM_PATH.split(":").some((directory) =>
    lstatSync(join(root, directory, program), { throwIfNoEntry: false }) !== undefined
  );
}

function makeDoors(paths: readonly string[], root: string): void {
  const door = join(root, ".door");
  output([
    "cc",
    "-O1",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-static",
    join(import.meta.dir, "door.c"),
    "-o",
    door,
  ]);
  // A daemon that is not root must get through as well.
  output(["setcap", "cap_sys_chroot+ep", door]);
  for (const path of paths) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    linkSync(door, join(root, path));
  }
}

/** stdout of a short command. Throws Error with its stderr when it fails. */
function output(command: readonly string[]): string {
  const run = Bun.spawnSync([...command], { env: { PATH: SYSTEM_PATH }, stdin: "ignore", stderr: "pipe" });
  if (run.success) return run.stdout.toString();
  throw new Error(`cannot run "${command.join(" ")}": ${run.stderr.toString()}`);
}
