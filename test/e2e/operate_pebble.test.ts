/**
 * The requests of pebble's clients, as pebble documents its API (docs of canonical/pebble: services, changes,
 * signals, notices, health, plan), and what their parsers take for granted in the answers.
 */
import { expect } from "bun:test";
import { Asking } from "./ask.ts";
import { check, reeve } from "./need.ts";

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;
const STARTUP = ["enabled", "disabled"];
const CURRENT = ["active", "inactive", "error", "backoff"];
const STATUS = ["Do", "Doing", "Done", "Error", "Hold"];

// deno-lint-ignore no-explicit-any
function expectChange(change: any, kind: string): void {
  expect(change.kind).toBe(kind);
  for (const field of ["id", "summary", "status"]) expect(change[field]).toBeString();
  expect(STATUS).toContain(change.status);
  expect(change.ready).toBeBoolean();
  expect(change["spawn-time"]).toMatch(RFC_3339);
  if (change.ready) expect(change["ready-time"]).toMatch(RFC_3339);
  for (const task of change.tasks) {
    for (const field of ["id", "kind", "summary", "status"]) expect(task[field]).toBeString();
    expect(task.progress).toEqual({
      label: expect.any(String),
      done: expect.any(Number),
      total: expect.any(Number),
    });
    expect(task["spawn-time"]).toMatch(RFC_3339);
    for (const line of task.log ?? []) expect(line).toMatch(/^\S+ (?:INFO|ERROR) /);
  }
}

check("pebble's clients find what they ask for", [reeve], async (scope) => {
  const supervisor = scope.reeve(scope.config([
    "[daemon:web]",
    "command = sleep 900",
    "[daemon:gone]",
    `command = ${scope.path("absent")}`,
    "startup = disabled",
  ]));
  await supervisor.untilLog(/reeve is up/);
  const asking = new Asking(scope);

  // get_system_info
  const system = await asking.get("/v1/system-info");
  expect(system).toMatchObject({ status: 200, type: "sync" });
  expect(system.result.version).toBeString();

  // get_services, with names and without
  for (const path of ["/v1/services", "/v1/services?names=web%2Cgone", "/v1/services?names="]) {
    const { result } = await asking.get(path);
    // deno-lint-ignore no-explicit-any
    expect(result.map(({ name }: any) => name)).toEqual(["web", "gone"]);
    for (const service of result) {
      expect(STARTUP).toContain(service.startup);
      expect(CURRENT).toContain(service.current);
      if (service["current-since"] !== undefined) expect(service["current-since"]).toMatch(RFC_3339);
    }
  }

  // stop_services, start_services, restart_services, autostart_services; wait_change in pieces of 4 s
  for (const action of ["stop", "start", "restart", "autostart"]) {
    const asked = await asking.post("/v1/services", {
      action,
      services: action === "autostart" ? [] : ["web"],
    });
    expect(asked).toMatchObject({ status: 202, type: "async" });
    const waited = await asking.get(`/v1/changes/${asked.change}/wait?timeout=4.000s`);
    expectChange(waited.result, action === "autostart" ? "start" : action);
    expect(waited.result).toMatchObject({ ready: true, status: "Done" });
    expect((await asking.get(`/v1/changes/${asked.change}`)).result).toEqual(waited.result);
  }
  const failed = await asking.post("/v1/services", { action: "start", services: ["gone"] });
  const { result } = await asking.get(`/v1/changes/${failed.change}/wait?timeout=4.000s`);
  expectChange(result, "start");
  expect(result.status).toBe("Error");
  expect(result.err).toBeString();

  // get_changes: for a service, and those that are ready
  const ready = await asking.get("/v1/changes?select=ready&for=web");
  expect(ready.result).toHaveLength(4);
  for (const change of ready.result) expectChange(change, change.kind);
  expect((await asking.get("/v1/changes?select=in-progress")).result).toEqual([]);

  // send_signal: a name of Python's
  expect((await asking.post("/v1/signals", { signal: "SIGCONT", services: ["web"] })).result).toBeTrue();

  // errors: APIError takes the message from the result
  const error = await asking.get("/v1/changes/99");
  expect(error).toMatchObject({ status: 404, type: "error", result: { message: expect.any(String) } });

  // get_notices, get_notice
  const notices = await asking.get("/v1/notices?types=change-update");
  expect(notices.result).toHaveLength(5);
  for (const notice of notices.result) {
    for (const field of ["id", "type", "key"]) expect(notice[field]).toBeString();
    for (const field of ["first-occurred", "last-occurred", "last-repeated"]) {
      expect(notice[field]).toMatch(RFC_3339);
    }
    expect(notice.occurrences).toBeGreaterThan(0);
    expect(notice["last-data"]).toMatchObject({ kind: expect.any(String) });
    expect(notice["expire-after"]).toMatch(/^(?:\d+h)?(?:\d+m)?\d+s$/);
    expect(notice["user-id"]).toBeNull();
  }
  expect((await asking.get(`/v1/notices/${notices.result[0].id}`)).result).toEqual(notices.result[0]);
  const last = notices.result.at(-1)["last-repeated"];
  const none = await asking.get(
    `/v1/notices?types=change-update&after=${encodeURIComponent(last)}&timeout=10ms`,
  );
  expect(none.result).toEqual([]);

  // get_plan: a text of YAML, of which JSON is a part
  const plan = await asking.get("/v1/plan?format=yaml");
  expect(JSON.parse(plan.result).services.web).toEqual({
    override: "replace",
    command: "sleep 900",
    startup: "enabled",
  });

  // health: GET /v1/health
  await asking.act("stop", ["gone"]);
  expect(await asking.get("/v1/health?level=alive")).toMatchObject({
    status: 200,
    result: { healthy: true },
  });
  await supervisor.stop();
});
