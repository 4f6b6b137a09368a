/** What the commands ask of an instance, and what they make of its answers. */
import { describe, expect, test } from "bun:test";
import { act } from "../../../lib/cli/operate/act.ts";
import { readChange } from "../../../lib/cli/operate/show/change.ts";
import { ConnectionLost } from "../../../lib/control/client.ts";
import { events, sinceOf } from "../../../lib/cli/operate/events.ts";
import { cutBytes, healthcheck } from "../../../lib/cli/operate/healthcheck.ts";
import { parseCommandLine } from "../../../lib/cli/shared/argv.ts";
import { instanceIn, names } from "../../../lib/cli/operate/names.ts";
import { progressText } from "../../../lib/cli/operate/show/progress.ts";
import { signal, signalOf } from "../../../lib/cli/operate/signal.ts";
import { status } from "../../../lib/cli/operate/status.ts";
import { wait } from "../../../lib/cli/operate/wait.ts";
import { needNames } from "../../../lib/cli/operate/words.ts";
import { done, failureOf, FakeWorld, later, refused, wordsOf } from "./fake_instance.ts";
import { CRASHED, serviceFields } from "./services.ts";

const DOWN = { state: "down", pid: 0, held: { by: "root", at: null } };

function task(fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    "id": "1",
    "kind": "stop",
    "summary": 'stop "web"',
    "status": "Doing",
    "service": "web",
    ...fields,
  };
}

const change = (fields: Readonly<Record<string, unknown>> = {}) => ({
  "id": "12",
  "kind": "restart",
  "summary": "restart web",
  "status": "Done",
  "ready": true,
  "tasks": [task({ status: "Done" })],
  ...fields,
});

describe("the words", () => {
  test("say which instance and how long", () => {
    const words = wordsOf("restart web db -c app.ini:x --timeout=1m30s --no-wait");
    expect(words).toMatchObject({
      names: ["web", "db"],
      instance: { config: "app.ini:x", name: null, socket: null },
      timeout: 90,
    });
    expect(words.has("no-wait")).toBe(true);
  });
  test.each([
    ["status -c a.ini --socket /x", "status takes one of --config, --instance and --socket"],
    ["stop web --timeout=soon", 'cannot use --timeout="soon": wanted a time such as 30s, 2m or 500ms'],
    ["stop web --timeout=0", 'cannot use --timeout="0": wanted a time such as 30s, 2m or 500ms'],
  ])("%p is wrong", (text, message) => expect(() => wordsOf(text)).toThrow(message));
  test("a command that changes something wants a name", () => {
    expect(() => needNames(wordsOf("stop"))).toThrow("stop needs the name of a daemon");
  });
  test("there is no --force", () => {
    expect(() => wordsOf("stop web --force")).toThrow("stop does not take");
  });
});

describe("status", () => {
  test.each([
    ["all are up", [{}], 0],
    ["one is held", [{}, DOWN], 3],
    ["one is not ready", [{ ready: false }], 3],
    ["there is none", [], 0],
  ])("where %s ends with its code", async (_name, list, code) => {
    const world = new FakeWorld(() => done(list.map((fields) => serviceFields(fields))));
    expect(await status(wordsOf("status"), world.connection, world.deps)).toBe(code);
    expect(world.asked).toEqual(["GET /v1/services"]);
  });
  test("a name is asked for, and shown with all that is known", async () => {
    const world = new FakeWorld(() => done([serviceFields()]));
    await status(wordsOf("status web"), world.connection, world.deps);
    expect(world.asked).toEqual(["GET /v1/services?names=web"]);
    expect(world.out).toStartWith("web\n  state:      running\n");
  });
  test("a glob is a table", async () => {
    const world = new FakeWorld(() => done([serviceFields()]));
    await status(wordsOf("status we*"), world.connection, world.deps);
    expect(world.out).toStartWith("NAME");
  });
  test("as JSON has what the instance said, unknown fields as well", async () => {
    const fields = serviceFields({ "name": "n".repeat(500), "of-tomorrow": 1 });
    const world = new FakeWorld(() => done([fields]), { columns: 40 });
    await status(wordsOf("status --json"), world.connection, world.deps);
    expect(JSON.parse(world.out)).toEqual([fields]);
  });
  test("an unknown name is 4, with what the instance says of it", async () => {
    const text = 'there is no daemon "wbe" (did you mean "web"?)';
    const world = new FakeWorld(() => refused(404, "not-found", text));
    expect(await failureOf(status(wordsOf("status wbe"), world.connection, world.deps))).toEqual({
      code: 4,
      message: text,
    });
  });
  test("with --watch shows what changes when it is told of an event, and asks no more", async () => {
    const states = [{}, {}, DOWN];
    async function* events(): AsyncGenerator<string> {
      yield "{}";
      await Bun.sleep(20);
      yield "{}";
      await new Promise(() => {});
    }
    let round = 0;
    const world = new FakeWorld(() => {
      const list = [serviceFields(states[Math.min(round, 2)])];
      if (round++ === 2) setTimeout(() => leave(), 5);
      return done(list);
    }, { events: events() });
    let leave = (): void => {};
    const left = new Promise<void>((resolve) => leave = resolve);
    await Promise.race([status(wordsOf("status --watch --json"), world.connection, world.deps), left]);
    const lines = world.out.trim().split("\n").map((line) => JSON.parse(line)["state"]);
    expect(lines).toEqual(["running", "down"]);
    expect(world.asked).toHaveLength(3);
  });
});

describe("start, stop, restart", () => {
  test("ask for a change, wait for it and say what was done", async () => {
    const world = new FakeWorld((path) => path === "/v1/services" ? later("12") : done(change()));
    expect(await act(wordsOf("restart web --if-running"), world.connection, world.deps)).toBe(0);
    expect(world.bodies[0]).toEqual({ "action": "restart", "services": ["web"], "if-running": true });
    expect(world.asked[1]).toBe("GET /v1/changes/12/wait?timeout=30000ms");
    expect([world.asked.length, world.out, world.err]).toEqual([2, "restarted web\n", ""]);
  });
  test("with --no-wait ask once, and name the change", async () => {
    const world = new FakeWorld(() => later("12"));
    expect(await act(wordsOf("stop web --no-wait"), world.connection, world.deps)).toBe(0);
    expect([world.asked.length, world.out]).toEqual([1, "change 12\n"]);
  });
  test("--quiet says nothing", async () => {
    const world = new FakeWorld((path) => path === "/v1/services" ? later("12") : done(change()));
    expect(await act(wordsOf("stop web -q"), world.connection, world.deps)).toBe(0);
    expect(world.out + world.err).toBe("");
  });
  test("a failure shows the last end of the daemon, its last words and where more is said", async () => {
    const failed = change({ status: "Error", err: "cannot start web", tasks: [task({ status: "Error" })] });
    const world = new FakeWorld((path) =>
      path === "/v1/services" ? later("12") : path.includes("/changes/") ? done(failed) : done([
        serviceFields({ "state": "broken", "last-exit": CRASHED, "last-lines": ["OSError: address in use"] }),
      ])
    );
    const { code, message } = await failureOf(act(wordsOf("start web"), world.connection, world.deps));
    expect(code).toBe(1);
    expect(message).toMatch(/^cannot start web\n {2}web: last ended with exit code 1 after 2s, at /);
    expect(message).toContain("\n    OSError: address in use\n");
    expect(message).toEndWith("see: reeve status web, and the log of the instance");
  });
  test.each([
    [403, "permission-denied", 4],
    [404, "not-found", 5],
    [400, "bad-request", 2],
    [409, "dependents", 1],
    [409, "conflict", 1],
    [500, "internal", 1],
    [504, "timeout", 124],
    [500, "of-tomorrow", 1],
  ])("a refusal with %p, %p ends with %p", async (status, kind, code) => {
    const world = new FakeWorld(() => refused(status, kind, "no\x1b"));
    const failure = await failureOf(act(wordsOf("stop web"), world.connection, world.deps));
    expect(failure.code).toBe(code);
    expect(failure.message).toStartWith("no\\e");
  });
  test("what is not done in time is 124, and goes on", async () => {
    const world = new FakeWorld(async (path) => {
      if (path === "/v1/services") return later("12");
      world.time += 1000;
      return await Promise.resolve(refused(504, "timeout", "not yet"));
    });
    expect(await failureOf(act(wordsOf("stop web --timeout=3s"), world.connection, world.deps))).toEqual({
      code: 124,
      message: "not done after 3 s: it goes on as change 12",
    });
  });
  test("Ctrl-C ends the command alone, and the change is named", async () => {
    const world = new FakeWorld(async (path) => {
      if (path === "/v1/services") return later("12");
      world.interrupt?.();
      return await new Promise<never>(() => {});
    });
    expect(await failureOf(act(wordsOf("stop web"), world.connection, world.deps))).toEqual({
      code: 130,
      message: "goes on as change 12",
    });
    expect(world.interrupt).toBeNull();
  });
  test("an instance that goes away and comes back is asked again by the change", async () => {
    let lost = 2;
    const world = new FakeWorld(async (path) => {
      if (path === "/v1/services") return later("12");
      if (lost-- > 0) throw new ConnectionLost("gone");
      return await Promise.resolve(done(change()));
    });
    expect(await act(wordsOf("restart web"), world.connection, world.deps)).toBe(0);
    expect(world.asked).toHaveLength(4);
  });
  test("on a terminal one line is drawn again, and gone at the end", async () => {
    let waits = 0;
    const open = change({
      ready: false,
      status: "Doing",
      tasks: [task({ progress: { label: "stopping, 3 s of 10 s", done: 3, total: 10 } })],
    });
    const world = new FakeWorld((path) => {
      if (path === "/v1/services") return later("12");
      if (path.includes("/wait")) return waits++ === 0 ? refused(504, "timeout", "not yet") : done(change());
      return done(open);
    }, { columns: 80 });
    expect(await act(wordsOf("stop web"), world.connection, world.deps)).toBe(0);
    expect(world.err).toBe("\r\x1b[Kweb stopping, 3 s of 10 s\r\x1b[K");
  });
});

test("the line of progress names three, and counts the others", () => {
  const tasks = ["a", "b", "c", "d", "e"].map((name) => task({ service: name }));
  const { tasks: read } = readChange(change({ tasks: [...tasks, task({ service: "z", status: "Done" })] }));
  expect(progressText(read)).toBe("a stopping; b stopping; c stopping; 2 more");
});

describe("signal", () => {
  test("is sent by its name", async () => {
    const world = new FakeWorld(() => done(null));
    expect(await signal(wordsOf("signal usr1 web db --all-processes"), world.connection)).toBe(0);
    expect(world.bodies).toEqual([{ "signal": "SIGUSR1", "services": ["web", "db"], "all-processes": true }]);
  });
  test("what is none, or for nobody, is wrong before anything is asked", () => {
    expect(() => signalOf("", [])).toThrow("signal needs a signal");
    expect(() => signalOf("HUPP", ["web"])).toThrow('unknown signal "HUPP"');
    expect(() => signalOf("HUP", [])).toThrow("signal needs the name of a daemon");
  });
});

describe("wait", () => {
  /** Answers with one state after the other, an event between them. */
  function waiting(text: string, ...states: readonly Record<string, unknown>[][]): Promise<number> {
    async function* events(): AsyncGenerator<string> {
      for (;;) {
        await Bun.sleep(2);
        yield "{}";
      }
    }
    let round = 0;
    const world = new FakeWorld(() => {
      const list = states[Math.min(round++, states.length - 1)] ?? [];
      return list.length === 0 ? refused(404, "not-found", "there is none") : done(list.map(serviceFields));
    }, { events: events() });
    return wait(wordsOf(text), world.connection, world.deps);
  }
  test("for ready ends when all are", async () => {
    expect(await waiting("wait web", [{ state: "starting" }], [{ ready: false }], [{}])).toBe(0);
  });
  test("for up does not ask whether they are ready", async () => {
    expect(await waiting("wait web --up", [{ ready: false }])).toBe(0);
  });
  test("for down and gone", async () => {
    expect(await waiting("wait web --down", [{}], [{ state: "stopping" }], [DOWN])).toBe(0);
    expect(await waiting("wait web --gone", [{}], [])).toBe(0);
  });
  test("with --any ends with the first", async () => {
    expect(await waiting("wait a b --any", [DOWN, DOWN], [DOWN, {}])).toBe(0);
  });
  test("fails when one is given up, or stopped meanwhile", async () => {
    expect(await failureOf(waiting("wait web", [{ state: "broken", "last-exit": CRASHED }]))).toEqual({
      code: 1,
      message: "web is broken: exit code 1 after 2s",
    });
    expect(await failureOf(waiting("wait web", [{ state: "starting" }], [DOWN]))).toEqual({
      code: 1,
      message: "web is down: stopped by root",
    });
  });
  test("what was stopped before may be started by somebody", async () => {
    expect(await waiting("wait web", [DOWN], [DOWN], [{}])).toBe(0);
  });
  test("without end is ended by its time", async () => {
    const { code, message } = await failureOf(waiting("wait web --timeout=50ms", [{ state: "starting" }]));
    expect([code, message]).toEqual([124, "web: not ready after 0.05 s"]);
  });
});

describe("names for completion", () => {
  test("are those of the daemons and their tags, of the instance that the words name", async () => {
    const list = [
      serviceFields({ name: "web-1", tags: ["front"] }),
      serviceFields({ name: "web-2", tags: ["front"] }),
    ];
    const world = new FakeWorld(() => done([...list, serviceFields({ name: "a\nb" })]));
    expect(await names(["stop", "-c", "x.ini"], world.deps)).toBe(0);
    expect(world.out).toBe("web-1\nweb-2\n@front\n");
  });
  test("are none where nobody answers, and that is no failure", async () => {
    const world = new FakeWorld(() => new Promise<never>(() => {}));
    expect([await names([], world.deps), world.out, world.err]).toEqual([0, "", ""]);
    const failing = new FakeWorld(() => refused(403, "permission-denied", "no"));
    expect([await names([], failing.deps), failing.out, failing.err]).toEqual([0, "", ""]);
  });
  test("are those of the instance that the words name", () => {
    expect(instanceIn(["stop", "-c", "x.ini"])).toEqual({ config: "x.ini", name: null, socket: null });
    expect(instanceIn(["stop", "--instance=x", "--socket", "/y"])).toEqual({
      config: null,
      name: "x",
      socket: "/y",
    });
    expect(instanceIn(["stop", "--socket"])).toEqual({ config: null, name: null, socket: null });
  });
});

test("a change that was given up says what came between", async () => {
  const log = ["2026-11-30T21:12:00.120Z INFO root asked to stop it"];
  const held = change({ status: "Hold", tasks: [task({ status: "Hold", log })] });
  const world = new FakeWorld((path) => path === "/v1/services" ? later("12") : done(held));
  expect(await failureOf(act(wordsOf("start web"), world.connection, world.deps))).toEqual({
    code: 1,
    message: "it was given up, since something else came between\n  web: root asked to stop it",
  });
});

describe("events", () => {
  const lines = [
    {
      "id": 7,
      "time": "2026-11-30T21:12:00.120Z",
      "kind": "state",
      "service": "web",
      "from": "running",
      "to": "stopping",
      "by": "root: restart",
    },
    { lost: 3 },
    { "id": 11, "time": "2026-11-30T21:29:59Z", "kind": "reload", "text": "app.ini:3: \x1bx" },
  ];
  async function* stream(): AsyncGenerator<string> {
    for (const line of lines) yield await Promise.resolve(JSON.stringify(line));
  }
  test("are a line each, for people", async () => {
    const world = new FakeWorld(() => done([]), { events: stream() });
    expect(await events(wordsOf("events"), world.connection, world.deps)).toBe(0);
    expect(world.out.replaceAll(/^\d\d:/gm, "HH:")).toBe(
      "HH:12:00.120 web running > stopping (by root: restart)\nHH:29:59.000 reload (app.ini:3: \\ex)\n",
    );
    expect(world.err).toBe("3 events are gone: only the last 1,000 are kept\n");
  });
  test("as JSON are as they came; --since leaves out what is older", async () => {
    const world = new FakeWorld(() => done([]), { events: stream() });
    await events(wordsOf("events --json --since=10m"), world.connection, world.deps);
    expect(world.out).toBe(`${JSON.stringify(lines[2])}\n`);
  });
  test("are since a number, or since a time before now", () => {
    expect([sinceOf(null), sinceOf("12"), sinceOf("10m")]).toEqual([null, { number: 12 }, { seconds: 600 }]);
    expect(() => sinceOf("noon")).toThrow('cannot use --since="noon"');
  });
});

describe("healthcheck", () => {
  const check = (text: string, answer: ConstructorParameters<typeof FakeWorld>[0]) => {
    const world = new FakeWorld(answer);
    return healthcheck(parseCommandLine(text.split(" ")), world.deps).then((code) => [code, world.out]);
  };
  const unhealthy = { status: 502, body: { type: "error", result: { healthy: false } } };
  test("of a healthy instance is one line and 0", async () => {
    const answer = (path: string) =>
      done(path.startsWith("/v1/health") ? { healthy: true } : [serviceFields()]);
    expect(await check("healthcheck", answer)).toEqual([0, "healthy: 1 of 1 daemon runs\n"]);
  });
  test("of an unhealthy one says which daemon, and why", async () => {
    const fields = serviceFields({ "state": "waiting", "last-exit": CRASHED, "streak": 4 });
    const answer = (path: string) =>
      path.startsWith("/v1/health") ? unhealthy : done([serviceFields(), fields]);
    expect(await check("healthcheck", answer)).toEqual([
      1,
      "unhealthy: web is waiting (exit code 1 after 2s, 4 times in a row)\n",
    ]);
  });
  test("is never longer than 4,096 bytes", async () => {
    const fields = serviceFields({ name: "ä".repeat(200), state: "down" });
    const answer = (path: string) =>
      path.startsWith("/v1/health") ? unhealthy : done(Array.from({ length: 50 }, () => fields));
    const [code, out] = await check("healthcheck", answer);
    expect(code).toBe(1);
    expect(new TextEncoder().encode(String(out)).length).toBeLessThanOrEqual(4096);
    expect(String(out)).not.toContain("\ufffd");
    expect(cutBytes("äöü", 6)).toBe("äöü");
  });
  test.each([
    [
      "an unknown name",
      () => refused(404, "not-found", 'there is no daemon "x"'),
      'unhealthy: there is no daemon "x"\n',
    ],
    ["no leave", () => refused(403, "permission-denied", "not allowed"), "unhealthy: not allowed\n"],
    ["a fault", () => {
      throw new Error("oh\nno");
    }, "unhealthy: oh no\n"],
    ["no answer", () => new Promise<never>(() => {}), "unhealthy: no answer within 5 s\n"],
  ])("with %s ends with 1", async (_name, answer, out) => {
    expect(await check("healthcheck x", answer)).toEqual([1, out]);
  });
  test("with wrong words ends with 1", async () => {
    expect(await check("healthcheck --level=best", () => done(null))).toEqual([
      1,
      'unhealthy: cannot use --level="best": wanted ready or alive\n',
    ]);
  });
  test("who may ask for the health alone is told it", async () => {
    const answer = (path: string) =>
      path.startsWith("/v1/health") ? done({ healthy: true }) : refused(403, "permission-denied", "no");
    expect(await check("healthcheck", answer)).toEqual([0, "healthy: level ready\n"]);
  });
});
