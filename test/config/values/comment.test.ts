import { describe, expect, test } from "bun:test";
import { findProblems } from "../../../lib/config/check/problems.ts";
import { DAEMON_KEYS } from "../../../lib/config/options/daemon_keys.ts";
import { type Diagnostic, formatDiagnostic } from "../../../lib/config/diagnostic.ts";
import { optionRows } from "../../../lib/config/options/option_table.ts";
import { explainComments, NO_COMMENTS } from "../../../lib/config/values/comment.ts";
import { build, fakeSystem, optionsOf } from "../build/fake_system.ts";

/** What is said of a configuration, as read_plan.ts puts it together. */
function found(text: string): readonly Diagnostic[] {
  const system = fakeSystem();
  const { plan, diagnostics } = build(text, system);
  findProblems(plan, system, "check", diagnostics);
  explainComments(diagnostics.list, optionsOf(text));
  return diagnostics.list;
}

const errorsOf = (list: readonly Diagnostic[]): string[] =>
  list.filter(({ severity }) => severity === "error").map(formatDiagnostic);

/** Numbers that a comment can stand behind. */
const NUMBERS = optionRows().filter(({ type, served, language }) =>
  ["int", "duration", "size"].includes(type) && served === "yes" && !language
);
const VALUES = optionRows().filter(({ type, served, language, name }) =>
  type !== "bool" && served === "yes" && !language &&
  !/attach|exec|hook|^legion-(?:lord|unlord|setup|death|join|node-)/.test(name)
);

describe("a comment behind a value", () => {
  test.each(NUMBERS.map(({ name }) => name))(
    "of %s leaves the number, with a warning that says so",
    (name) => {
      const list = found(`${name} = 16 # why\nattach-daemon = sleep 1`);
      expect(errorsOf(list)).toEqual([]);
      expect(list.map(formatDiagnostic)).toContain(
        `app.ini:1: warning: of "${name}" only "16" counts, not all of "16 # why": ${NO_COMMENTS}`,
      );
    },
  );

  test.each(VALUES.map(({ name }) => name))("of %s is named by whatever error the value gives", (name) => {
    for (const comment of ["# why", "; why"]) {
      for (const error of errorsOf(found(`${name} = x ${comment}\nattach-daemon = sleep 1`))) {
        expect(error).toEndWith(NO_COMMENTS);
      }
    }
  });

  // Any value of daemonize will do: what it lacks is a pidfile.
  test.each(
    DAEMON_KEYS.map(({ key }) => key).filter((key) => key !== "command" && key !== "daemonize"),
  )(
    "of the key %s is named by the error that the value gives",
    (key) => {
      for (const error of errorsOf(found(`attach-daemon2 = cmd=sleep 1,${key}=x # why`))) {
        expect(error).toEndWith(NO_COMMENTS);
      }
    },
  );

  test("of a user's number leaves the number, of a user's name is an error", () => {
    expect(build("uid = 33 # www-data").plan.instance.identity?.uid).toBe(33);
    expect(errorsOf(found("uid = www-data ; web user\nattach-daemon = sleep 1"))).toEqual([
      `app.ini:1: unknown user "www-data ; web user": it is not in /etc/passwd: ${NO_COMMENTS}`,
    ]);
    expect(errorsOf(found("uid = 33x\nattach-daemon = sleep 1"))).toHaveLength(1);
  });

  test("is none in a command", () => {
    expect(errorsOf(found('attach-daemon2 = cmd=sh -c "a ; b # c",stopsignal=TREM'))).toEqual([
      'app.ini:1: unknown signal "TREM" in stopsignal: give a name (TERM, SIGQUIT, RTMIN+1) or a number from 1 to 64',
    ]);
  });
});
