/**
 * A daemon that leaves a crowd behind: what its session holds is told once, and the work does not grow with
 * the square of the crowd.
 */
import { expect, test } from "bun:test";
import { type SessionMember, Sweeper } from "../../lib/process/sweeper.ts";

class Crowd {
  readonly later: (() => void)[] = [];
  readonly sent: string[] = [];
  looks = 0;
  members: SessionMember[] = [];
  readonly sweeper = new Sweeper({
    strangers: () => {
      this.looks += 1;
      return this.members;
    },
    kill: ({ pid }, signal) => void this.sent.push(`${pid} ${signal}`),
    killGroup: ({ pgrp }, signal) => this.sent.push(`-${pgrp} ${signal}`) > 0,
    hearEnd: () => {},
    markOfLeader: () => null,
    markOf: () => null,
    later: (look) => void this.later.push(look),
  });

  fill(count: number, pgrp: (pid: number) => number): void {
    this.members = Array.from({ length: count }, (_, index) => {
      const pid = 101 + index;
      return { pid, startTime: 5n, session: 100, pgrp: pgrp(pid), state: "S" };
    });
  }
}

test("a group that is left behind gets its signal once, not once for each member", async () => {
  const crowd = new Crowd();
  crowd.fill(3, () => 100);
  crowd.sweeper.sweep({ pid: 100, startTime: 4n }, 15, () => {});
  await Promise.resolve();
  crowd.sweeper.lookSoon();
  expect(crowd.sent).toEqual(["-100 15"]);
});

test("members of other groups are told one by one", async () => {
  const crowd = new Crowd();
  crowd.fill(2, (pid) => pid);
  crowd.sweeper.sweep({ pid: 100, startTime: 4n }, 15, () => {});
  await Promise.resolve();
  expect(crowd.sent).toEqual(["101 15", "102 15"]);
});

test("a crowd that dies one by one is looked at now and then, and its end is seen", async () => {
  const crowd = new Crowd();
  crowd.fill(2000, () => 100);
  let emptied = 0;
  crowd.sweeper.sweep({ pid: 100, startTime: 4n }, 9, () => emptied += 1);
  await Promise.resolve();
  while (crowd.members.length > 0) {
    crowd.members.pop();
    crowd.sweeper.lookSoon();
  }
  expect(crowd.looks).toBe(1);
  expect(crowd.sent).toEqual(["-100 9"]);
  crowd.later.shift()?.();
  expect(emptied).toBe(1);
});

test("SIGKILL reaches what was forked between two looks", async () => {
  const crowd = new Crowd();
  crowd.fill(1, () => 100);
  crowd.sweeper.sweep({ pid: 100, startTime: 4n }, 9, () => {});
  await Promise.resolve();
  crowd.sweeper.lookSoon();
  expect(crowd.sent).toEqual(["-100 9", "-100 9"]);
});
