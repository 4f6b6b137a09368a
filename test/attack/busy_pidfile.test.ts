/**
 * A pidfile that is rewritten without end, by a daemon gone mad or by somebody who wants reeve to spin: it
 * costs reeve a look now and then, and the daemon is still followed.
 */
import { expect, test } from "bun:test";
import { PathWatch } from "../../lib/watch/path_watch.ts";
import { Scope } from "../e2e/harness.ts";
import { FakeTimers } from "../sys/fake_timers.ts";

test("a path that never stands still is looked at now and then, and not heard in between", async () => {
  await using scope = new Scope();
  const path = scope.write("daemon.pid", "1\n");
  const timers = new FakeTimers();
  let heard: ((event: { mask: number; name: string; cookie: number }) => void)[] = [];
  const inotify = {
    watch: (_path: string, _mask: number, notify: (typeof heard)[number]) => {
      heard.push(notify);
      return { remove: () => void (heard = heard.filter((one) => one !== notify)) };
    },
  };
  let changes = 0;
  const world = { inotify, timers, onProblem: () => {} };
  const watch = new PathWatch(path, world, () => changes += 1, { anyEvent: true, settle: 0 });
  let events = 0;
  for (let round = 0; round < 1000; round++) {
    for (const notify of [...heard]) {
      events += 1;
      notify({ mask: 0x2, name: "", cookie: 0 });
    }
    timers.advance(0);
  }
  expect(changes).toBeLessThan(20);
  expect(events).toBeLessThan(200);
  // What came last is still seen.
  timers.advance(1000);
  expect(heard.length).toBeGreaterThan(0);
  const before = changes;
  for (const notify of [...heard]) notify({ mask: 0x2, name: "", cookie: 0 });
  timers.advance(1000);
  expect(changes).toBeGreaterThan(before);
  watch.remove();
  expect(heard).toEqual([]);
});
