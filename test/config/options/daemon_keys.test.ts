/**
 * The table of daemon keys is whole: what a Plan, a page and `reeve help` take from it is there for every
 * key.
 */
import { describe, expect, test } from "bun:test";
import { keyHelp } from "../../../lib/cli/help/help.ts";
import { planToJson } from "../../../lib/cli/plan/json.ts";
import { changeOf, DAEMON_KEYS, SHOWN_SETTINGS } from "../../../lib/config/options/daemon_keys.ts";
import { INSTANCE_SETTINGS } from "../../../lib/config/options/instance_settings.ts";
import { build } from "../build/fake_system.ts";

const { plan } = build("attach-daemon2 = cmd=sleep 1");
const [daemon] = plan.daemons;
/** What a daemon's plan has besides its settings. */
const PROVENANCE = ["option", "origin", "origins"];
const settings = Object.keys(daemon ?? {}).filter((name) => !PROVENANCE.includes(name));

describe("the table of daemon keys", () => {
  test("gives no name to two keys", () => {
    const names = DAEMON_KEYS.flatMap(({ key, aliases = [] }) => [key, ...aliases]);
    expect(names.length).toBe(new Set(names).size);
  });

  test("has a key for every setting of a daemon's plan, and no other", () => {
    expect(settings.toSorted()).toEqual([...new Set<string>(DAEMON_KEYS.map(({ field }) => field))].sort());
  });

  test("shows every setting but the name in one row", () => {
    const shown = SHOWN_SETTINGS.map(({ field }) => field);
    expect(shown.toSorted()).toEqual([...new Set(shown)].sort());
    expect([...shown, "name"].sort()).toEqual(settings.toSorted());
    const { daemons } = planToJson(plan) as { daemons: [{ from: Record<string, string> }] };
    expect(Object.keys(daemons[0].from)).toEqual(shown);
  });

  test("says of every key how a change of it is applied", () => {
    for (const { key, change } of DAEMON_KEYS) {
      expect({ key, isKnown: ["restart", "live", "kernel", "name"].includes(change) }).toEqual({
        key,
        isKnown: true,
      });
    }
  });

  test("and the settings of the instance reach all that a daemon has from it", () => {
    const plain = build("attach-daemon2 = cmd=sleep 1").plan;
    const options = Object.entries(INSTANCE_SETTINGS).filter(([, { change }]) => change === "restart");
    expect(options.map(([, { name }]) => name).sort()).toEqual(
      "cap chdir cpu-affinity env limit-as limit-nproc prio umask user-env".split(" "),
    );
    for (const [field] of options) expect(Object.keys(plain.instance)).toContain(field);
  });

  test("has one way of applying a change for all keys of a setting", () => {
    for (const { key, field, change } of DAEMON_KEYS) {
      expect(`${key}: ${change}`).toBe(`${key}: ${changeOf(field)}`);
    }
  });

  test.each(DAEMON_KEYS.map((row) => [row.key, row] as const))("%s is explained", (key, row) => {
    const text = keyHelp(row).replace(/\s+/g, " ");
    for (const part of [key, ...row.aliases ?? [], row.type, row.default, row.help.slice(1)]) {
      expect(text).toContain(part.replace(/\s+/g, " "));
    }
  });

  const values = DAEMON_KEYS.filter(({ read, default: usual }) =>
    read !== undefined && /^[A-Z0-9]+$/.test(usual)
  );
  test.each(values.map((row) => [row.key, row.default] as const))("%s=%s is the default", (key, usual) => {
    const written = build(`attach-daemon2 = cmd=sleep 1,${key}=${usual}`).plan.daemons[0];
    expect({ ...written, origins: {} }).toEqual({ ...daemon, origins: {} } as never);
  });
});
