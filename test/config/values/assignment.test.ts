import { describe, expect, test } from "bun:test";
import { formatDiagnostic } from "../../../lib/config/diagnostic.ts";
import { loadConfiguration } from "../../../lib/config/language/load.ts";
import { parseAssignment } from "../../../lib/config/values/assignment.ts";
import { build, fakeSystem, ORDINARY } from "../build/fake_system.ts";
import { memoryWorld } from "../language/worlds.ts";

test("blanks around a name are no part of it, with a warning", () => {
  expect(parseAssignment("A=b")).toEqual({ name: "A", value: "b", warning: null });
  expect(parseAssignment("A= b=c ")).toEqual({ name: "A", value: " b=c ", warning: null });
  expect(parseAssignment("A = b")).toEqual({
    name: "A",
    value: "b",
    warning: '"A " is taken for the name "A": write A=VALUE, without blanks around the name',
  });
  expect(parseAssignment(" A= b")).toMatchObject({ name: "A", value: " b" });
  expect(parseAssignment("A")).toEqual({ name: "A", value: null, warning: null });
});

describe("every option that takes NAME=VALUE cuts them", () => {
  const system = fakeSystem({ ...ORDINARY, "/vars": { text: "A = b\nC=d\n" } });

  test.each(["env = A = b", "ienv = A = b", "hook-asap = putenv:A = b", "vars = /vars"])("%s", (line) => {
    const { plan, texts } = build(line, system);
    const [hook] = plan.instance.hooks;
    const set = hook?.action.kind === "putenv" ? hook.action : plan.instance.environment[0];
    expect(set).toMatchObject({ name: "A", value: "b" });
    expect(texts).toHaveLength(1);
    expect(texts[0]).toContain('"A " is taken for the name "A"');
  });

  test("unenv as well", () => {
    expect(build("unenv = A").texts).toEqual([]);
    expect(build("env = A=1\nunenv = A").plan.instance.environment[1]).toEqual({ name: "A", value: null });
  });

  test.each([
    ["set-ph = a = b\nenv = X=%(a)", "env = X=b"],
    ["set = env = X=%(a)\nset-placeholder = a =b", "env = X=b"],
    ["ienv = a = b\nenv = X=$(a)", "env = X=b"],
    ["declare-option = mine =env=X=$1\nmine = b", "env = X=b"],
  ])("%s", (text, option) => {
    const world = memoryWorld({ "/etc/a.ini": `[uwsgi]\n${text}\n` });
    const found = loadConfiguration([], [{ name: "a.ini" }], world);
    expect(found.options.map(({ name, value }) => `${name} = ${value}`)).toContain(option);
    const warned = found.diagnostics.list.map(formatDiagnostic);
    expect(warned.every((line) => line.includes("is taken for the name"))).toBe(true);
    expect(warned.length + (text.startsWith("ienv") ? 1 : 0)).toBeGreaterThan(0);
  });
});
