/**
 * A configuration applied to daemons that run in a world that the test moves: what runs becomes what is
 * configured, and nothing else is touched.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Diagnostics } from "../../lib/config/diagnostic.ts";
import type { Plan } from "../../lib/config/plan/plan.ts";
import { type ApplyOptions, workText } from "../../lib/control/apply_report.ts";
import { daemonEnvironment } from "../../lib/process/environment.ts";
import { startDigest } from "../../lib/records/start_digest.ts";
import type { Reread } from "../../lib/supervisor/configuration/read_anew.ts";
import { Apply } from "../../lib/supervisor/configuration/apply.ts";
import { UnitSet } from "../../lib/supervisor/unit/units.ts";
import { build } from "../config/build/fake_system.ts";
import { UnitWorld } from "./unit/world.ts";

const PLAINLY: ApplyOptions = { isDryRun: false, keepRemoved: false, restartSmart: false, file: null };

class Scene {
  readonly world = new UnitWorld();
  readonly units: UnitSet;
  readonly apply: Apply;
  readonly lines: string[] = [];
  readonly changes: unknown[] = [];
  /** Those that a person has stopped. */
  readonly stopped = new Set<string>();
  refusal: string | null = null;
  text: string;
  #instance: Plan["instance"];

  constructor(text: string) {
    this.text = text;
    const { plan } = build(text);
    this.#instance = plan.instance;
    this.world.startedAs = (daemon) => {
      const instance = this.#instance;
      return { digest: () => startDigest(daemon, instance), command: daemon.command.text };
    };
    this.units = new UnitSet(plan.daemons, new Map(), this.world, {
      isLord: () => true,
      isJailOpen: () => true,
      doorOf: ({ name }) => this.stopped.has(name) ? "closed" : "open",
    });
    this.units.start();
    this.world.settle();
    const say = (name: string | null, line: string): void =>
      void this.lines.push(`${name ?? "reeve"}: ${line}`);
    this.apply = new Apply({
      request: { plan, capsule: { cwd: process.cwd() } as never, reread: () => this.#read() },
      logger: { info: say, warning: say, error: say },
      units: this.units,
      starter: {
        changeInstance: (instance, changes) => {
          this.#instance = instance;
          this.changes.push(...changes);
        },
      },
      refusal: () => this.refusal,
      environment: (changes) =>
        daemonEnvironment({ own: { HOME: "/" }, changes, reloads: 0, originalName: "r" }),
      renamed: (names) => {
        const closed = [...names].filter(([was]) => this.stopped.delete(was));
        for (const [, name] of closed) this.stopped.add(name);
      },
      enter: (directory) => void this.lines.push(`enters ${directory}`),
    });
  }

  /** What it answers, a daemon a line. */
  take(text: string, options: Partial<ApplyOptions> = {}): string[] {
    this.text = text;
    const result = this.apply.run({ ...PLAINLY, ...options });
    this.world.settle();
    if (result.kind === "refused") return [...result.reasons];
    const { daemons, reload, stop } = result.report;
    return [
      ...daemons.map((daemon) => `${daemon.name}: ${workText(daemon)}`),
      ...reload.map((name) => `reload: ${name}`),
      ...stop.map((name) => `stop: ${name}`),
    ];
  }

  pids(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      [...this.units].map(({ name, status }) => [name, (status.main ?? status.child)?.pid ?? 0]),
    );
  }

  #read(): ReturnType<Reread> {
    const diagnostics = new Diagnostics();
    if (this.text === "bad") {
      diagnostics.error("cannot read it", { file: "app.ini", line: 7 });
      return { plan: null, diagnostics: diagnostics.list, files: new Map() };
    }
    const { plan } = build(this.text);
    return { plan, diagnostics: diagnostics.list, files: new Map() };
  }
}

const line = (name: string, rest = ""): string => `attach-daemon2 = name=${name},cmd=sleep 1${rest}`;
const WEB = line("web");
const smart = (argument: number): string =>
  `attach-daemon2 = name=s,cmd=d ${argument},pidfile=/p,daemonize=1`;

describe("a changed configuration", () => {
  test("touches what differs and nothing else", () => {
    const scene = new Scene([WEB, line("api"), line("old")].join("\n"));
    const { web, api, old } = scene.pids();
    const found = scene.take([WEB, line("api", ",chdir=/tmp"), "attach-daemon = new"].join("\n"));
    expect(found).toEqual(["old: stop", "api: restart: chdir", "new: new"]);
    const now = scene.pids();
    expect([now["web"], Object.keys(now)]).toEqual([web!, ["web", "api", "new"]]);
    expect([now["api"]! > api!, scene.world.alive.has(old!)]).toEqual([true, false]);
    expect(scene.take(scene.text)).toEqual([]);
  });

  test("says what would be done, and does nothing", () => {
    const scene = new Scene(WEB);
    const before = scene.pids();
    expect(scene.take(line("web", ",uid=33"), { isDryRun: true })).toEqual(["web: restart: uid"]);
    expect([scene.pids(), scene.lines, scene.world.launches]).toEqual([before, [], 1]);
  });

  test("that is bad changes nothing, and its place is said", () => {
    const scene = new Scene(WEB);
    expect(scene.take("bad")).toEqual(["app.ini:7: cannot read it"]);
    expect(scene.lines).toEqual([
      "reeve: app.ini:7: cannot read it",
      "reeve: cannot apply: the configuration has errors; everything goes on as it is",
    ]);
    expect(scene.world.launches).toBe(1);
  });

  test("is not applied to an instance that ends", () => {
    const scene = new Scene(WEB);
    scene.refusal = "the instance is not up: it is stopping";
    expect(scene.take(line("other"))).toEqual(["the instance is not up: it is stopping"]);
    expect(Object.keys(scene.pids())).toEqual(["web"]);
  });

  test("of the instance restarts whom it reaches, and what is nobody's is named and left alone", () => {
    const scene = new Scene(`env = A=1\n${WEB}`);
    const text = `env = A=2\nrun-dir = /r\nhook-asap = mkdir:/x\nchdir = /srv\n${WEB}`;
    expect(scene.take(text)).toEqual([
      "web: restart: chdir, env A",
      "reload: hook-asap",
      "stop: run-dir",
    ]);
    expect(scene.changes).toEqual([{ name: "A", value: "2" }]);
    expect(scene.lines[0]).toBe("enters /srv");
    // It is still so: nobody has reloaded.
    expect(scene.take(text)).toEqual(["reload: hook-asap", "stop: run-dir"]);
    expect(scene.world.launches).toBe(2);
  });
});

describe("a smart daemon", () => {
  test("whose command has changed runs the older one until it is restarted", () => {
    const scene = new Scene(smart(1));
    const { s } = scene.pids();
    const older = ["s: runs as it was started, until it is restarted: command"];
    expect(scene.take(smart(2))).toEqual(older);
    expect(scene.take(smart(2))).toEqual(older);
    expect([scene.pids()["s"], scene.units.find("s")?.plan.command.text]).toEqual([s!, "d 1"]);
    scene.units.restart("s", "restart");
    scene.world.settle();
    expect(scene.units.find("s")?.plan.command.text).toBe("d 2");
    expect(scene.take(smart(2))).toEqual([]);
  });

  test("whose command is what it was again does not run an older one", () => {
    const scene = new Scene(smart(1));
    scene.take(smart(2));
    expect([scene.take(smart(1)), scene.units.find("s")?.next]).toEqual([[], null]);
  });

  test("is restarted where that is asked for, also when the change is known already", () => {
    const scene = new Scene(smart(1));
    scene.take(smart(2));
    const { s } = scene.pids();
    expect(scene.take(smart(2), { restartSmart: true })).toEqual(["s: restart: command"]);
    expect(scene.pids()["s"]).toBeGreaterThan(s!);
    expect(scene.take(smart(2))).toEqual([]);
  });

  test("that an environment would start otherwise is known to be older as well", () => {
    const scene = new Scene(smart(1));
    expect(scene.take(`umask = 022\n${smart(1)}`)).toEqual([
      "s: runs as it was started, until it is restarted: umask",
    ]);
    expect(scene.take(`umask = 022\n${smart(1)}`)).toEqual([
      "s: runs as it was started, until it is restarted: older settings",
    ]);
    expect([scene.take(smart(1)), scene.units.find("s")?.next]).toEqual([[], null]);
  });

  test("that is removed is stopped, or left running where that is asked for", () => {
    const [scene, kept] = [new Scene(smart(1)), new Scene(smart(1))];
    expect([scene.take(WEB), kept.take(WEB, { keepRemoved: true })]).toEqual([
      ["s: stop", "web: new"],
      ["s: no longer configured: left running, unsupervised", "web: new"],
    ]);
    expect([scene.world.alive.size, kept.world.alive.size]).toEqual([1, 2]);
  });
});

describe("at any moment", () => {
  test("a daemon that waits for its next start is tried at once as the new one", () => {
    const scene = new Scene(line("web", ",freq=1"));
    scene.world.die(scene.pids()["web"]!);
    expect(scene.units.find("web")?.status.state).toBe("broken");
    expect(scene.take(line("web", ",freq=1,chdir=/tmp"))).toEqual(["web: restart: chdir"]);
    expect(scene.units.find("web")?.status.state).toBe("running");
  });

  test("during a restart, and again: the last word counts", () => {
    const scene = new Scene(WEB);
    scene.world.alive.get(scene.pids()["web"]!)!.obedient = false;
    scene.take(line("web", ",chdir=/a"));
    expect(scene.take(line("web", ",chdir=/b"))).toEqual(["web: restart: chdir"]);
    scene.world.advance(3000);
    expect([scene.units.find("web")?.plan.chdir, scene.world.launches]).toEqual(["/b", 2]);
    expect(scene.take(line("web", ",chdir=/b"))).toEqual([]);
  });

  test("what a person has stopped stays stopped, whatever its definition becomes", () => {
    const scene = new Scene(WEB);
    scene.stopped.add("web");
    scene.units.setPerson("web", "closed");
    scene.world.settle();
    expect(scene.take(line("web", ",chdir=/a"))).toEqual(["web: from its next start on: chdir"]);
    expect(scene.take(line("www", ",chdir=/a"))).toEqual(["www: was called web"]);
    expect([scene.units.find("www")?.status.state, scene.world.launches]).toEqual(["down", 1]);
    scene.take("attach-daemon = other");
    scene.take(`attach-daemon = other\n${line("www")}`);
    expect(scene.units.find("www")?.status.state).toBe("down");
    scene.units.setPerson("www", "open");
    expect(scene.units.find("www")?.status.state).toBe("running");
  });
});

const VALUES: Readonly<Record<string, readonly string[]>> = {
  name: ["web", "api", "db"],
  cmd: ["sleep 1", "sleep 2", "sleep 3"],
  touch: ["/a", "/a;/b"],
  stopsignal: ["INT", "TERM"],
  chdir: ["/srv", "/tmp"],
  stop_timeout: ["3", "4s"],
};
const key = fc.constantFrom(...Object.keys(VALUES)).chain((name) =>
  fc.constantFrom(...VALUES[name] ?? []).map((value) => `${name}=${value}`)
);
const daemon = fc.uniqueArray(key, { maxLength: 5, selector: (text) => text.split("=")[0] })
  .map((keys) =>
    `attach-daemon2 = ${
      (keys.some((one) => one.startsWith("cmd=")) ? keys : ["cmd=sleep 1", ...keys]).join(",")
    }`
  );
const option = fc.constantFrom("umask = 022", "env = A=1", "env = A=2", "prio = 5");
const text = fc.array(fc.oneof({ weight: 3, arbitrary: daemon }, option), { maxLength: 8 })
  .map((lines) => lines.join("\n"))
  .filter((lines) => !build(lines).diagnostics.hasErrors);

test("whatever was configured before, and whatever then: what runs is what is configured, and a second time does nothing", () => {
  fc.assert(fc.property(text, text, text, (first, second, third) => {
    const scene = new Scene(first);
    for (const next of [second, third]) {
      scene.take(next);
      const { plan } = build(next);
      scene.world.settle();
      expect([...scene.units].map(({ name }) => name)).toEqual(plan.daemons.map(({ name }) => name));
      expect([...scene.units].map(({ plan }) => plan)).toEqual([...plan.daemons]);
      expect([...scene.units].every(({ status }) => status.state === "running")).toBe(true);
      for (const unit of scene.units) {
        expect(unit.startedAs?.digest()).toBe(startDigest(unit.plan, plan.instance));
      }
      expect(scene.world.alive.size).toBe(plan.daemons.length);
      const { launches } = scene.world;
      expect([scene.take(next), scene.world.launches]).toEqual([[], launches]);
    }
  }));
});
