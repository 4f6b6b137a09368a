/**
 * Whatever the options of jails and legions say: nothing throws, the Plan keeps its promises, no secret is
 * shown.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { planToJson } from "../../../lib/cli/plan/json.ts";
import { planToText } from "../../../lib/cli/plan/text.ts";
import { noteDifferences } from "../../../lib/config/check/differences.ts";
import { findProblems } from "../../../lib/config/check/problems.ts";
import { showConfiguration } from "../../../lib/config/language/show.ts";
import { build, fakeSystem, optionsOf, ORDINARY } from "./fake_system.ts";

const system = fakeSystem(ORDINARY);
const SECRET = "Xq7-topsecret";

const word = fc.constantFrom(
  ..."a|b|/|/r|/r/x|/ns/1:h|/dev/pts|/a:/b|:|..|.|fs|pid|net,ipc|user|7|0|-1|1|2|98|:4242|10.0.0.1:4242|225.1.1.1:4242"
    .split("|"),
  ..."[::1]:1|[ff02::1]:4242|/tmp/s|cmd:x|log:y|signal:a HUP|signal:3|alarm:z|http://h:1|https://h:1,http://g:2|ttl=5"
    .split("|"),
  ..."user=u:/f|cert=/c|key=/k|clean|inherit|true|0.2|500ms|4K|;|,|=|eth0|\0|ä|%".split("|"),
  ` bf-cbc:${SECRET}`,
  ` aes-256-cbc:${SECRET} ${SECRET}`,
);
const value = fc.array(fc.oneof({ weight: 6, arbitrary: word }, fc.string({ maxLength: 4 })), {
  maxLength: 6,
})
  .map((words) => words.join(" ").replaceAll("\n", ""));
const name = fc.constantFrom(
  ...("namespace namespace-net namespace-keep-mount namespace-bare namespace-env unshare unshare2 setns setns-socket " +
    "setns-skip chroot pivot-root jailed uid gid chdir stats stats-http exec-as-root hook-in-jail")
    .split(" "),
  ...("legion legion-mcast legion-etcd legion-node legion-mcast-if legion-quorum legion-freq legion-tolerance " +
    "legion-lord legion-unlord legion-scroll legion-scroll-max-size legion-attach-daemon legion-smart-attach-daemon")
    .split(" "),
);
const KEYS = "ns_pid ns root hostname keep readonly tmpfs setns caps no_new_privs legion pidfile uid".split(
  " ",
);
const line = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(name, value).map(([option, text]) => `${option} = ${text}`) },
  {
    weight: 1,
    arbitrary: fc.array(fc.tuple(fc.constantFrom(...KEYS), value), { maxLength: 5 }).map((keys) =>
      `attach-daemon2 = cmd=a,${keys.map(([key, text]) => `${key}=${text.replaceAll(",", ";")}`).join(",")}`
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      `legion = a :4242 1 bf-cbc:${SECRET} ${SECRET}`,
      `legion-mcast = b 225.1.1.1:1 0 aes-256-cbc:${SECRET}`,
      `legion-auth = a ${SECRET}`,
      `legion-etcd = e http://u:${SECRET}@h:1 1`,
      `legion-etcd = e http://h:1 1 user=u:${SECRET}`,
    ),
  },
);
const text = fc.array(line, { maxLength: 12 }).map((lines) => lines.join("\n"));

describe("whatever the options of jails and legions say", () => {
  test("nothing throws, paths in the Plan are absolute, and every problem of a line has its line", () => {
    fc.assert(
      fc.property(text, (lines) => {
        const { plan, diagnostics } = build(lines, system);
        findProblems(plan, system, "check", diagnostics);
        noteDifferences(plan, optionsOf(lines), diagnostics);
        const { jail, legions } = plan.instance;
        const mounts = [
          ...jail?.keep ?? [],
          ...plan.daemons.flatMap(({ namespaces }) => namespaces?.keep ?? []),
        ];
        for (const path of mounts.flatMap(({ source, target }) => [source, target])) {
          expect(path).toStartWith("/");
          expect(path).not.toInclude("\0");
        }
        for (const { target } of mounts) expect(target.split("/")).not.toContain("..");
        const roots = [jail?.root, ...plan.daemons.map(({ namespaces }) => namespaces?.root)];
        for (const root of roots) if (root != null) expect(root.path).toMatch(/^\/[^\0]+$/);
        for (const legion of legions) {
          expect(legion.freq).toBeGreaterThanOrEqual(0.05);
          expect(Number.isSafeInteger(legion.valor) && legion.valor >= 0).toBe(true);
        }
        for (const { severity, origin } of diagnostics.list) {
          if (severity === "error") expect(origin?.line).toBeGreaterThan(0);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("no secret is shown: not in a plan, not by show-config, not in a message", () => {
    // The name of a legion is no secret, whatever it is.
    const part = fc.oneof(
      fc.constantFrom(...":4242|225.1.1.1:4242|/tmp/s|1|0|x|a".split("|")),
      fc.string({ maxLength: 3 }),
    );
    const secretLine = fc.tuple(
      fc.constantFrom("legion", "legion-mcast", "legion-auth"),
      fc.array(part, { maxLength: 4 }),
      fc.constantFrom(`bf-cbc:${SECRET}`, `x:${SECRET} ${SECRET}`, `:${SECRET}`, SECRET),
    ).map(([option, parts, secret]) =>
      `${option} = ${["a", ...parts, secret].join(" ").replaceAll("\n", "")}`
    );
    fc.assert(
      fc.property(fc.array(secretLine, { maxLength: 4 }), (extra) => {
        const lines = [
          `my = ${SECRET}`,
          `legion = a :4242 1 bf-cbc:${SECRET} ${SECRET}`,
          `legion-auth = a ${SECRET}`,
          `legion-etcd = e http://u:${SECRET}@h:1 1`,
          `legion-lord = a cmd:mysql --password=${SECRET}`,
          ...extra,
        ].join("\n");
        const { plan, texts } = build(lines, system);
        const shown = [
          planToText(plan, { paint: (painted) => painted }),
          JSON.stringify(planToJson(plan)),
          showConfiguration(optionsOf(lines).filter(({ name }) => name !== "legion-lord")),
          ...texts,
        ];
        expect(shown.filter((one) => one.includes(SECRET))).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });
});
