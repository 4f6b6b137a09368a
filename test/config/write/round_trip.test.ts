/**
 * What `reeve plan --as=sections` and `--as=lines` write comes to the same Plan when it is read: generated
 * configurations, the examples, and the corpora of the other tests.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, Diagnostics, formatDiagnostic } from "../../../lib/config/diagnostic.ts";
import { buildPlan } from "../../../lib/config/build/build_plan.ts";
import { loadConfiguration } from "../../../lib/config/language/load.ts";
import { isKnownOption } from "../../../lib/config/options/option_table.ts";
import type { Plan } from "../../../lib/config/plan/plan.ts";
import { asLines } from "../../../lib/config/write/lines.ts";
import { asSections } from "../../../lib/config/write/sections.ts";
import { collectSources } from "../../../lib/config/write/sources.ts";
import { type Document, iniText, whyNotIni, yamlText } from "../../../lib/config/write/document.ts";
import type { ConfigDeps } from "../../../lib/config/system/config_deps.ts";
import { fakeSystem } from "../build/fake_system.ts";
import { CASES } from "../language/corpus.ts";
import { fixedWorld, memoryWorld } from "../language/worlds.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;
const ENVIRONMENT = { HOME: "/root", A: "a b" };

interface Read {
  readonly plan: Plan;
  readonly errors: readonly string[];
  readonly found: ReturnType<typeof loadConfiguration>;
}

/** null where the files cannot be read to their end. */
function read(name: string, world: ConfigDeps): Read | null {
  try {
    const found = loadConfiguration([], [{ name }], world);
    const diagnostics = new Diagnostics();
    diagnostics.list.push(...found.diagnostics.list);
    const asked = { entrypoint: null, asked: name, sections: found.daemons };
    const plan = buildPlan(found.options, found.files, fakeSystem(), diagnostics, asked);
    const errors = diagnostics.list.filter(({ severity }) => severity === "error").map(formatDiagnostic);
    return found.exitCode === null ? { plan, errors, found } : null;
  } catch (problem) {
    if (problem instanceof ConfigError) return null;
    throw problem;
  }
}

/** A Plan without the places, the forms and the files that it comes from. */
function meaningOf({ instance, daemons }: Plan): unknown {
  const { naming: _, ...settings } = instance;
  const bare = daemons.map(({ option: _, ...daemon }) => daemon);
  return JSON.parse(
    JSON.stringify({ settings, bare }, (key, value) => /^origins?$/.test(key) ? undefined : value),
  );
}

function readAgain(document: Document, file: string, world: ConfigDeps): Read | null {
  const isIni = whyNotIni(document) === null;
  const name = file.replace(/\.\w+$/, isIni ? ".ini" : ".yaml");
  const text = isIni ? iniText(document) : yamlText(document);
  const again = read(name, {
    ...world,
    readFile: (path) => path === name ? new TextEncoder().encode(text) : world.readFile(path),
  });
  expect([text, again?.errors]).toEqual([text, []]);
  return again;
}

/** Whether there was something to compare. */
function check(name: string, world: ConfigDeps): boolean {
  const before = read(name, world);
  if (before === null || before.errors.length > 0) return false;
  const { plan, found } = before;
  const sources = collectSources({ options: found.options, sections: found.daemons, plan, asked: name });
  const sections = readAgain(asSections(sources), name, world);
  expect(meaningOf(sections?.plan ?? plan)).toEqual(meaningOf(plan));
  expect(sections?.plan.daemons.every(({ option }) => option === "section")).toBe(true);
  const { document, problems } = asLines(sources);
  if (problems.length > 0) {
    for (const text of problems) {
      expect(text).toMatch(/^cannot write daemon ".+" in a line: the value of "\w+" has no form there$/);
    }
    return true;
  }
  const lines = readAgain(document, name, world);
  expect(meaningOf(lines?.plan ?? plan)).toEqual(meaningOf(plan));
  return true;
}

describe("generated configurations", () => {
  const word = fc.constantFrom(
    ..."a|b c|/x/y|'q r'|\"s\"|;|,|\\|=|%|%%|%(name)|%(name)s|%(a)|$(HOME)|$(A)|$(date)|@(f)|#|; c|ä|[x]|-|1|\t|(|)"
      .split("|"),
  );
  const text = fc.array(fc.oneof({ weight: 8, arbitrary: word }, fc.string({ maxLength: 3 })), {
    maxLength: 5,
  })
    .map((words) => words.join(" ").replace(/[\n\0]/g, ""));
  const commandText = text.map((rest) => `sleep ${rest}`);
  const escape = (value: string): string => value.replace(/[\\,]/g, "\\$&");
  const setting = fc.oneof(
    fc.tuple(fc.constantFrom("env", "touch", "tag", "chdir", "pidfile", "hostname", "legion"), text),
    fc.constantFrom(
      ["freq", "3"],
      ["stopsignal", "QUIT"],
      ["reloadsignal", "0"],
      ["stop_timeout", "1m"],
      ["max_throttle", "0"],
      ["uid", "www-data"],
      ["user", "1000"],
      ["group", "adm"],
      ["control", "1"],
      ["control", "0"],
      ["stdin", "no"],
      ["daemonize", "1"],
      ["ns", "net;ipc"],
      ["keep", "/a:/b"],
      ["tmpfs", "/t"],
      ["caps", "none"],
      ["caps", "kill;chown"],
      ["root", "/r"],
      ["readonly", "0"],
      ["no_new_privs", "1"],
      ["startup", "disabled"],
      ["env", "A=1;2"],
      ["env", "B=%(name)"],
      ["tag", "a b"],
      ["touch", "/a;/b"],
      ["pidfile", "/run/x y.pid"],
      ["env", "C=$(A) 100%"],
      ["notifypid", "1"],
    ),
  ).map(([key = "", value = ""]) =>
    [key, key === "env" && !value.includes("=") ? `E=${value}` : value] as const
  );
  const settings = fc.array(setting, { maxLength: 5 });
  const line = fc.oneof(
    fc.tuple(fc.constantFrom("attach-daemon", "attach-control-daemon"), commandText).map((
      [option, command],
    ) => `${option} = ${command}`),
    fc.tuple(fc.constantFrom("smart-attach-daemon", "smart-attach-daemon2"), fc.nat(99), commandText)
      .map(([option, number, command]) => `${option} = /run/${number}.pid,${number + 1} ${command}`),
    fc.tuple(commandText, settings).map(([command, keys]) =>
      `attach-daemon2 = cmd=${escape(command)}${
        keys.map(([key, value]) => `,${key}=${escape(value)}`).join("")
      }`
    ),
    setting.map(([key, value]) => `daemon-${key.replace("_", "-")} = ${value}`),
    fc.tuple(fc.constantFrom("env", "ienv", "chdir", "exec-as-user", "legion-lord", "procname-prefix"), text)
      .map(([name, value]) => `${name} = ${name.includes("env") ? "V=" : ""}${value}`),
    fc.constantFrom(
      "uid = www-data",
      "set-ph = a=%%",
      "a = x",
      "daemons-honour-stdin = true",
      "instance-name = other",
    ),
  );
  const section = fc.tuple(fc.constantFrom("a", "b", "c", "*"), commandText, settings).map((
    [name, command, keys],
  ) =>
    [`[daemon:${name}]`, `command = ${command}`, ...keys.map(([key, value]) => `${key} = ${value}`)].join(
      "\n",
    )
  );
  const file = fc.tuple(fc.array(line, { maxLength: 6 }), fc.array(section, { maxLength: 4 }))
    .map(([lines, sections]) => ["[uwsgi]", ...lines, ...sections, ""].join("\n"));

  test("come to the same in either form", () => {
    let compared = 0;
    fc.assert(
      fc.property(file, (content) => {
        const world = memoryWorld({ "/etc/app.ini": content, "/etc/f": "text %(name)\n" }, {
          environment: ENVIRONMENT,
        });
        if (check("app.ini", world)) compared++;
      }),
      { numRuns: 3000 },
    );
    expect(compared).toBeGreaterThan(300);
  }, 60_000);

  test("with what INI cannot say are written as YAML", () => {
    let compared = 0;
    const odd = fc.array(
      fc.constantFrom(
        "a",
        "\n",
        " ",
        "%",
        "%(name)",
        "$(A)",
        "\\",
        '"',
        "'",
        ";",
        "\u2028",
        "\t",
        "ä",
        "=",
        ",",
      ),
      {
        minLength: 1,
        maxLength: 6,
      },
    ).map((parts) => parts.join(""));
    fc.assert(
      fc.property(odd, odd, odd, (command, value, other) => {
        const yaml = {
          uwsgi: { env: `A=${other}` },
          daemons: { a: { command: `sleep ${command}`, env: `B=${value}`, chdir: `/${other}` } },
        };
        const content = JSON.stringify(yaml).replaceAll("%", "%%");
        if (check("app.json", memoryWorld({ "/etc/app.json": content }, { environment: ENVIRONMENT }))) {
          compared++;
        }
      }),
      { numRuns: 1000 },
    );
    expect(compared).toBeGreaterThan(300);
  }, 60_000);
});

describe("files", () => {
  const directories = [join(ROOT, "examples"), CASES, join(ROOT, "test/cases/mistakes")];
  const files = directories.flatMap((directory) =>
    readdirSync(directory).filter((name) => /\.(ini|ya?ml|js(on)?|xml|conf)$/.test(name)).map((name) =>
      [directory, name] as const
    )
  );
  let compared = 0;
  test.each(files.map(([directory, name]) => [name, directory] as const))(
    "%s comes to the same",
    (name, directory) => {
      if (check(name, { ...fixedWorld(directory, ENVIRONMENT), execute: () => new Uint8Array() })) compared++;
    },
  );

  test("most of them could be compared", () => {
    expect(compared).toBeGreaterThan(files.length / 2);
  });

  test("every part of the documents that is a configuration comes to the same", () => {
    const page = readFileSync(join(ROOT, "docs/daemons.md"), "utf8");
    const block = /\n\n((?: {4}.*\n|\n)*? {4}\[daemon:\*\][^]*?)\n\nA section/.exec(page)?.[1] ?? "";
    const text = block.replace(/^ {4}/gm, "").replace("uid = app", "uid = roberto");
    expect(text).toContain("[daemon:web]");
    expect(check("app.ini", memoryWorld({ "/etc/app.ini": text }))).toBe(true);
  });
});

test("the placeholders for signs are names of nothing else", () => {
  expect(["percent-sign", "dollar-sign", "at-sign"].filter(isKnownOption)).toEqual([]);
});
