/** The difference of two Plans: whole, each thing named once, and nothing of what only moved. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { diff, isEmpty, type PlanDiff } from "../../../lib/config/diff/diff.ts";
import { DAEMON_KEYS } from "../../../lib/config/options/daemon_keys.ts";
import { startDigest } from "../../../lib/records/start_digest.ts";
import { INSTANCE_SETTINGS } from "../../../lib/config/options/instance_settings.ts";
import { build } from "../build/fake_system.ts";

function between(before: string, after: string): PlanDiff {
  return diff(build(before).plan, build(after).plan);
}

/** `~ web restart: command`, a line each. */
function linesOf({ added, removed, changed, instance }: PlanDiff): string[] {
  return [
    ...added.map(({ name }) => `+ ${name}`),
    ...removed.map(({ name }) => `- ${name}`),
    ...changed.map(({ after, settings }) =>
      `~ ${after.name} ${
        settings.map(({ field, keys, change }) => `${change}: ${field ?? keys[0]}`).join(", ")
      }`
    ),
    ...instance.map(({ name, change }) => `instance ${change}: ${name}`),
  ];
}

const WEB = "attach-daemon2 = name=web,cmd=serve";

describe("the difference of two Plans", () => {
  test.each<[string, string, string, readonly string[]]>([
    ["a new daemon", WEB, `${WEB}\nattach-daemon = mail`, ["+ mail"]],
    ["a removed one", `attach-daemon = mail\n${WEB}`, WEB, ["- mail"]],
    ["a line that moved", WEB, `\n\n${WEB}`, []],
    ["another command", WEB, `${WEB} --fast`, ["~ web restart: command"]],
    ["a live setting", WEB, `${WEB},stop_timeout=9`, ["~ web live: stopTimeout"]],
    ["a user", WEB, `${WEB},uid=33`, ["~ web restart: identity"]],
    ["another kind", `${WEB},pidfile=/p`, `${WEB},pidfile=/p,daemonize=1`, ["~ web restart: kind"]],
    ["a name that was given", WEB, WEB.replace("web", "www"), ["~ www name: name"]],
    [
      "names that change places",
      "attach-daemon = a 1\nattach-daemon = a 2",
      "attach-daemon = a 2\nattach-daemon = a 1",
      [
        "~ a name: name",
        "~ a-2 name: name",
      ],
    ],
    ["a made-up name that moves up", "attach-daemon = a 1\nattach-daemon = a 2", "attach-daemon = a 2", [
      "- a",
      "~ a name: name",
    ]],
    ["a command alone", "attach-daemon = a 1", "attach-daemon = a 2", ["~ a restart: command"]],
    [
      "one of two of the same command",
      "attach-daemon = a\nattach-daemon = a",
      "attach-daemon = a",
      ["- a-2"],
    ],
    [
      "a smart one whose command changed",
      "smart-attach-daemon = /p memcached -d\nsmart-attach-daemon = /q memcached -d -p 2",
      "smart-attach-daemon = /q memcached -d -p 3",
      ["- memcached", "~ memcached restart: command, name: name"],
    ],
    [
      "the instance's user reaches its daemons",
      `uid = www-data\n${WEB}`,
      `uid = roberto\n${WEB}`,
      ["~ web restart: identity", "instance reload: uid"],
    ],
    [
      "the instance's parts by name",
      "env = A=1\nenv = B=2\nhook-asap = mkdir:/x\nlogto = /l\nvacuum = true",
      "env = A=1\nenv = B=3\nhook-asap = mkdir:/y\nlogto = /l\nlog-maxsize = 9\numask = 022",
      ["instance reload: vacuum", "instance reload: log-maxsize", "instance reload: hook-asap"],
    ],
    [
      "the instance's values where they reach a daemon, and where they do not",
      `env = A=1\nchdir = /srv\n${WEB},chdir=/tmp\nattach-daemon = mail`,
      `env = A=2\nchdir = /var\numask = 022\n${WEB},chdir=/tmp\nattach-daemon = mail`,
      ["~ web restart: umask, restart: env A", "~ mail restart: umask, restart: chdir, restart: env A"],
    ],
    [
      "a legion",
      "legion = a :1 1 bf-cbc:k\nlegion = b :2 1 bf-cbc:k",
      "legion = a :1 2 bf-cbc:k",
      ["instance reload: legion a", "instance reload: legion b"],
    ],
  ])("%s", (_, before, after, lines) => {
    expect(linesOf(between(before, after))).toEqual([...lines]);
  });
});

const VALUES: Readonly<Record<string, readonly string[]>> = {
  name: ["web", "api", "db"],
  command: ["sleep 1", "sleep 2", "a | b"],
  pidfile: ["/run/p", "/run/q"],
  daemonize: ["1"],
  freq: ["3", "10"],
  touch: ["/a", "/a;/b"],
  stopsignal: ["INT", "TERM"],
  uid: ["33", "1000"],
  gid: ["4"],
  keep: ["/dev/pts", "/srv:/www"],
  ns: ["net", "uts;net"],
  caps: ["chown", "none"],
  chdir: ["/srv"],
  stop_timeout: ["3", "4s"],
};
const key = fc.constantFrom(...Object.keys(VALUES)).chain((name) =>
  fc.constantFrom(...VALUES[name] ?? []).map((value) => `${name}=${value}`)
);
const daemon = fc.uniqueArray(key, { maxLength: 6, selector: (text) => text.split("=")[0] })
  .map((keys) => `attach-daemon2 = ${["cmd=sleep 1", ...keys].join(",")}`);
const option = fc.constantFrom(
  ..."uid = 33|umask = 022|env = A=1|env = B=1|env = B=2|reload-mercy = 9|logto = /l|stats = :1717|vacuum = 1|prio = 5"
    .split("|"),
);
const text = fc.array(fc.oneof({ weight: 3, arbitrary: daemon }, option), { maxLength: 8 })
  .map((lines) => lines.join("\n"))
  .filter((lines) => !build(lines).diagnostics.hasErrors);

describe("whatever two configurations say", () => {
  test("a Plan does not differ from itself, also where every line moved", () => {
    fc.assert(fc.property(text, (lines) => {
      expect(isEmpty(between(lines, lines))).toBe(true);
      expect(isEmpty(between(lines, `\n\n${lines}`))).toBe(true);
    }));
  });

  test("every daemon of both is accounted for once", () => {
    fc.assert(fc.property(text, text, (before, after) => {
      const [was, is] = [build(before).plan, build(after).plan];
      const { added, removed, changed, unchanged } = diff(was, is);
      const kept = [...changed, ...unchanged];
      expect(new Set([...added, ...kept.map((one) => one.after)])).toEqual(new Set(is.daemons));
      expect(new Set([...removed, ...kept.map((one) => one.before)])).toEqual(new Set(was.daemons));
      expect([added.length + kept.length, removed.length + kept.length]).toEqual([
        is.daemons.length,
        was.daemons.length,
      ]);
    }));
  });

  test("every setting that differs is named once, with its class, and no other", () => {
    fc.assert(fc.property(text, text, (before, after) => {
      const found = between(before, after);
      for (const { before: was, after: is, settings } of found.changed) {
        const expected = new Set(DAEMON_KEYS.map(({ field }) => field))
          .values().filter((field) => meaning(was[field]) !== meaning(is[field]));
        const own = settings.flatMap(({ field }) => field === null ? [] : [field]);
        expect(own.sort()).toEqual([...expected].sort());
        for (const { keys, change, from, to } of settings) {
          expect(["restart", "live", "kernel", "name"]).toContain(change);
          expect([keys.length > 0, from === to && from !== ""]).toEqual([true, false]);
        }
      }
      const names = found.instance.map(({ field, name }) => `${field} ${name}`);
      expect(names.length).toBe(new Set(names).size);
      for (const { field, change } of found.instance) {
        expect<string>(INSTANCE_SETTINGS[field].change).toBe(change);
      }
    }));
  });

  test("who starts otherwise has another digest, and nobody else", () => {
    fc.assert(fc.property(text, text, (before, after) => {
      const [was, is] = [build(before).plan, build(after).plan];
      const { changed, unchanged } = diff(was, is);
      for (const one of [...changed, ...unchanged.map((pair) => ({ ...pair, settings: [] }))]) {
        const isRestarted = one.settings.some(({ change }) => change === "restart");
        const [then, now] = [startDigest(one.before, was.instance), startDigest(one.after, is.instance)];
        expect(then === now).toBe(!isRestarted);
      }
    }));
  });

  test("what was added is removed the other way round, and what changed changes back", () => {
    fc.assert(fc.property(text, text, (before, after) => {
      const [there, back] = [between(before, after), between(after, before)];
      expect(back.added.length).toBe(there.removed.length);
      expect(back.removed.length).toBe(there.added.length);
      expect(back.changed.length).toBe(there.changed.length);
      expect(back.instance.map(({ name }) => name).sort()).toEqual(
        there.instance.map(({ name }) => name).sort(),
      );
    }));
  });
});

/** Without the places in files. */
function meaning(value: unknown): string {
  return JSON.stringify(value, (name, part) => name === "origin" ? undefined : part) ?? "";
}
