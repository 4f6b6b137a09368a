/**
 * One life of each server under the compiled executable: started, killed and back, reloaded, the supervisor
 * killed and started again, stopped; and each time who must live and who must die. A dumb daemon dies with
 * the supervisor and on a reload; a smart one survives both, is adopted, and is never started twice.
 */
import { expect } from "bun:test";
import type { Scope, Supervisor } from "./harness.ts";
import { check, reeve } from "./need.ts";
import { isAlive, type ProcessId, sameProcess, signal } from "./process.ts";
import { pathOf, type Prepared, type Server, SERVERS } from "./servers.ts";
import { until } from "./wait.ts";

/**
 * The last daemon of the configuration, dumb: its replacement proves that a start or reload went through all
 * of them.
 */
const SENTINEL = /^sleep 86399/;

async function lifeOf(scope: Scope, server: Server): Promise<void> {
  const prepared: Prepared = await server.prepare(scope);
  const config = scope.config([...prepared.lines, "attach-daemon = sleep 86399"]);
  const environment = { PATH: pathOf(scope), ...prepared.environment };
  const start = (): Supervisor => scope.reeve(config, { environment });
  const serving = (other: ProcessId | null) =>
    until(`${server.name} serves${other === null ? "" : " again, as another process"}`, async () => {
      const id = prepared.find();
      return id !== null && isAlive(id) && !sameProcess(id, other) && await prepared.answers() ? id : null;
    }, { seconds: 30 });
  const sentinel = (other: ProcessId | null) =>
    until("a new sentinel runs", () => {
      const found = scope.matching(SENTINEL);
      return found.length === 1 && !sameProcess(found[0] ?? null, other) ? found[0] : null;
    });
  const survives = async (id: ProcessId, starts: number) => {
    expect(isAlive(id)).toBe(true);
    expect(prepared.find()).toEqual({ pid: id.pid, start: id.start });
    expect(await prepared.answers()).toBe(true);
    expect(prepared.starts()).toBe(starts);
  };

  let supervisor = start();
  const first = await serving(null);

  signal(first, "SIGKILL");
  let current = await serving(first);
  expect(isAlive(first)).toBe(false);
  const starts = prepared.starts();
  let lastSentinel = await sentinel(null);

  supervisor.signal("SIGHUP");
  lastSentinel = await sentinel(lastSentinel);
  if (server.kind === "dumb") {
    expect(isAlive(current)).toBe(false);
    current = await serving(current);
  } else {
    await survives(current, starts);
  }

  await supervisor.kill();
  await until("the sentinel died with the supervisor", () => !isAlive(lastSentinel));
  if (server.outlivesKill) {
    // Nobody is left who could end it.
  } else if (server.kind === "dumb") {
    await until(`${server.name} died with the supervisor`, () => !isAlive(current));
  } else {
    await survives(current, starts);
  }

  supervisor = start();
  lastSentinel = await sentinel(lastSentinel);
  if (server.kind === "dumb") {
    const before = current;
    current = await serving(before);
    expect(isAlive(before)).toBe(false);
  } else {
    await survives(current, starts);
  }

  expect((await supervisor.stop()).code).toBe(0);
  expect(isAlive(lastSentinel)).toBe(false);
  if (server.kind === "dumb") {
    expect(isAlive(current)).toBe(false);
    expect(prepared.starts()).toBe(4);
  } else {
    await survives(current, starts);
  }
}

for (const server of SERVERS) {
  check(
    `${server.name}: lives and dies as a ${server.kind} daemon`,
    [reeve, ...server.needs],
    async (scope) => {
      await lifeOf(scope, server);
    },
    90,
  );
}
