/** Daemons as an instance tells of them, for the tests of what is shown. */
import { readService, type Service } from "../../../lib/cli/operate/show/service.ts";

export const NOW = Date.parse("2026-11-30T21:30:00Z");

/** The JSON of a daemon that runs, but for `fields`. */
export function serviceFields(fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    "name": "web",
    "startup": "enabled",
    "current": "active",
    "current-since": "2026-11-30T21:12:00.120Z",
    "state": "running",
    "desired": "up",
    "ready": true,
    "health": "up",
    "held": null,
    "kind": "dumb",
    "pid": 4711,
    "uptime-s": 812.4,
    "starts": 3,
    "restarts": 2,
    "last-exit": null,
    "next-start": null,
    "streak": 0,
    "legion": null,
    "lord": null,
    "status-text": null,
    "cgroup": null,
    "memory": { current: 73400320, peak: 81788928, max: 268435456 },
    "cpu": { "usage-s": 12.7, "throttled-s": 0 },
    "tasks": 9,
    "descriptors": 31,
    "requires": [],
    "wanted-by": [],
    "last-lines": [],
    "config": { file: "app.ini", line: 12 },
    ...fields,
  };
}

export function service(fields: Readonly<Record<string, unknown>> = {}): Service {
  const read = readService(serviceFields(fields));
  if (read === null) throw new Error("the fields are no daemon");
  return read;
}

export const CRASHED = {
  "code": 1,
  "signal": null,
  "at": "2026-11-30T21:29:50Z",
  "up-s": 2.1,
  "oom": false,
  "reason": "crash",
};
