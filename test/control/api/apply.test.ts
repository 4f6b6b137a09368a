/** Who may apply a configuration over the control socket, and which. */
import { expect, test } from "bun:test";
import type { ApplyOptions } from "../../../lib/control/apply_report.ts";
import { type ControlDeps, Refusal } from "../../../lib/control/api/deps.ts";
import { findRoute } from "../../../lib/control/api/route.ts";
import { ROUTES } from "../../../lib/control/api/routes.ts";
import type { Level, Reply } from "../../../lib/control/request.ts";

const OWN_UID = 7;
const REPORT = { "dry-run": false, daemons: [], unchanged: 1, reload: [], stop: [], warnings: [] };

/** The reply's status, and what the instance was asked; of a refusal the status alone. */
async function asked(path: string, body: unknown, uid: number, level: Level = "admin"): Promise<unknown> {
  const found: ApplyOptions[] = [];
  const deps = {
    uid: OWN_UID,
    userName: String,
    apply: (options: ApplyOptions) => {
      found.push(options);
      return Promise.resolve({ report: REPORT, change: options.isDryRun ? null : { id: "3" } });
    },
  } as unknown as ControlDeps;
  const { route } = findRoute(ROUTES, "POST", path);
  const peer = { pid: 1, uid, gid: uid, groups: [], level };
  const call = {
    method: "POST",
    path,
    query: new URLSearchParams(),
    headers: new Map(),
    body,
    peer,
    parts: {},
  };
  try {
    const reply: Reply = await route!.handle({ ...call, signal: new AbortController().signal }, deps);
    return [reply.status, ...found];
  } catch (error) {
    if (error instanceof Refusal) return error.status;
    throw error;
  }
}

const PLAINLY = { isDryRun: false, keepRemoved: false, restartSmart: false, file: null };

test("an apply is a change with its result, and a dry run is only told", async () => {
  expect(await asked("/v1/apply", {}, 0)).toEqual([202, PLAINLY]);
  const all = { "dry-run": true, "keep-removed": true, "restart-smart": true };
  expect(await asked("/v1/apply", all, 0)).toEqual([
    200,
    { isDryRun: true, keepRemoved: true, restartSmart: true, file: null },
  ]);
  expect(await asked("/v1/apply", { file: 7 }, 0)).toBe(400);
});

test.each([[0, true], [OWN_UID, true], [8, false]])("a file is named by uid %d: %p", async (uid, may) => {
  const answer = await asked("/v1/apply", { file: "/etc/x.ini" }, uid);
  expect(answer).toEqual(may ? [202, { ...PLAINLY, file: "/etc/x.ini" }] : 403);
  expect(await asked("/v1/apply", {}, uid)).toEqual([202, PLAINLY]);
});

test("replan is for who may apply, and not for who may operate", async () => {
  const replan = { action: "replan", services: [] };
  expect(await asked("/v1/services", replan, 8, "admin")).toEqual([202, PLAINLY]);
  expect(await asked("/v1/services", replan, 8, "operate")).toBe(403);
  expect(findRoute(ROUTES, "POST", "/v1/apply").route?.level).toBe("admin");
});
