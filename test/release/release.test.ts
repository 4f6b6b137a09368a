import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { findGlibc } from "../../build/pack/glibc.ts";
import { hostTarget } from "../../build/target.ts";

const ROOT = resolve(import.meta.dir, "../..");
const SOURCES = [
  "main.ts",
  "build.ts",
  "build",
  "lib",
  "native",
  "docs",
  "LICENSE",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
];
const TARGET = hostTarget().name;
const MARK = "the glibc that the release was told to take";
const EXECUTABLE = `reeve-${TARGET}`;

/** The tools, and what was fetched. */
const NEVER_BUNDLED = /^(?:\.|@|bun$|deno$|typescript$)/;

let room = "";
let first = "";
let second = "";

/**
 * A copy of the sources in a directory of its own, with the packages beside it as npm puts them there: the
 * names of files within the executable depend on where a package is from the sources. Only what cannot be
 * among them, for its size, is a link.
 */
function copySources(to: string): string {
  mkdirSync(to, { recursive: true });
  for (const name of SOURCES) cpSync(join(ROOT, name), join(to, name), { recursive: true });
  mkdirSync(join(to, "node_modules"));
  for (const name of readdirSync(join(ROOT, "node_modules"))) {
    const [from, copy] = [join(ROOT, "node_modules", name), join(to, "node_modules", name)];
    if (NEVER_BUNDLED.test(name)) symlinkSync(from, copy);
    else cpSync(from, copy, { recursive: true });
  }
  return to;
}

/** The host's glibc, known by what stands behind the last byte of one of its files. */
function copyGlibc(to: string): string {
  mkdirSync(to);
  for (const { name, bytes: content } of findGlibc(hostTarget().arch, null).files) {
    writeFileSync(
      join(to, name),
      name === "libdl.so.2" ? Buffer.concat([content, Buffer.from(MARK)]) : content,
    );
  }
  return to;
}

function run(directory: string, command: readonly string[], umask: string): void {
  // What differs between two people who build: the directory, the time, the umask, the user's variables.
  const words = ["/bin/sh", "-c", `umask ${umask}; exec "$@"`, "sh", ...command];
  const env = { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: directory, MARK: directory };
  const result = Bun.spawnSync(words, {
    cwd: directory,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  if (!result.success) {
    throw new Error(`${command.join(" ")}: ${result.stdout.toString()}${result.stderr.toString()}`);
  }
}

function bytes(...path: readonly string[]): Uint8Array {
  return readFileSync(join(...path));
}

function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

beforeAll(() => {
  room = mkdtempSync(join(tmpdir(), "reeve-release-"));
  first = copySources(join(room, "a"));
  second = copySources(join(room, "another", "and/much/longer/directory with a blank"));
  const glibc = ["--glibc", copyGlibc(join(room, "glibc"))];
  run(
    first,
    [process.execPath, "run", "build/release.ts", "--target", TARGET, "--level", "1", ...glibc],
    "022",
  );
  run(second, [process.execPath, "run", "build.ts", "--target", TARGET, ...glibc], "077");
}, 120_000);

afterAll(() => rmSync(room, { recursive: true, force: true }));

describe("two builds of one source in different directories", () => {
  test("have the same bytes", () => {
    expect(sha256(bytes(second, "dist", EXECUTABLE))).toBe(sha256(bytes(first, "dist/release", EXECUTABLE)));
  });

  test("hold no path of the machine that built them", () => {
    const content = Buffer.from(bytes(first, "dist/release", EXECUTABLE));
    for (const path of [room, ROOT, dirname(process.execPath)]) {
      expect({ path, at: content.indexOf(path) }).toEqual({ path, at: -1 });
    }
  });
});

describe("a release", () => {
  const released = (...path: readonly string[]): string => join(first, "dist/release", ...path);

  test("has the executable, what it is made of, and the papers", () => {
    expect(readdirSync(released()).sort()).toEqual([
      "LICENSE",
      "NOTICE",
      "SHA256SUMS",
      EXECUTABLE,
      `${EXECUTABLE}.zst`,
      "reeve.1",
      "reeve.cdx.json",
    ]);
    expect(statSync(released(EXECUTABLE)).mode & 0o777).toBe(0o755);
    expect(statSync(released("LICENSE")).mode & 0o777).toBe(0o644);
  });

  test("has the glibc that it was told to take, and not for two processors", () => {
    expect(Buffer.from(bytes(released(EXECUTABLE))).includes(MARK)).toBe(true);
    const both = [
      process.execPath,
      "run",
      "build/release.ts",
      "--target",
      "all",
      "--glibc",
      join(room, "glibc"),
    ];
    expect(() => run(first, both, "022")).toThrow(
      "cannot release all with one glibc: name a target of its processor",
    );
  });

  test("the compressed executable is the executable", () => {
    const opened = Bun.zstdDecompressSync(bytes(released(`${EXECUTABLE}.zst`)));
    expect(sha256(opened)).toBe(sha256(bytes(released(EXECUTABLE))));
  });

  test("its digests are right, and of every file", () => {
    const lines = readFileSync(released("SHA256SUMS"), "utf8").trimEnd().split("\n");
    const wanted = readdirSync(released()).filter((name) => name !== "SHA256SUMS").sort()
      .map((name) => `${sha256(bytes(released(name)))}  ${name}`);
    expect(lines).toEqual(wanted);
  });

  test("its bill of materials names the runtime, the C library and every package, with licences", () => {
    const document = JSON.parse(readFileSync(released("reeve.cdx.json"), "utf8")) as {
      readonly bomFormat: string;
      readonly components: readonly {
        readonly name: string;
        readonly licenses: readonly { expression: string }[];
      }[];
    };
    expect(document.bomFormat).toBe("CycloneDX");
    const names = document.components.map(({ name }) => name);
    expect(names).toEqual(["bun", `glibc (${TARGET})`, "saxes", "xmlchars", "yaml"]);
    expect(document.components.filter(({ licenses }) => (licenses[0]?.expression ?? "") === "")).toEqual([]);
  });

  test("its notice says how to put another C library in", () => {
    const text = readFileSync(released("NOTICE"), "utf8");
    expect(text).toContain("GNU Lesser General Public");
    expect(text).toContain("npm run build -- --glibc DIRECTORY");
    expect(text).toContain("Copyright Louis-Dominique Dubeau and contributors to xmlchars");
  });
});
