/** The ring of events, and notices as pebble's clients know them. */
import { expect, test } from "bun:test";
import { EventRing } from "../../lib/control/events.ts";
import { Notices } from "../../lib/control/notices.ts";

test("events are numbered, and a client goes on behind the last that it has", () => {
  const ring = new EventRing(() => 7);
  for (const text of ["a", "b", "c"]) ring.add({ kind: "stop", daemon: null, text });
  expect(ring.after(0).events.map(({ seq, text }) => `${seq} ${text}`)).toEqual(["1 a", "2 b", "3 c"]);
  expect(ring.after(2)).toMatchObject({ lost: 0, events: [{ seq: 3, at: 7 }] });
  expect(ring.after(3).events).toEqual([]);
  // A number that nobody was given is of an earlier reeve.
  expect(ring.after(99).events).toHaveLength(3);
});

test("a thousand are kept, and who comes too late is told how many it has lost", () => {
  const ring = new EventRing(() => 0);
  for (let count = 0; count < 3_500; count++) ring.add({ kind: "state", daemon: "a" });
  const { lost, events } = ring.after(1_000);
  expect([lost, events.length, events[0]?.seq, events.at(-1)?.seq]).toEqual([1_500, 1_000, 2_501, 3_500]);
  expect(ring.after(3_499).events).toHaveLength(1);
});

test("the next image goes on counting", () => {
  const ring = new EventRing(() => 0, 41);
  ring.add({ kind: "reload", daemon: null });
  expect(ring.after(40).events.map(({ seq }) => seq)).toEqual([41]);
  expect(ring.after(10)).toMatchObject({ lost: 30 });
});

test("whoever listens is called with each, until it listens no longer", () => {
  const ring = new EventRing(() => 0);
  let count = 0;
  const listener = ring.listen(() => void count++);
  ring.add({ kind: "stop", daemon: null });
  listener.remove();
  ring.add({ kind: "stop", daemon: null });
  expect(count).toBe(1);
});

test("what happens again is the same notice, later", () => {
  const notices = new Notices(() => 10);
  notices.record("daemon", "web", { state: "down" });
  notices.record("change-update", "1", { kind: "stop" });
  notices.record("daemon", "web", { state: "running" });
  const all = notices.after(0, [], []);
  expect(all.map(({ id, key, occurrences }) => [id, key, occurrences])).toEqual([["2", "1", 1], [
    "1",
    "web",
    2,
  ]]);
  expect(all.map(({ last }) => last)).toEqual([11, 12]);
  expect(notices.after(11, [], []).map(({ key }) => key)).toEqual(["web"]);
  expect(notices.after(0, ["change-update"], []).map(({ key }) => key)).toEqual(["1"]);
  expect(notices.after(0, [], ["web"])[0]).toMatchObject({ first: 10, data: { state: "running" } });
  expect(notices.find("2")?.key).toBe("1");
  for (let count = 0; count < 600; count++) notices.record("daemon", `d${count}`, {});
  expect(notices.after(0, [], [])).toHaveLength(500);
});
