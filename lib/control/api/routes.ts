/**
 * The one table of what the control socket answers: method, path, who may, what it does. docs/api.md is made
 * from it. A route looks at what is asked and calls the instance; it never decides about a daemon.
 */
import { reaches, type Reply } from "../request.ts";
import type { Change } from "../changes.ts";
import { answerLater, answerNow } from "../reply.ts";
import { changeToJson, noticeToJson } from "../views/change.ts";
import { serviceToJson } from "../views/service.ts";
import { systemToJson } from "../views/system.ts";
import { type Action, type ControlDeps, Refusal } from "./deps.ts";
import { eventsReply } from "./event_stream.ts";
import { healthReply } from "./health.ts";
import {
  bad,
  bodyOf,
  durationOf,
  flagOf,
  isAsked,
  listOf,
  named,
  signalOf,
  textOf,
  textsOf,
} from "./request_values.ts";
import type { Call, Route } from "./route.ts";
import { until } from "./until.ts";

export const ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/system-info",
    level: "read",
    about: "The instance: version, pid, configuration, since when it runs.",
    example: ["/v1/system-info"],
    handle: (_, deps) => answerNow(systemToJson(deps.system())),
  },
  {
    method: "GET",
    path: "/v1/services",
    level: "read",
    about:
      "The daemons. `names`: names, globs, tags (`@front`) or `all`, joined by commas; `long=true`: with " +
      "their open descriptors.",
    example: ["/v1/services?names=web*"],
    handle: async (call, deps) => {
      const words = listOf(call, "names");
      const names = named(words.length === 0 ? ["all"] : words, deps.daemons());
      const facts = await deps.services(names, isAsked(call, "long") ? "long" : "usual");
      return answerNow(facts.map((one) => serviceToJson(one, deps.now())));
    },
  },
  {
    method: "POST",
    path: "/v1/services",
    level: "operate",
    about:
      "Starts, stops or restarts daemons, as one change. `action`: start, stop, restart, or autostart (all " +
      "that start with the instance and are not stopped by hand), or replan (as /v1/apply, for level admin). `services`: as `names` above. `timeout`: " +
      'after which what is not done has failed. stop takes `"with-dependents": true` (a control daemon ends ' +
      'the instance) and `"persist": true` (it stays stopped over a stop and start of the instance), restart ' +
      '`"if-running": true`. The same command, asked again while it is carried out, is the same change; a ' +
      "contrary one is refused with 409.",
    example: ["--json", '{"action":"restart","services":["web"]}', "/v1/services"],
    handle: async (call, deps) => answerLater((await actOn(call, deps)).id),
  },
  {
    method: "POST",
    path: "/v1/signals",
    level: "operate",
    about: 'Sends a signal to the main processes of daemons; `"all-processes": true`: to all of theirs.',
    example: ["--json", '{"signal":"SIGHUP","services":["web"]}', "/v1/signals"],
    handle: (call, deps) => {
      const body = bodyOf(call, ["signal", "services", "all-processes"]);
      const names = namedIn(body, deps);
      deps.sendSignal({
        signal: signalOf(body),
        names,
        by: byOf(call, deps),
        isToAll: flagOf(body, "all-processes"),
      });
      return answerNow(true);
    },
  },
  {
    method: "GET",
    path: "/v1/changes",
    level: "read",
    about: "The changes. `select`: in-progress (as without it), ready or all; `for`: of this daemon alone.",
    example: ["/v1/changes?select=all"],
    handle: (call, deps) => {
      const select = call.query.get("select") ?? "in-progress";
      if (!["in-progress", "ready", "all"].includes(select)) {
        throw bad('"select" must be one of in-progress, ready, all');
      }
      const daemon = call.query.get("for");
      const changes = deps.changes.list().filter(({ ended, tasks }) =>
        (select === "all" || (ended !== null) === (select === "ready")) &&
        (daemon === null || daemon === "" || tasks.some((task) => task.daemon === daemon))
      );
      return answerNow(changes.map((change) => changeToJson(change, deps.progressOf)));
    },
  },
  {
    method: "GET",
    path: "/v1/changes/{id}",
    level: "read",
    about: "One change, with its tasks. The last 100 are known.",
    example: ["/v1/changes/1"],
    handle: (call, deps) => answerNow(changeToJson(changeOf(call, deps), deps.progressOf)),
  },
  {
    method: "GET",
    path: "/v1/changes/{id}/wait",
    level: "read",
    about: "The same, once it has ended; 504 where it has not after `timeout`.",
    example: ["/v1/changes/1/wait?timeout=10s"],
    handle: async (call, deps) => {
      const change = changeOf(call, deps);
      const timeout = durationOf(call.query.get("timeout"), "timeout");
      const listen = (ended: () => void) => deps.changes.whenEnded(change.id, ended);
      await until(() => change.ended !== null, { listen, timeoutMs: timeout, signal: call.signal, ...deps });
      if (change.ended !== null) return answerNow(changeToJson(change, deps.progressOf));
      throw new Refusal(504, "timeout", `change ${change.id} is not done after ${call.query.get("timeout")}`);
    },
  },
  {
    method: "POST",
    path: "/v1/changes/{id}",
    level: "operate",
    about: '`{"action":"abort"}`: whatever of it is not done is given up; daemons are left as they stand.',
    example: ["--json", '{"action":"abort"}', "/v1/changes/1"],
    handle: (call, deps) => {
      const change = changeOf(call, deps);
      if (textOf(bodyOf(call, ["action"]), "action") !== "abort") throw bad('"action" must be "abort"');
      if (change.ended !== null) throw bad(`change ${change.id} has ended: there is nothing to give up`);
      deps.abort(change, byOf(call, deps));
      return answerNow(changeToJson(change, deps.progressOf));
    },
  },
  {
    method: "GET",
    path: "/v1/health",
    level: "none",
    about:
      "200 where every daemon that is to run does, else 502. `names`: these alone, and they have to run; " +
      "`level=alive`: those that wait to be started again are not yet unhealthy. Who may read is told which.",
    example: ["/v1/health"],
    handle: healthReply,
  },
  {
    method: "GET",
    path: "/v1/events",
    level: "read",
    about: "What happened, as ndjson, or as server-sent events where Accept says `text/event-stream`. " +
      "`follow=true`: goes on; `after` (or Last-Event-ID): behind that number; `names`: of these daemons alone.",
    example: ["/v1/events"],
    handle: eventsReply,
  },
  {
    method: "GET",
    path: "/v1/notices",
    level: "read",
    about:
      "Notices as pebble's: `types` (change-update, daemon), `keys`, `after` (a time), and `timeout`, for " +
      "which it waits where there is none.",
    example: ["/v1/notices?types=change-update"],
    handle: async (call, deps) => {
      const [types, keys] = [listOf(call, "types"), listOf(call, "keys")];
      const after = timeOf(call.query.get("after"));
      const found = () => deps.notices.after(after, types, keys);
      const timeout = durationOf(call.query.get("timeout"), "timeout") ?? 0;
      const listen = (came: () => void) => deps.notices.listen(came);
      await until(() => found().length > 0, { listen, timeoutMs: timeout, signal: call.signal, ...deps });
      return answerNow(found().map(noticeToJson));
    },
  },
  {
    method: "GET",
    path: "/v1/notices/{id}",
    level: "read",
    about: "One of them.",
    example: ["/v1/notices/1"],
    handle: ({ parts: { id = "" } }, deps) => {
      const notice = deps.notices.find(id);
      if (notice === null) throw new Refusal(404, "not-found", `there is no notice ${id}`);
      return answerNow(noticeToJson(notice));
    },
  },
  {
    method: "GET",
    path: "/v1/plan",
    level: "read",
    about:
      "The plan in force, as `reeve plan --json` has it, secrets hidden. `format=yaml`: as a text, of what " +
      "pebble's clients know of one.",
    example: ["/v1/plan"],
    handle: async (call, deps) => {
      const format = call.query.get("format") ?? "json";
      if (format === "json") return answerNow(await deps.plan());
      if (format !== "yaml") throw bad('"format" must be json or yaml');
      const all = await deps.services(deps.daemons().map(({ name }) => name), "none");
      const services = all.map((
        { name, command, startup },
      ) => [name, { override: "replace", command, startup }]);
      // JSON is YAML.
      return answerNow(JSON.stringify({ services: Object.fromEntries(services) }));
    },
  },
  {
    method: "POST",
    path: "/v1/apply",
    level: "admin",
    about:
      "Reads the configuration again and touches only what differs from what runs: the result says what is done " +
      'to each daemon, the change ends when it is. `"dry-run": true`: says it, and does nothing. ' +
      '`"keep-removed": true`: smart daemons that are no longer configured run on. `"restart-smart": true`: ' +
      "smart daemons are started anew like others. `file`: read in place of the instance's own; for root and " +
      "reeve's own user alone.",
    example: ["--json", '{"dry-run":true}', "/v1/apply"],
    handle: applyAsked,
  },
  {
    method: "POST",
    path: "/v1/reload",
    level: "admin",
    about:
      "Reloads the instance, as SIGHUP does. The change ends when the new plan is in force, or with what is " +
      "wrong with it; its number is good over the reload.",
    example: ["--request", "POST", "/v1/reload"],
    handle: (call, deps) => {
      bodyOf(call, []);
      return answerLater(deps.reload(byOf(call, deps)).id);
    },
  },
];

const ACTIONS: Readonly<Record<string, Action>> = {
  start: "start",
  stop: "stop",
  restart: "restart",
  autostart: "start",
};

async function actOn(call: Call, deps: ControlDeps): Promise<Change> {
  const body = bodyOf(call, ["action", "services", "timeout", "with-dependents", "if-running", "persist"]);
  const word = textOf(body, "action");
  if (word === "replan") return await replan(call, deps);
  const action = ACTIONS[word];
  if (action === undefined) throw bad(`"action" must be one of ${Object.keys(ACTIONS).join(", ")}, replan`);
  const isAuto = word === "autostart";
  return deps.act({
    action,
    names: isAuto ? deps.autostarted() : namedIn(body, deps),
    by: byOf(call, deps),
    withDependents: flagOf(body, "with-dependents"),
    ifRunning: flagOf(body, "if-running"),
    persist: flagOf(body, "persist"),
    timeoutMs: durationOf(body.get("timeout"), "timeout"),
  });
}

async function replan(call: Call, deps: ControlDeps): Promise<Change> {
  if (!reaches(call.peer.level, "admin")) {
    throw new Refusal(403, "permission-denied", "replan needs the level admin, which control-allow gives");
  }
  const options = { isDryRun: false, keepRemoved: false, restartSmart: false, file: null };
  const { change } = await deps.apply(options, byOf(call, deps));
  if (change === null) throw new Refusal(500, "internal", "there is no change to be followed");
  return change;
}

async function applyAsked(call: Call, deps: ControlDeps): Promise<Reply> {
  const body = bodyOf(call, ["dry-run", "keep-removed", "restart-smart", "file"]);
  const file = body.has("file") ? textOf(body, "file") : null;
  if (file !== null && call.peer.uid !== 0 && call.peer.uid !== deps.uid) {
    throw new Refusal(403, "permission-denied", "only root and reeve's own user may name a file");
  }
  const { report, change } = await deps.apply({
    isDryRun: flagOf(body, "dry-run"),
    keepRemoved: flagOf(body, "keep-removed"),
    restartSmart: flagOf(body, "restart-smart"),
    file,
  }, byOf(call, deps));
  return change === null ? answerNow(report) : answerLater(change.id, report);
}

function namedIn(body: ReadonlyMap<string, unknown>, deps: ControlDeps): readonly string[] {
  const words = textsOf(body, "services");
  if (words.length === 0) throw bad('"services" names no daemon');
  return named(words, deps.daemons());
}

function byOf({ peer }: Call, deps: ControlDeps): string {
  return deps.userName(peer.uid);
}

function changeOf({ parts: { id = "" } }: Call, deps: ControlDeps): Change {
  const change = deps.changes.find(id);
  if (change === null) throw new Refusal(404, "not-found", `there is no change ${id}, or it is long ago`);
  return change;
}

/** Milliseconds since 1970; 0: none was given. */
function timeOf(written: string | null): number {
  if (written === null || written === "") return 0;
  const time = Date.parse(written);
  if (Number.isNaN(time)) throw bad(`"after" must be a time such as "2026-01-31T12:00:00Z"`);
  return time;
}
