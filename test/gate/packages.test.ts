/**
 * What tests run or include comes from a package that packages.ts names, from what such a package depends on,
 * or from Debian's essential ones: a machine that has more than these hides no gap. Looks at the sources
 * alone and runs none of their tests.
 */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { SYSTEM_PATH } from "../e2e/need.ts";
import { dependencyClosure, readInstalled } from "./installed.ts";
import { PACKAGES } from "./packages.ts";

const TESTS = join(import.meta.dir, "..");
const absent = reasonToSkip();

function reasonToSkip(): string | null {
  if (!existsSync("/etc/debian_version") || Bun.which("dpkg-query") === null) return "needs Debian";
  const installed = readInstalled();
  const missing = PACKAGES.filter((name) => !installed.has(name));
  return missing.length === 0 ? null : `needs ${missing.join(" ")}: apt-get installs them`;
}

function debianTest(name: string, body: () => void): void {
  if (absent === null) test(name, body);
  else test.skip(`${name} [skipped: ${absent}]`, body);
}

/**
 * Words at such places that are names of programs too, which no test runs; and what installs the packages.
 */
const NOT_RUN: ReadonlySet<string> = new Set(["apt-get", "docker"]);

/** packages.ts makes it for a while. */
const WRITTEN_BY_THE_GATE: ReadonlySet<string> = new Set(["/usr/sbin/policy-rc.d"]);

/** They come with Node and from npm (package.json). */
const NOT_OF_DEBIAN: ReadonlySet<string> = new Set(["node", "npm", "npx", "bun", "bunx", "deno", "tsc"]);

function sources(...extensions: readonly string[]): string[] {
  return readdirSync(TESTS, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && extensions.some((extension) => entry.name.endsWith(extension)))
    .map((entry) => join(entry.parentPath, entry.name));
}

/**
 * Where the code names a command: what a test needs, what it starts, and in lines of configurations and of
 * shells.
 */
const COMMANDS: readonly RegExp[] = [
  /\b(?:program|missing|which|doorPaths)\(\s*["']([\w.+-]+)/g,
  /\b(?:needs|wrap|before): \[\s*["']([\w.+-]+)/g,
  /\b(?:spawn|spawnSync|run|start|command|output|compile)\([^()[\]]*\[\s*["']([\w.+-]+)/g,
  /\$\s*`([\w.+-]+)/g,
  /\b(?:attach-daemon|attach-control-daemon|exec-[\w-]+|cmd)2?\s*=\s*(?:exec )?([\w.+-]+)/g,
  /"-c",\s*["'`]([\w.+-]+)/g,
  /(?:[;&|]|\b(?:exec|setsid|unshare|setpriv|nice)) ([\w.+-]+) (?=[-/$"'])/g,
];

/** The programs and files of this machine that the tests name. */
function namedFiles(): string[] {
  const found = new Set<string>();
  const texts = sources(".ts", ".sh", ".py").map((path) =>
    readFileSync(path, "utf8").replace(/\/\*.*?\*\//gs, " ").replace(/(^|\s)\/\/ .*$/gm, " ")
  );
  for (const text of texts) {
    for (const [path] of text.matchAll(/(?<![\w/.-])\/(?:usr|bin|sbin|lib|lib64)\/[\w+./-]*[\w+]/g)) {
      if (isFile(path)) found.add(path);
    }
    for (const word of COMMANDS.flatMap((command) => [...text.matchAll(command)].map(([, word]) => word!))) {
      if (NOT_RUN.has(word) || NOT_OF_DEBIAN.has(word)) continue;
      const path = Bun.which(word, { PATH: SYSTEM_PATH });
      if (path !== null) found.add(path);
    }
  }
  return [...found].filter((path) => !WRITTEN_BY_THE_GATE.has(path));
}

function isFile(path: string): boolean {
  try {
    return readFileSync(path) !== null;
  } catch {
    return false;
  }
}

/** The headers of the system that a C source of the tests takes in, with one compiler. */
function headersOf(compiler: string, path: string): string[] {
  const native = join(TESTS, "../native");
  const words = [compiler, "-M", "-DREEVE_HOSTED", `-I${native}`, path];
  const run = Bun.spawnSync(words, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  if (!run.success) throw new Error(`${words.join(" ")}: ${run.stderr.toString()}`);
  return run.stdout.toString().split(/[\s\\]+/).filter((file) => file.startsWith("/usr/"));
}

/**
 * Paths as dpkg may have them: /bin is a link to /usr/bin by now, and /etc/alternatives leads to a package's
 * file.
 */
function spellings(path: string): string[] {
  const all = [path, realpathSync(path)];
  return all.flatMap((one) =>
    one.startsWith("/usr/") ? [one, one.slice("/usr".length)] : [one, `/usr${one}`]
  );
}

/** Which of `paths` no package of `allowed` has: each with the package that has it here, if any. */
function outside(
  paths: readonly string[],
  allowed: ReadonlySet<string>,
): string[] {
  const owners = new Map<string, string[]>();
  const run = Bun.spawnSync(["dpkg-query", "-S", ...new Set(paths.flatMap(spellings))], { stderr: "ignore" });
  for (const line of run.stdout.toString().split("\n")) {
    const [, names = "", path = ""] = /^([^/]*): (\/.*)$/.exec(line) ?? [];
    if (path !== "" && !names.startsWith("diversion by")) {
      owners.set(path, names.split(", ").map((name) => name.replace(/:\w+$/, "")));
    }
  }
  return paths.flatMap((path) => {
    const names = [...new Set(spellings(path).flatMap((one) => owners.get(one) ?? []))];
    return names.some((name) => allowed.has(name))
      ? []
      : [`${path}: ${names.length === 0 ? "no package has it" : `of ${names.join(", ")}`}`];
  });
}

debianTest("programs and files that the tests name", () => {
  const installed = readInstalled();
  const files = namedFiles();
  expect(files).toContain(Bun.which("memcached")!);
  // A program that is run goes into packages.ts with its package; a mere word into NOT_RUN.
  expect(outside(files, dependencyClosure(installed, PACKAGES))).toEqual([]);
});

debianTest("headers that the tests' C sources include, here and for arm64", () => {
  const installed = readInstalled();
  const headers = new Set(
    sources(".c").flatMap((path) =>
      ["gcc", "aarch64-linux-gnu-gcc"].flatMap((compiler) => headersOf(compiler, path))
    ),
  );
  expect(headers.size).toBeGreaterThan(50);
  expect(outside([...headers], dependencyClosure(installed, PACKAGES))).toEqual([]);
});

debianTest("a package that is installed and not named is seen", () => {
  const installed = readInstalled();
  const without = PACKAGES.filter((name) => !/^(libc6-dev-arm64-cross|memcached)$/.test(name));
  const allowed = dependencyClosure(installed, without);
  const paths = ["/usr/bin/memcached", "/usr/aarch64-linux-gnu/include/stdio.h", "/bin/sh"];
  expect(outside(paths, allowed)).toEqual([
    "/usr/bin/memcached: of memcached",
    "/usr/aarch64-linux-gnu/include/stdio.h: of libc6-dev-arm64-cross",
  ]);
});
