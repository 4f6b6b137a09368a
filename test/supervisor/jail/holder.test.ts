import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProcessId } from "../../../lib/sys/process_id.ts";
import { JailEntry } from "../../../lib/supervisor/jail/entry.ts";
import { JailHolder } from "../../../lib/supervisor/jail/holder.ts";
import { JailFile } from "../../../lib/records/jail_record.ts";
import { Registry } from "../../../lib/process/registry.ts";
import type { Watcher } from "../../../lib/sys/file/watcher.ts";
import { JAIL_PLAN } from "../../jail/plans.ts";
import { FakeTimers } from "../../sys/fake_timers.ts";

/** A number that no process has: the init that is started here is none. */
const INIT: ProcessId = { pid: 0x3fff_fffe, startTime: 7n };

function world(runDir: string | null = null) {
  const specs: { readonly parentDeathSignal: number | null }[] = [];
  const timers = new FakeTimers();
  const registry = new Registry();
  const signals: string[] = [];
  const said: string[] = [];
  const say = (_: string | null, text: string): void => void said.push(text);
  const holder = new JailHolder({
    choice: { plan: JAIL_PLAN, handle: null },
    file: new JailFile(runDir),
    boot: "boot",
    logger: { debug: () => {}, info: say, warning: say, error: say },
    timers,
    now: () => timers.now,
    init: {
      isKnown: runDir !== null,
      inherited: { umask: 0o022, rlimits: [], isRoot: true, cpuCount: 1, terminal: false },
      registry,
      watcher: { add: () => ({ remove: () => {} }) } as unknown as Watcher,
      start: (spec) => {
        specs.push(spec);
        return INIT;
      },
      follow: () => ({ remove: () => {} }),
    },
    drain: { stopSignalOf: () => 15, signal: () => {}, follow: () => ({ remove: () => {} }), timers },
    signal: ({ pid }, signal) => void signals.push(`${signal} ${pid}`),
    entry: new JailEntry(() => Promise.resolve(), new AbortController().signal),
    opened: () => {},
    shut: () => {},
  });
  return { holder, timers, registry, signals, said, specs };
}

test("called off while its init is stuck: the start does not wait for it, and the end not for ever", async () => {
  const { holder, timers, signals, said } = world();
  const control = new AbortController();
  const opened = holder.open(control.signal);
  control.abort(new Error("told to stop"));
  await expect(opened).rejects.toThrow("told to stop");
  expect(signals).toEqual([`9 ${INIT.pid}`]);
  const ended = holder.end(0, new AbortController().signal);
  timers.advance(60_000);
  await ended;
  expect(said).toEqual(["cannot end the jail: something in it is still there after SIGKILL"]);
});

test("called off while it is made: the end waits until its init is reaped", async () => {
  const { holder, registry } = world();
  const control = new AbortController();
  const opened = holder.open(control.signal);
  control.abort(new Error("told to stop"));
  await expect(opened).rejects.toThrow("told to stop");
  let isEnded = false;
  const ended = holder.end(0, new AbortController().signal).then(() => {
    isEnded = true;
  });
  await Promise.resolve();
  expect(isEnded).toBe(false);
  registry.get(INIT.pid)?.reaped(INIT.pid, { kind: "killed", signal: 9 }, null);
  await ended;
  expect(holder.describe()).toEqual({ state: "down", pid: 0 });
});

test("a jail of which no record can be kept ends with reeve, however that ends; one that is on record outlives it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "reeve-holder-"));
  try {
    for (const [runDir, expected] of [[directory, null], [join(directory, "gone"), 9]] as const) {
      const { holder, specs, said } = world(runDir);
      const control = new AbortController();
      const opened = holder.open(control.signal);
      control.abort(new Error("enough"));
      await expect(opened).rejects.toThrow("enough");
      expect(specs.map(({ parentDeathSignal }) => parentDeathSignal)).toEqual([expected]);
      expect(said.map((text) => /it ends with reeve, a kill -9 included$/.test(text))).toEqual(
        expected === 9 ? [true] : [],
      );
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});
