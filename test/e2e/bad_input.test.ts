/** Configurations that are wrong, huge or absent: said with their place, and nothing is started. */
import { expect } from "bun:test";
import { readdirSync } from "node:fs";
import { check, reeve } from "./need.ts";

interface BadInput {
  readonly name: string;
  readonly text: string | Uint8Array;
  /** In the output, which also has to name the file. */
  readonly says: RegExp;
}

const BAD_INPUT: readonly BadInput[] = [
  {
    name: "a user that does not exist",
    text: "[uwsgi]\nattach-daemon = sleep 1\nuid = no-such-user\n",
    says: /:3: .*no-such-user/,
  },
  {
    name: "a number that is none",
    text: "[uwsgi]\nattach-daemon = sleep 1\nreload-mercy = soon\n",
    says: /:3: .*soon/,
  },
  { name: "a section that is not there", text: "[other]\nattach-daemon = sleep 1\n", says: /uwsgi/ },
  {
    name: "a key nobody knows",
    text: "[uwsgi]\nattach-daemon2 = cmd=sleep 1,stopsginal=3\n",
    says: /:2: .*stopsginal/,
  },
  {
    name: "a command that a comma cuts",
    text: "[uwsgi]\nattach-daemon2 = cmd=echo one,two\n",
    says: /:2: .*two/,
  },
  {
    name: "a signal that does not exist",
    text: "[uwsgi]\nattach-daemon2 = cmd=sleep 1,stopsignal=WHAT\n",
    says: /:2: .*WHAT/,
  },
  {
    name: "a smart daemon without a command",
    text: "[uwsgi]\nsmart-attach-daemon = /tmp/x.pid\n",
    says: /:2: /,
  },
  { name: "a file that includes itself", text: "[uwsgi]\ninclude = %p\n", says: /:2: / },
  {
    name: "a placeholder that refers to itself",
    text: "[uwsgi]\nself = a%(self)\nattach-daemon = sleep %(self)\n",
    says: /self/,
  },
  {
    name: "a legion daemon, which is not served yet",
    text: "[uwsgi]\nlegion-attach-daemon = team sleep 1\n",
    says: /:2: .*legion/i,
  },
  {
    name: "a value with a NUL",
    text: new TextEncoder().encode("[uwsgi]\nattach-daemon = sleep\0 1\n"),
    says: /:2: /,
  },
];

for (const { name, text, says } of BAD_INPUT) {
  check(
    `${name}: named with its line by check and by a start, exit code 2, nothing started`,
    [reeve],
    async (scope) => {
      const path = scope.write("bad.ini", text);
      for (const words of [["check", path], [path]]) {
        const exit = await scope.reeve(words).untilExit();
        expect(exit.code).toBe(2);
        expect(exit.output).toMatch(says);
        expect(exit.output).toContain("bad.ini");
      }
      expect(readdirSync(scope.directory).filter((entry) => !/^(log\.\d+|bad\.ini)$/.test(entry))).toEqual(
        [],
      );
    },
  );
}

check("a file that does not exist: exit code 2 and its name", [reeve], async (scope) => {
  const exit = await scope.reeve(scope.path("absent.ini")).untilExit();
  expect(exit.code).toBe(2);
  expect(exit.output).toMatch(/absent\.ini.*no such file/i);
});

check("all problems of a file are shown together", [reeve], async (scope) => {
  const path = scope.write(
    "bad.ini",
    "[uwsgi]\nuid = no-such-user\nreload-mercy = soon\nattach-daemon2 = pidfile=/x\n",
  );
  const { output } = await scope.reeve(["check", path]).untilExit();
  for (const line of [2, 3, 4]) expect(output).toContain(`bad.ini:${line}: `);
});

check("ten thousand daemons pass a check", [reeve], async (scope) => {
  const path = scope.config(Array.from({ length: 10_000 }, (_, index) => `attach-daemon = sleep ${index}`));
  const exit = await scope.reeve(["check", path]).untilExit(60);
  expect(exit.output).toContain("10000 daemons");
  expect(exit.code).toBe(0);
}, 90);

check("a line of 10 MB is refused with its place, and is not printed", [reeve], async (scope) => {
  const path = scope.config([`env = LONG=${"x".repeat(10 << 20)}`, "attach-daemon = sleep 1"]);
  const exit = await scope.reeve(["check", path]).untilExit(60);
  expect(exit.code).toBe(2);
  expect(exit.output).toContain("test.ini:3: ");
  expect(exit.output.length).toBeLessThan(2000);
}, 90);

check("a check has no side effects", [reeve], async (scope) => {
  const config = scope.config([
    `exec-asap = touch ${scope.path("ran")}`,
    `pidfile = ${scope.path("own.pid")}`,
    "attach-daemon = sleep 86377",
  ]);
  expect((await scope.reeve(["check", config]).untilExit()).code).toBe(0);
  expect((await scope.reeve(["plan", config]).untilExit()).code).toBe(0);
  expect(readdirSync(scope.directory).filter((entry) => !entry.startsWith("log."))).toEqual(["test.ini"]);
});

check("the plan as JSON names each daemon and where it came from", [reeve], async (scope) => {
  const config = scope.config(["attach-daemon = sleep 1", "smart-attach-daemon = /tmp/x.pid,7 sleep 2"]);
  const exit = await scope.reeve(["plan", config, "--json"]).untilExit();
  expect(exit.code).toBe(0);
  const plan = JSON.parse(exit.output) as { daemons: unknown[] };
  expect(plan.daemons.length).toBe(2);
  expect(exit.output).toContain("test.ini");
});
