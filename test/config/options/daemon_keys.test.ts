/**
 * The table of daemon keys is whole: what a Plan, a page and `reeve help` take from it is there for every
 * key.
 */
import { describe, expect, test } from "bun:test";
import { keyHelp } from "../../../lib/cli/help/help.ts";
import { planToJson } from "../../../lib/cli/plan/json.ts";
import { changeOf, DAEMON_KEYS, SHOWN_SETTINGS } from "../../../lib/config/options/daemon_keys.ts";
import { INSTANCE_SETTINGS, type InstanceField } from "../../../lib/config/options/instance_settings.ts";
import type { DaemonPlan } from "../../../lib/config/plan/daemon_plan.ts";
import type { InstancePlan } from "../../../lib/config/plan/instance_plan.ts";
import { daemonChild } from "../../../lib/process/child_builder.ts";
import { daemonEnvironment } from "../../../lib/process/environment.ts";
import { DUMB_PLAN, INSTANCE_PLAN } from "../../support/plans.ts";
import { build } from "../build/fake_system.ts";

const ROBERTO = { uid: 5, gid: 5, groups: [], user: "r", login: { name: "r", home: "/r", shell: null } };
const INHERITED = { umask: 0o22, rlimits: [], isRoot: true, cpuCount: 8, terminal: false };

/** All that a daemon is started with, its directory as well. */
function childOf(daemon: DaemonPlan, instance: InstancePlan): unknown {
  const own = { HOME: "/root", USER: "root" };
  const environment = daemonEnvironment({
    own,
    changes: instance.environment,
    reloads: 0,
    originalName: "r",
  });
  const child = daemonChild(daemon, instance, 1, environment, INHERITED);
  return { ...child, fds: [...child.fds], directory: daemon.chdir ?? instance.chdir };
}

const texts = (_: string, value: unknown): unknown => typeof value === "bigint" ? String(value) : value;

/** Of each setting of the instance another value than the plan of tests has. */
const OTHERWISE: Readonly<Record<InstanceField, unknown>> = {
  name: "other",
  runDir: "/r",
  identity: ROBERTO,
  umask: 0o77,
  chdir: "/srv",
  environment: [{ name: "A", value: "1" }],
  pidfiles: [{ path: "/p" }],
  vacuum: true,
  daemonize: true,
  log: { ...INSTANCE_PLAN.log, file: "/l" },
  reloadMercy: 99,
  exitOnReload: true,
  sigtermReloads: true,
  userEnvironment: "inherit",
  touchReload: ["/t"],
  touchLogReopen: ["/t"],
  touchLogRotate: ["/t"],
  touchExec: [{ path: "/t" }],
  fsReload: ["/t"],
  hooks: [{ phase: "asap" }],
  waits: [{ what: "fs" }],
  limitAs: 1 << 30,
  limitNproc: 99,
  nice: 5,
  cpuAffinity: 1,
  caps: [1],
  masterFifo: [{ path: "/f" }],
  shell: "/bin/other",
  procnamePrefix: "x",
  jail: { option: "chroot" },
  setnsServer: { path: "/s" },
  legions: [{ name: "l", transport: { kind: "udp" } }],
  stats: { address: {} },
  controlAllow: [{ user: "x" }],
  controlPath: "/c",
  stateDir: "/s",
};

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

  test.each(Object.keys(OTHERWISE) as InstanceField[])(
    "knows whether %s of the instance reaches daemons",
    (field) => {
      const changed: InstancePlan = { ...INSTANCE_PLAN, [field]: OTHERWISE[field] };
      const daemons = [DUMB_PLAN, { ...DUMB_PLAN, identity: ROBERTO }];
      const setting = INSTANCE_SETTINGS[field];
      for (const one of daemons) {
        const isReached = JSON.stringify(childOf(one, INSTANCE_PLAN), texts) !==
          JSON.stringify(childOf(one, changed), texts);
        // One with a user of its own has nothing of the instance's; the builder gives others the instance's.
        if (field === "identity") continue;
        expect(setting.change === "restart" && setting.reaches(one)).toBe(isReached);
      }
    },
  );

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
