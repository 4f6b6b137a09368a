/** Single daemons operated over the control socket of a running instance. */
import { expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { Asking } from "./ask.ts";
import type { Scope, Supervisor } from "./harness.ts";
import { check, type Need, program, reeve } from "./need.ts";
import { identify } from "./process.ts";
import { until } from "./wait.ts";

const NEEDS: readonly Need[] = [reeve];
const IGNORES_TERM = "sh -c 'trap \"\" TERM; while :; do sleep 60 & wait; done'";

/** Sections by their names, each with its lines. */
async function started(
  scope: Scope,
  daemons: Readonly<Record<string, readonly string[]>>,
  lines: readonly string[] = [],
): Promise<{ readonly supervisor: Supervisor; readonly asking: Asking }> {
  const config = scope.config([
    ...lines,
    ...Object.entries(daemons).flatMap(([name, keys]) => [`[daemon:${name}]`, ...keys]),
  ]);
  const supervisor = scope.reeve(config);
  await supervisor.untilLog(/reeve is up/);
  return { supervisor, asking: new Asking(scope) };
}

check("a daemon is stopped, stays so, and is started again", NEEDS, async (scope) => {
  const { supervisor, asking } = await started(scope, {
    web: ["command = sleep 900"],
    other: ["command = sleep 901"],
  });
  const other = (await asking.service("other")).pid;
  const before = await asking.service("web");
  expect(before).toMatchObject({ state: "running", current: "active", held: null, ready: true });

  const stop = await asking.act("stop", ["web"]);
  expect(stop).toMatchObject({ kind: "stop", status: "Done", ready: true, by: "root" });
  expect(identify(before.pid)).toBeNull();
  const held = await asking.service("web");
  expect(held).toMatchObject({ state: "down", desired: "down", current: "inactive", closed: ["person"] });
  expect(held.held.by).toBe("root");
  expect(held["last-exit"]).toMatchObject({ signal: "TERM", reason: "stopped" });
  expect((await asking.act("stop", ["web"])).status).toBe("Done");

  expect((await asking.act("start", ["web"])).status).toBe("Done");
  expect(await asking.service("web")).toMatchObject({ state: "running", held: null, starts: 2 });
  expect((await asking.act("start", ["web"])).status).toBe("Done");
  expect((await asking.service("web")).starts).toBe(2);
  expect((await asking.service("other")).pid).toBe(other);
  await supervisor.stop();
});

check("a restart is one change, and two at once are the same", NEEDS, async (scope) => {
  const { supervisor, asking } = await started(scope, {
    web: [`command = ${IGNORES_TERM}`, "stop_timeout = 2"],
  });
  const { pid } = await scope.untilMinds(/^sh -c trap "" TERM/, "SIGTERM");
  const first = await asking.post("/v1/services", { action: "restart", services: ["web"] });
  const second = await asking.post("/v1/services", { action: "restart", services: ["w*"] });
  expect(first.status).toBe(202);
  expect(second.change).toBe(first.change);
  const open = await asking.get(`/v1/changes/${first.change}`);
  expect(open.result).toMatchObject({ status: "Doing", ready: false });
  expect(open.result.tasks[0].progress.label).toMatch(/^stopping, \d s of 2 s$/);

  const contrary = await asking.post("/v1/services", { action: "stop", services: ["web"] });
  expect(contrary.status).toBe(409);
  expect(contrary.result).toMatchObject({ kind: "busy", value: first.change });
  const late = await asking.get(`/v1/changes/${first.change}/wait?timeout=10ms`);
  expect([late.status, late.result.kind]).toEqual([504, "timeout"]);

  expect((await asking.ended(first.change ?? "")).result.status).toBe("Done");
  const after = await asking.service("web");
  expect(after.pid).not.toBe(pid);
  expect(after.restarts).toBe(1);
  await supervisor.stop("SIGQUIT");
});

check("a change that is given up lets the contrary one through", NEEDS, async (scope) => {
  const { supervisor, asking } = await started(scope, {
    slow: ["command = sleep 900", `pidfile = ${scope.path("never.pid")}`, "freq = 60", "startup = disabled"],
  });
  const start = await asking.post("/v1/services", { action: "start", services: ["slow"] });
  await asking.untilState("slow", "starting");
  const { result } = await asking.get(`/v1/changes/${start.change}`);
  expect(result.tasks[0].progress.label).toMatch(/^waits for its pidfile, \d s of 60 s$/);
  expect((await asking.post("/v1/services", { action: "stop", services: ["slow"] })).status).toBe(409);
  expect((await asking.post(`/v1/changes/${start.change}`, { action: "abort" })).result.status).toBe("Hold");
  expect((await asking.act("stop", ["slow"])).status).toBe("Done");
  const limited = await asking.act("start", ["slow"], { timeout: "300ms" });
  expect(limited.status).toBe("Error");
  expect(limited.err).toBe('cannot start "slow": not done after 0.3 s: waits for its pidfile, 0 s of 60 s');
  await supervisor.stop();
});

check("a failed start says how it failed", NEEDS, async (scope) => {
  const { supervisor, asking } = await started(scope, {
    absent: [`command = ${scope.path("absent")}`, "startup = disabled"],
    smart: ["command = sh -c 'exit 3'", `pidfile = ${scope.path("a.pid")}`, "startup = disabled"],
  });
  const absent = await asking.act("start", ["absent"]);
  expect(absent.status).toBe("Error");
  expect(absent.err).toContain(`cannot start "absent": cannot start "${scope.path("absent")}": exec`);
  const smart = await asking.act("start", ["smart"]);
  expect(smart.status).toBe("Error");
  expect(smart.err).toContain("exited with code 3");
  expect(await asking.service("smart")).toMatchObject({ streak: 1, ready: false });
  await supervisor.stop();
});

check("a stop during the back-off is done at once, and a start begins without one", NEEDS, async (scope) => {
  const flag = scope.path("works");
  const { supervisor, asking } = await started(scope, {
    flaky: [`command = sh -c '[ -e ${flag} ] && exec sleep 900; exit 1'`, "freq = 2", "max_throttle = 300"],
  });
  const broken = await asking.untilState("flaky", "broken");
  expect(broken).toMatchObject({ current: "error", streak: 2 });
  expect(broken["next-start"]).not.toBeNull();
  expect((await asking.act("stop", ["flaky"])).status).toBe("Done");
  const { starts } = await asking.service("flaky");
  writeFileSync(flag, "");
  expect((await asking.act("start", ["flaky"])).status).toBe("Done");
  expect(await asking.service("flaky")).toMatchObject({ state: "running", streak: 0, starts: starts + 1 });
  await scope.untilOne(/^sleep 900$/); // it has looked at the flag
  rmSync(flag);
  const { pid } = await asking.service("flaky");
  process.kill(pid, "SIGKILL");
  await asking.untilState("flaky", "broken");
  writeFileSync(flag, "");
  // Whoever starts a broken one does not wait for the end of its delay.
  expect((await asking.act("start", ["flaky"])).status).toBe("Done");
  expect(await asking.service("flaky")).toMatchObject({ state: "running", streak: 0 });
  await supervisor.stop();
});

check("a hold survives a reload and a kill -9, and no stop and start", NEEDS, async (scope) => {
  const daemons = {
    web: ["command = sleep 900"],
    rest: ["command = sleep 901"],
    manual: ["command = sleep 902", "startup = disabled"],
  };
  const { supervisor, asking } = await started(scope, daemons);
  expect(await asking.service("manual")).toMatchObject({ state: "down", startup: "disabled", held: null });
  await asking.act("stop", ["web"]);
  await asking.act("start", ["manual"]);
  const { held } = await asking.service("web");

  const reload = await asking.post("/v1/reload", null);
  expect((await asking.ended(reload.change ?? "")).result.status).toBe("Done");
  expect(await asking.service("web")).toMatchObject({ state: "down", held });
  expect((await asking.untilState("manual", "running")).held).toBeNull();
  expect((await asking.untilState("rest", "running")).held).toBeNull();

  await supervisor.kill();
  const second = scope.reeve(scope.path("test.ini"));
  await second.untilLog(/reeve is up/);
  expect(await asking.service("web")).toMatchObject({ state: "down", held });
  expect(await asking.untilState("manual", "running")).toBeDefined();
  expect((await second.stop()).code).toBe(0);
  expect(existsSync(scope.path("run", "people"))).toBe(false);

  const third = scope.reeve(scope.path("test.ini"));
  await third.untilLog(/reeve is up/);
  expect(await asking.untilState("web", "running")).toMatchObject({ held: null });
  expect(await asking.service("manual")).toMatchObject({ state: "down" });
  await third.stop();
});

check("each word of a person is believed by itself, and only in its boot", NEEDS, async (scope) => {
  const { supervisor, asking } = await started(scope, {
    one: ["command = sleep 900"],
    two: ["command = sleep 901"],
  });
  await asking.act("stop", ["all"]);
  await supervisor.kill();
  const record = scope.path("run", "people");
  const lines = readFileSync(record, "utf8").trimEnd().split("\n");
  expect(lines).toHaveLength(2);
  writeFileSync(record, `${lines[0]?.replace("one", "eno")}\n\u0000\n${lines[1]}`);
  const second = scope.reeve(scope.path("test.ini"));
  await second.untilLog(/reeve is up/);
  expect((await asking.untilState("one", "running")).held).toBeNull();
  expect((await asking.service("two")).held.by).toBe("root");
  await second.stop();
});

check("a reload that is refused says what is wrong, and leaves everything as it is", NEEDS, async (scope) => {
  const { supervisor, asking } = await started(scope, { web: ["command = sleep 900"] });
  const { pid } = await asking.service("web");
  writeFileSync(scope.path("test.ini"), "[uwsgi]\n[daemon:web]\ncommand = sleep 900\nstop_timeout = soon\n");
  const { change } = await asking.post("/v1/reload", null);
  const { result } = await asking.ended(change ?? "");
  expect(result.status).toBe("Error");
  expect(result.tasks[0].log.join("\n")).toContain("test.ini:4:");
  expect(result.err).toBe("cannot reload: the configuration has errors; everything goes on as it is");
  expect((await asking.service("web")).pid).toBe(pid);
  await supervisor.stop();
});

check(
  "names that name nothing, and what has the wrong form, are refused with words",
  NEEDS,
  async (scope) => {
    const { supervisor, asking } = await started(scope, {
      "web-1": ["command = sleep 900", "tag = front"],
      boss: ["command = sleep 901", "control = 1"],
    });
    const refusals: [string, unknown, number, string][] = [
      [
        "/v1/services",
        { action: "stop", services: ["wbe-1"] },
        404,
        'there is no daemon "wbe-1" (did you mean',
      ],
      ["/v1/services", { action: "stop", services: ["x*"] }, 404, 'no daemon\'s name is like "x*"'],
      ["/v1/services", { action: "dance", services: ["all"] }, 400, '"action" must be one of start, stop'],
      ["/v1/services", { action: "stop" }, 400, '"services" names no daemon'],
      ["/v1/services", { action: "stop", services: ["web-1"], force: true }, 400, 'unknown field "force"'],
      ["/v1/services", { action: "stop", services: ["boss"] }, 400, "the instance ends with it"],
      ["/v1/services", { action: "stop", services: ["web-1"], timeout: "soon" }, 400, '"timeout" must be'],
      ["/v1/services", [], 400, "the body must be a JSON object"],
      ["/v1/signals", { signal: "NOPE", services: ["all"] }, 400, '"NOPE" is no signal'],
      ["/v1/changes/99", { action: "abort" }, 404, "there is no change 99"],
      ["/v1/nothing", {}, 404, 'there is no path "/v1/nothing"'],
      ["/v1/plan", {}, 405, "takes GET, not POST"],
    ];
    for (const [path, body, status, text] of refusals) {
      const answer = await asking.post(path, body);
      expect([path, answer.status]).toEqual([path, status]);
      expect(answer.result.message).toContain(text);
    }
    expect((await asking.service("@front")).name).toBe("web-1");
    // A restart by hand of a control daemon ends nothing.
    expect((await asking.act("restart", ["boss"])).status).toBe("Done");
    const stop = await asking.post("/v1/services", {
      action: "stop",
      services: ["boss"],
      "with-dependents": true,
    });
    expect(stop.status).toBe(202);
    expect((await supervisor.untilExit()).code).toBe(143);
  },
);

check("a signal reaches the main process, or all of them", NEEDS, async (scope) => {
  const said = scope.path("said");
  const script = scope.write(
    "two.sh",
    `#!/bin/sh\n(trap "echo child >> ${said}" USR1; echo ready >> ${said}; while :; do sleep 0.05; done) &\n` +
      `trap "echo main >> ${said}" USR1; while :; do sleep 0.05; done\n`,
    0o755,
  );
  const { supervisor, asking } = await started(scope, {
    two: [`command = ${script}`],
    off: ["command = sleep 900", "startup = disabled"],
  });
  const lines = (): readonly string[] =>
    existsSync(said) ? readFileSync(said, "utf8").trimEnd().split("\n").sort() : [];
  await until("the child is ready", () => lines().includes("ready"));
  expect((await asking.post("/v1/signals", { signal: "SIGUSR1", services: ["two"] })).status).toBe(200);
  await until("the main process has said so", () => lines().includes("main"));
  expect(lines()).toEqual(["main", "ready"]);
  const all = { signal: "USR1", services: ["two"], "all-processes": true };
  expect((await asking.post("/v1/signals", all)).status).toBe(200);
  await until("both have said so", () => lines().length === 4);
  expect(lines()).toEqual(["child", "main", "main", "ready"]);
  const none = await asking.post("/v1/signals", { signal: "HUP", services: ["all"] });
  expect([none.status, none.result.value]).toEqual([400, ["off"]]);
  await supervisor.stop("SIGQUIT");
});

check("what an end of the instance cuts short ends as Hold", NEEDS, async (scope) => {
  const { supervisor, asking } = await started(scope, {
    web: [`command = ${IGNORES_TERM}`, "stop_timeout = 30"],
  });
  await scope.untilMinds(/^sh -c trap "" TERM/, "SIGTERM");
  const { change } = await asking.post("/v1/services", { action: "restart", services: ["web"] });
  const waiting = asking.get(`/v1/changes/${change}/wait`);
  await asking.untilState("web", "stopping");
  supervisor.signal("SIGTERM");
  expect((await waiting).result).toMatchObject({ status: "Hold", ready: true });
  const refused = await asking.post("/v1/services", { action: "start", services: ["web"] });
  expect([refused.status, refused.result.kind]).toEqual([409, "conflict"]);
  await supervisor.stop("SIGQUIT");
});

check("events come as they happen, with who is behind them", NEEDS, async (scope) => {
  const { supervisor, asking } = await started(scope, { web: ["command = sleep 900"] });
  const response = await fetch("http://reeve/v1/events?follow=true", { unix: asking.socket });
  const reader = response.body?.getReader();
  const change = await asking.act("restart", ["web"]);
  let text = "";
  while (!text.includes('"to":"running"')) {
    const { value, done } = await reader?.read() ?? { value: undefined, done: true };
    if (done) break;
    text += new TextDecoder().decode(value);
  }
  await reader?.cancel();
  const events = text.trimEnd().split("\n").map((line) => JSON.parse(line));
  const states = events.filter(({ kind }) => kind === "state").map(({ from, to }) => `${from} > ${to}`);
  expect(states).toEqual(["running > stopping", "stopping > starting", "starting > running"]);
  expect(events.find(({ kind }) => kind === "state")).toMatchObject({
    service: "web",
    by: "root: restart",
    change: change.id,
  });
  const again = await fetch(`http://reeve/v1/events?after=${events[0].id}`, { unix: asking.socket });
  expect((await again.text()).split("\n")[0]).toBe(JSON.stringify(events[1]));
  const health = await asking.get("/v1/health");
  expect([health.status, health.result.healthy]).toEqual([200, true]);
  await asking.act("stop", ["web"]);
  expect((await asking.get("/v1/health")).status).toBe(200);
  expect((await asking.get("/v1/health?names=web")).status).toBe(502);
  await supervisor.stop();
});

check("a client that is killed at any step of a change leaves no trace", NEEDS, async (scope) => {
  const { supervisor, asking } = await started(scope, { web: ["command = sleep 900"] });
  for (
    const path of [
      "/v1/changes/1/wait",
      "/v1/events?follow=true",
      "/v1/notices?after=2999-01-01T00:00:00Z&timeout=60s",
    ]
  ) {
    const { change } = await asking.post("/v1/services", { action: "restart", services: ["web"] });
    const control = new AbortController();
    const cut = fetch(`http://reeve${path}`, { unix: asking.socket, signal: control.signal }).catch(() =>
      null
    );
    control.abort();
    await cut;
    expect((await asking.ended(change ?? "")).result.status).toBe("Done");
  }
  expect(await asking.service("web")).toMatchObject({ state: "running", restarts: 3 });
  expect(supervisor.log()).not.toContain("fault");
  await supervisor.stop();
});

check("each line of docs/api.md works", [...NEEDS, program("curl")], async (scope) => {
  const { supervisor, asking } = await started(scope, { web: ["command = sleep 900"] });
  const page = readFileSync(new URL("../../docs/api.md", import.meta.url), "utf8");
  const lines = page.split("\n").filter((line) => line.startsWith("    curl "));
  expect(lines.length).toBeGreaterThan(10);
  const failed: string[] = [];
  for (const line of lines) {
    const { output } = await scope.run(["sh", "-c", line.trim()], { environment: { SOCKET: asking.socket } });
    const last = output.trimEnd().split("\n").at(-1) ?? "";
    // A change that has ended cannot be given up, and the daemon may wait after its signal.
    const wanted = line.includes("abort") ? "400" : line.includes("health") ? "200|502" : "200|202";
    if (!new RegExp(`^{"id":|"status-code":(?:${wanted})`).test(last)) failed.push(`${line}: ${last}`);
  }
  expect(failed).toEqual([]);
  await supervisor.stop();
});

check("one that is stopped to stay so is stopped after a stop and start too", NEEDS, async (scope) => {
  const state = scope.path("state");
  const daemons = { web: ["command = sleep 900"], other: ["command = sleep 901"] };
  const { supervisor, asking } = await started(scope, daemons, [`state-dir = ${state}`]);
  await asking.act("stop", ["web"], { persist: true });
  await asking.act("stop", ["other"]);
  expect(statSync(state).mode & 0o777).toBe(0o700);
  await supervisor.stop();
  const second = scope.reeve(scope.path("test.ini"));
  await second.untilLog(/reeve is up/);
  expect((await asking.service("web")).held.by).toBe("root");
  expect((await asking.untilState("other", "running")).held).toBeNull();
  await asking.act("start", ["web"]);
  expect(readdirSync(state)).toEqual([]);
  await second.stop();

  const third = await started(scope, daemons);
  const refused = await third.asking.post("/v1/services", {
    action: "stop",
    services: ["web"],
    persist: true,
  });
  expect([refused.status, refused.result.message]).toEqual([400, 'cannot keep "web" stopped: set state-dir']);
  await third.supervisor.stop();
});
