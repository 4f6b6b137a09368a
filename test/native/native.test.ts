/**
 * The native layer as a whole: it compiles without a warning with every compiler and analyser, asks nothing
 * of the host, its artefacts are what they should be, and the C test programs pass under the sanitizers and
 * on arm64.
 */
import { afterAll, describe, expect } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { HELPER_SOURCES, LIBRARY_SOURCES, STUB_SOURCES } from "../../native/compile.ts";
import {
  ARM_COMPILER,
  ARM_EMULATOR,
  artefacts,
  missing,
  missingSanitizers,
  NATIVE,
  program,
  run,
  sanitizedHelper,
  testUnless,
  WARNINGS,
} from "./build.ts";

const SOURCES = readdirSync(NATIVE, { recursive: true, encoding: "utf8" }).filter((name) =>
  name.endsWith(".c")
).sort();
const UNPACK = ["helper/unpack.c", "helper/unpack_place.c", "common/text.c"];
const ROOM = mkdtempSync(join(tmpdir(), "reeve-native-"));
afterAll(() => rmSync(ROOM, { recursive: true, force: true }));
const FUZZ_ROUNDS = "1000000";

describe("native sources", () => {
  testUnless(null, "each belongs to an artefact", () => {
    expect([...new Set<string>([...HELPER_SOURCES, ...LIBRARY_SOURCES, ...STUB_SOURCES])].sort()).toEqual(
      SOURCES,
    );
  });

  const flags = [
    `-I${NATIVE}`,
    "-ffreestanding",
    "-nostdinc",
    "-Wshadow",
    "-Wvla",
    "-Wconversion",
    "-Wno-sign-conversion",
  ];
  const compilers = [
    { words: ["gcc", "-O2"], needs: ["gcc"] },
    { words: ["gcc", "-Os"], needs: ["gcc"] },
    { words: ["clang", "-Os"], needs: ["clang"] },
    { words: [ARM_COMPILER, "-O2"], needs: [ARM_COMPILER] },
  ];
  for (const { words, needs } of compilers) {
    const name = `compile without a warning and without a header of the host: ${words.join(" ")}`;
    testUnless(missing(...needs), name, () => {
      for (const source of SOURCES) {
        const output = join(ROOM, "object.o");
        const result = run([...words, ...WARNINGS, ...flags, "-c", join(NATIVE, source), "-o", output]);
        expect({ source, ...result }).toEqual({ source, status: 0, output: "" });
      }
    }, { seconds: 120 });
  }

  testUnless(null, "without a compiler the error names the package to install", () => {
    const script = `import { compileNative } from ${JSON.stringify(join(NATIVE, "compile.ts"))};
      try { compileNative("/nonexistent"); } catch (error) { console.log(error.message); }`;
    const result = run([process.execPath, "-e", script], { PATH: "/nonexistent", CC: "" });
    expect(result.output).toContain("no C compiler");
    expect(result.output).toContain("apt-get install gcc");
  });
});

for (const target of ["host", "arm64"] as const) {
  const reason = target === "host" ? missing("readelf", "nm") : missing(ARM_COMPILER, "readelf", "nm");

  describe(`artefacts, ${target}`, () => {
    testUnless(reason, "the library exports what reeve.h declares, and needs nothing", () => {
      const { library } = artefacts(target);
      const declared = readFileSync(join(NATIVE, "reeve.h"), "utf8").matchAll(/^i64 (reeve_\w+)\(/gm);
      const symbols = run(["nm", "-D", library]).output.trim().split("\n").map((line) =>
        line.trim().split(/\s+/)
      );
      expect(symbols.map((symbol) => symbol.at(-1)).sort()).toEqual(
        [...declared].map((match) => match[1]).sort(),
      );
      expect(symbols.every((symbol) => symbol[1] === "T")).toBe(true);
      expect(run(["readelf", "-dW", library]).output).not.toContain("NEEDED");
    });

    testUnless(reason, "the helper is static and below 48 KB", () => {
      const { helper } = artefacts(target);
      expect(run(["readelf", "-lW", helper]).output).not.toContain("INTERP");
      expect(statSync(helper).size).toBeLessThan(48 << 10);
    });

    testUnless(reason, "nothing is writable and executable, no stack is executable", () => {
      for (const file of Object.values(artefacts(target))) {
        const segments = run(["readelf", "-lW", file]).output.split("\n").filter((line) =>
          /0x[0-9a-f]+ .* 0x/.test(line)
        );
        expect(segments.length).toBeGreaterThan(1);
        expect(segments.filter((line) => /\bRWE\b/.test(line))).toEqual([]);
        expect(segments.some((line) => /GNU_STACK.* RW /.test(line))).toBe(true);
      }
    });
  });
}

describe("C test programs", () => {
  testUnless(
    missingSanitizers(),
    "unpack: what is taken and refused, and changed requests under the sanitizers",
    () => {
      const result = run([program("unpack_test", { sources: UNPACK }), FUZZ_ROUNDS]);
      expect(result).toMatchObject({ status: 0 });
      expect(result.output).toMatch(/^1000000 changed requests, \d+ of them sound\n$/);
    },
  );

  testUnless(missing(ARM_COMPILER, ARM_EMULATOR), "unpack: the same on arm64", () => {
    const unpack = program("unpack_test", { sources: UNPACK, flavour: "arm64" });
    expect(run([ARM_EMULATOR, unpack, "20000"])).toMatchObject({ status: 0 });
  });

  const wanted = { status: 0, output: "all as it should be\n" };

  testUnless(missingSanitizers(), "library: every function, under the sanitizers", () => {
    expect(run([program("library_test", { sources: LIBRARY_SOURCES }), artefacts().helper])).toEqual(wanted);
  });

  testUnless(missing("gcc"), "library: every function, as compiled for use", () => {
    const library = program("library_test", { sources: LIBRARY_SOURCES, flavour: "plain" });
    expect(run([library, artefacts().helper])).toEqual(wanted);
  });

  testUnless(missing("gcc"), "enter: those in a PID namespace are killed, traced, or lie", () => {
    expect(run([program("enter_test", { sources: LIBRARY_SOURCES, flavour: "plain" })])).toEqual(wanted);
  });

  testUnless(missing("gcc"), "init: job control, the foreground, a terminal of somebody else", () => {
    expect(run([program("terminal_test", { flavour: "plain" }), artefacts().helper])).toEqual(wanted);
  });

  testUnless(missingSanitizers(), "init: the same under the sanitizers", () => {
    expect(run([program("terminal_test"), sanitizedHelper()])).toEqual(wanted);
  });
});
