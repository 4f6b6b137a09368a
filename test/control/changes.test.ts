/** Changes: their tasks, their ends, who joins one and who is in the way. */
import { expect, test } from "bun:test";
import { type Change, Changes } from "../../lib/control/changes.ts";

function scene() {
  let now = 1_000;
  const told: string[] = [];
  const changes = new Changes({
    now: () => now,
    changed: ({ id, status }: Change) => void told.push(`${id} ${status}`),
  });
  const open = (kind: string, ...daemons: string[]): Change =>
    changes.open({
      kind,
      summary: `${kind} them`,
      by: "root",
      key: `${kind} ${daemons.join(" ")}`,
      tasks: daemons.map((daemon) => ({ kind, summary: `${kind} ${daemon}`, daemon })),
    });
  const pass = (ms: number): void => void (now += ms);
  return { changes, told, open, pass };
}

test("a change is done when its last task is", () => {
  const { changes, told, open, pass } = scene();
  const change = open("stop", "a", "b");
  expect(change).toMatchObject({ id: "1", status: "Do", ended: null, err: null, spawned: 1_000 });
  const [a, b] = change.tasks;
  if (a === undefined || b === undefined) throw new Error("no tasks");
  changes.begin(a);
  expect([a.status, change.status]).toEqual(["Doing", "Doing"]);
  pass(5);
  changes.end(a, "Done");
  expect([a.ended, change.status, change.ended]).toEqual([1_005, "Doing", null]);
  changes.end(b, "Done");
  changes.end(b, "Error", "too late");
  expect([change.status, change.ended, change.err]).toEqual(["Done", 1_005, null]);
  expect(told).toEqual(["1 Do", "1 Done"]);
  expect(open("stop")).toMatchObject({ id: "2", status: "Done", ended: 1_005 });
});

test("an error counts for more than a hold, and names its daemons, but not hundreds", () => {
  const { changes, open } = scene();
  const change = open("start", "a", "b", "c", "d", "e", "f", "g", "h");
  for (const task of change.tasks) {
    if (task.daemon === "a") changes.end(task, "Hold");
    else if (task.daemon === "b") changes.end(task, "Done");
    else changes.end(task, "Error", "it broke");
  }
  expect(change.status).toBe("Error");
  expect(change.err).toStartWith('cannot start "c": it broke; cannot start "d": it broke; ');
  expect(change.err).toEndWith('cannot start "g": it broke; and 1 more');
  expect(change.tasks[2]?.log).toEqual(["1970-01-01T00:00:01.000Z ERROR it broke"]);
});

test("the same command is the same change while it runs; a contrary one has somebody in its way", () => {
  const { changes, open } = scene();
  const change = open("restart", "a", "b");
  expect(changes.same("restart a b")).toBe(change);
  expect(changes.same("restart a")).toBeNull();
  expect(changes.contrary("stop", ["c", "b"])).toBe(change);
  expect(changes.contrary("stop", ["c"])).toBeNull();
  expect(changes.contrary("restart", ["a"])).toBeNull();
  changes.hold(change, "given up");
  expect(change.status).toBe("Hold");
  expect(changes.same("restart a b")).toBeNull();
  expect(changes.contrary("stop", ["a", "b"])).toBeNull();
});

test("a hundred are kept, and none is dropped that is under way", () => {
  const { changes, open } = scene();
  const first = open("stop", "a");
  for (let count = 0; count < 150; count++) open("stop");
  expect(changes.list()).toHaveLength(100);
  expect(changes.find(first.id)).toBe(first);
  expect(changes.find("2")).toBeNull();
  expect(changes.find("151")).not.toBeNull();
});

test("who waits for the end of one is told once, or at once", () => {
  const { changes, open } = scene();
  const change = open("stop", "a");
  const told: string[] = [];
  changes.whenEnded(change.id, () => void told.push("first"));
  changes.whenEnded(change.id, () => void told.push("gone")).remove();
  expect(told).toEqual([]);
  changes.holdAll("the end");
  changes.whenEnded(change.id, () => void told.push("late"));
  expect(told).toEqual(["first", "late"]);
});

test("another image goes on with them, under the same numbers", () => {
  const before = scene();
  const open = before.open("restart", "a", "b");
  const done = before.open("stop", "c");
  for (const task of done.tasks) before.changes.end(task, "Done");
  for (const task of open.tasks.slice(0, 1)) before.changes.end(task, "Error", "it broke");
  const after = scene();
  after.changes.restore(structuredClone(before.changes.save()));
  expect(after.changes.list()).toEqual(before.changes.list());
  expect(after.changes.contrary("stop", ["b"])?.id).toBe(open.id);
  for (const task of after.changes.openTasks("b")) after.changes.end(task, "Done");
  expect(after.changes.find(open.id)).toMatchObject({
    status: "Error",
    err: 'cannot restart "a": it broke',
  });
  expect(after.open("stop", "x").id).toBe("3");
});
