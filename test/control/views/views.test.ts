/** The JSON of the control socket, word for word: keys may be added, and none may change. */
import { expect, test } from "bun:test";
import type { Task } from "../../../lib/control/changes.ts";
import type { ServiceFacts } from "../../../lib/control/service_facts.ts";
import { changeToJson, noticeToJson } from "../../../lib/control/views/change.ts";
import { eventLine, lostLine, sentEvent } from "../../../lib/control/views/event.ts";
import { serviceToJson } from "../../../lib/control/views/service.ts";
import { systemToJson } from "../../../lib/control/views/system.ts";

const AT = Date.parse("2026-11-30T21:25:32.520Z");

const RUNNING: ServiceFacts = {
  name: "web",
  kind: "dumb",
  command: "./web --token=[hidden]",
  isOlder: false,
  legion: null,
  state: "running",
  desired: "up",
  closed: [],
  pid: 4711,
  respawns: 2,
  since: AT - 812_440,
  isUp: true,
  lastExit: { kind: "exited", code: 1 },
  nextStart: null,
  startup: "enabled",
  tags: ["front"],
  held: null,
  isControl: false,
  stateSince: AT - 812_400,
  starts: 3,
  streak: 0,
  exit: { cause: { kind: "exited", code: 1 }, at: AT - 812_450, upMs: 2_130, wasStopped: false },
  isLord: null,
  problem: null,
  config: { file: "app.ini", line: 12 },
  usage: { memory: 73_400_320, cpu: 12.7, threads: 9, descriptors: 31 },
};

test("a daemon that runs", () => {
  expect(JSON.stringify(serviceToJson(RUNNING, AT))).toBe(
    '{"name":"web","startup":"enabled","current":"active","current-since":"2026-11-30T21:12:00.120Z",' +
      '"state":"running","desired":"up","ready":true,"held":null,"closed":[],"kind":"dumb","control":false,' +
      '"pid":4711,"uptime-s":812.4,"starts":3,"restarts":2,"last-exit":{"code":1,"signal":null,' +
      '"at":"2026-11-30T21:12:00.070Z","up-s":2.1,"reason":"crash"},"next-start":null,"streak":0,' +
      '"problem":null,"legion":null,"lord":null,"tags":["front"],"command":"./web --token=[hidden]",' +
      '"outdated":false,"memory":{"current":73400320},"cpu":{"usage-s":12.7},"tasks":9,"descriptors":31,' +
      '"config":{"file":"app.ini","line":12}}',
  );
});

test("a daemon that was stopped by hand, one that waits, and one that is of a legion", () => {
  const down = { ...RUNNING, state: "down", desired: "down", isUp: false, pid: 0, usage: null } as const;
  const held = serviceToJson({
    ...down,
    closed: ["person"],
    held: { by: "root", at: AT },
    exit: { cause: { kind: "killed", signal: 15 }, at: null, upMs: null, wasStopped: true },
  }, AT);
  expect(held).toMatchObject({
    current: "inactive",
    pid: null,
    "uptime-s": null,
    closed: ["person"],
    held: { by: "root", at: "2026-11-30T21:25:32.520Z" },
    "last-exit": { code: null, signal: "TERM", at: null, "up-s": null, reason: "stopped" },
  });
  expect("memory" in held).toBe(false);
  const waiting = { ...down, state: "waiting", desired: "up", nextStart: AT + 5_000, streak: 4 } as const;
  expect(serviceToJson({ ...waiting, problem: '"./web" exited with code 1' }, AT)).toMatchObject({
    current: "backoff",
    "next-start": "2026-11-30T21:25:37.520Z",
    streak: 4,
    problem: '"./web" exited with code 1',
  });
  expect(serviceToJson({ ...waiting, state: "broken" }, AT)["current"]).toBe("error");
  expect(serviceToJson({ ...RUNNING, isUp: false, state: "starting" }, AT)["current"]).toBe("inactive");
  expect(serviceToJson({ ...down, legion: "blue", isLord: false }, AT)).toMatchObject({
    legion: "blue",
    lord: false,
  });
});

test("a change with a task that is under way, and one that has failed", () => {
  const task: Task = {
    id: "1",
    kind: "stop",
    summary: 'Stop "web"',
    daemon: "web",
    status: "Doing",
    log: [],
    spawned: AT,
    ended: null,
    why: null,
  };
  const failed: Task = { ...task, id: "2", daemon: "db", status: "Error", log: ["it broke"], ended: AT + 3 };
  const json = changeToJson({
    id: "12",
    kind: "stop",
    summary: 'Stop "web", "db"',
    by: "root",
    status: "Doing",
    spawned: AT,
    ended: null,
    err: null,
    tasks: [task, failed],
  }, ({ daemon }) => daemon === "web" ? { label: "stopping, 3 s of 10 s", done: 3, total: 10 } : null);
  expect(JSON.stringify(json)).toBe(
    '{"id":"12","kind":"stop","summary":"Stop \\"web\\", \\"db\\"","by":"root","status":"Doing","ready":false,' +
      '"spawn-time":"2026-11-30T21:25:32.520Z","tasks":[{"id":"1","kind":"stop","summary":"Stop \\"web\\"",' +
      '"service":"web","status":"Doing","progress":{"label":"stopping, 3 s of 10 s","done":3,"total":10},' +
      '"spawn-time":"2026-11-30T21:25:32.520Z"},{"id":"2","kind":"stop","summary":"Stop \\"web\\"",' +
      '"service":"db","status":"Error","log":["it broke"],"progress":{"label":"","done":1,"total":1},' +
      '"spawn-time":"2026-11-30T21:25:32.520Z","ready-time":"2026-11-30T21:25:32.523Z"}]}',
  );
});

test("a notice, the instance, and events as lines and as EventSource reads them", () => {
  const notice = {
    id: "1",
    type: "daemon",
    key: "web",
    first: AT,
    last: AT,
    occurrences: 1,
    data: { state: "down" },
  };
  expect(JSON.stringify(noticeToJson(notice))).toBe(
    '{"id":"1","user-id":null,"type":"daemon","key":"web","first-occurred":"2026-11-30T21:25:32.520Z",' +
      '"last-occurred":"2026-11-30T21:25:32.520Z","last-repeated":"2026-11-30T21:25:32.520Z","occurrences":1,' +
      '"last-data":{"state":"down"},"expire-after":"168h0m0s"}',
  );
  const facts = {
    version: "1",
    bootId: "b",
    instance: "app",
    pid: 7,
    since: AT,
    config: "/a",
    state: "running",
  };
  expect(JSON.stringify(systemToJson(facts))).toBe(
    '{"version":"1","boot-id":"b","instance":"app","pid":7,"since":"2026-11-30T21:25:32.520Z","config":"/a",' +
      '"state":"running"}',
  );
  const event = {
    seq: 3,
    at: AT,
    kind: "state",
    daemon: "web",
    from: "running",
    to: "stopping",
    by: "root: restart",
    change: "1",
    text: null,
  } as const;
  const line = '{"id":3,"time":"2026-11-30T21:25:32.520Z","kind":"state","service":"web","from":"running",' +
    '"to":"stopping","by":"root: restart","change":"1"}';
  expect(eventLine(event)).toBe(`${line}\n`);
  expect(sentEvent(event)).toBe(`id: 3\nevent: state\ndata: ${line}\n\n`);
  expect(lostLine(4, false)).toBe('{"lost":4}\n');
});
