import { expect, test } from "bun:test";
import type { ProcessId } from "../../lib/sys/process_id.ts";
import { type SessionMember, Sweeper } from "../../lib/process/sweeper.ts";

const LEADER: ProcessId = { pid: 50, startTime: 100n };
const SIGTERM = 15;
const SIGKILL = 9;

function member(pid: number, change: Partial<SessionMember> = {}): SessionMember {
  return { pid, startTime: 200n, session: 50, pgrp: pid, state: "S", ...change };
}

function world(...strangers: SessionMember[]) {
  const sent: string[] = [];
  const later: (() => void)[] = [];
  const heard: number[] = [];
  const marks = new Map<number, number>();
  const system = {
    looks: 0,
    broken: false,
    strangers(): readonly SessionMember[] {
      system.looks += 1;
      if (system.broken) throw new Error("too many open files");
      return strangers;
    },
    kill: ({ pid }: SessionMember, signal: number) => void sent.push(`${signal} ${pid}`),
    isGroupEmpty: false,
    killGroup({ pgrp }: SessionMember, signal: number): boolean {
      sent.push(`${signal} -${pgrp}`);
      return !system.isGroupEmpty;
    },
    hearEnd: ({ pid }: SessionMember) => void heard.push(pid),
    markOfLeader: ({ pid }: ProcessId) => pid === LEADER.pid ? 7 : null,
    markOf: ({ pid }: SessionMember) => marks.get(pid) ?? null,
    later: (look: () => void) => void later.push(look),
  };
  const sweeper = new Sweeper(system);
  let emptied = 0;
  const sweep = async (signal: number | null, leader = LEADER): Promise<void> => {
    sweeper.sweep(leader, signal, () => emptied++);
    await Promise.resolve();
  };
  return { sweeper, system, sent, heard, later, strangers, marks, sweep, emptied: () => emptied };
}

test("a session that is empty is said to be, but never within the call", async () => {
  const { sweeper, sweep, emptied, sent } = world(member(60, { session: 7, pgrp: 7 }));
  const done = sweep(SIGTERM);
  expect(emptied()).toBe(0);
  await done;
  expect(emptied()).toBe(1);
  expect(sweeper.busy).toBe(false);
  expect(sent).toEqual([]);
});

test("members are told once, those in the leader's group together, and waited for", async () => {
  const group = { pgrp: 50 };
  const { sweeper, sweep, emptied, sent, strangers } = world(
    member(60),
    member(61, group),
    member(62, group),
  );
  await sweep(SIGTERM);
  expect(sent).toEqual(["15 60", "15 -50"]);
  strangers.push(member(63, group));
  sweeper.look();
  // A second TERM means "at once" to many programs.
  expect(sent).toHaveLength(2);
  strangers.length = 1;
  sweeper.look();
  expect(emptied()).toBe(0);
  strangers.pop();
  sweeper.look();
  expect(emptied()).toBe(1);
});

test("a child of a member becomes reeve's when its parent ends, and is told then", async () => {
  const { sweeper, sweep, sent, strangers } = world(member(60));
  await sweep(SIGTERM);
  strangers[0] = member(61);
  sweeper.look();
  expect(sent).toEqual(["15 60", "15 61"]);
});

test("SIGKILL is repeated, and comes to those who were deaf to the signal before", async () => {
  const { sweeper, sweep, sent } = world(member(60));
  await sweep(SIGTERM);
  await sweep(SIGKILL);
  sweeper.look();
  expect(sent).toEqual(["15 60", "9 60", "9 60"]);
});

test("SIGKILL to the group is repeated at every look", async () => {
  const { sweeper, sweep, sent } = world(member(60, { pgrp: 50 }), member(61, { pgrp: 50 }));
  await sweep(SIGTERM);
  await sweep(SIGKILL);
  sweeper.look();
  expect(sent).toEqual(["15 -50", "9 -50", "9 -50"]);
});

test("a member that left the group between the look and the signal is told by itself", async () => {
  const { system, sweep, sent } = world(member(60, { pgrp: 50 }), member(61, { pgrp: 50 }));
  system.isGroupEmpty = true;
  await sweep(SIGTERM);
  expect(sent).toEqual(["15 -50", "15 60", "15 -50", "15 61"]);
});

test("whoever SIGKILL may have missed is looked at once more, without an event", async () => {
  const { sweep, sent, later, strangers, emptied } = world(
    member(60, { pgrp: 50 }),
    member(61, { pgrp: 50 }),
  );
  await sweep(SIGKILL);
  expect(later).toHaveLength(1);
  strangers.splice(0, 2, member(61, { pgrp: 61 }));
  later.shift()?.();
  expect(sent).toEqual(["9 -50", "9 61"]);
  expect(later).toEqual([]);
  strangers.length = 0;
  expect(emptied()).toBe(0);
});

test("a crowd that dies one by one is not looked at for each of them", async () => {
  const { sweeper, system, sweep, later, strangers, emptied } = world(
    ...Array.from({ length: 5000 }, (_, index) => member(60 + index)),
  );
  await sweep(SIGKILL);
  for (const looks = system.looks; strangers.length > 0;) {
    strangers.pop();
    sweeper.lookSoon();
    expect(system.looks).toBe(looks);
  }
  expect(later).toHaveLength(2);
  later[1]!();
  expect(emptied()).toBe(1);
});

test("a zombie is waited for and not signalled", async () => {
  const { sweeper, sweep, sent, strangers, emptied } = world(member(60, { state: "Z" }));
  await sweep(SIGKILL);
  expect([sent, emptied()]).toEqual([[], 0]);
  strangers.length = 0;
  sweeper.look();
  expect(emptied()).toBe(1);
});

test("what was there before the leader belongs to another session of that number", async () => {
  const { sweep, sent, emptied } = world(member(60, { startTime: 99n }));
  await sweep(SIGKILL);
  expect([sent, emptied()]).toEqual([[], 1]);
});

test("a sweep without a signal only waits", async () => {
  const { sweep, sent, emptied } = world(member(60));
  await sweep(null);
  expect([sent, emptied()]).toEqual([[], 0]);
});

test("a thousand sweeps of one turn share one look at the process table", async () => {
  const { sweeper, system, emptied } = world();
  let count = 0;
  for (let pid = 2; pid < 1002; pid++) sweeper.sweep({ pid, startTime: 1n }, SIGTERM, () => count++);
  await Promise.resolve();
  expect([count, system.looks, emptied()]).toEqual([1000, 1, 0]);
});

test("a sweep that another one's end begins is done as well", async () => {
  const { sweeper } = world();
  let second = 0;
  sweeper.sweep(LEADER, SIGTERM, () => sweeper.sweep({ pid: 51, startTime: 1n }, SIGTERM, () => second++));
  await Promise.resolve();
  await Promise.resolve();
  expect(second).toBe(1);
});

test("where the process table cannot be read nobody is said to be gone, and it is looked at again", async () => {
  const { system, sweep, emptied, later, sweeper } = world();
  system.broken = true;
  await sweep(SIGKILL);
  expect([emptied(), later.length]).toEqual([0, 1]);
  system.broken = false;
  later[0]!();
  expect([emptied(), sweeper.busy]).toEqual([1, false]);
});

test("what a jail's init has inherited is told alike, and its end is asked for, since nobody tells it", async () => {
  const { sweeper, sweep, emptied, sent, heard, strangers } = world(
    member(60, { isJailed: true }),
    member(61, { isJailed: true, pgrp: 50 }),
    member(62),
    member(63, { isJailed: true, session: 9, pgrp: 9 }),
  );
  await sweep(SIGTERM);
  expect(sent).toEqual(["15 60", "15 -50", "15 62"]);
  expect(heard).toEqual([60, 61]);
  strangers.length = 0;
  sweeper.lookSoon();
  expect(emptied()).toBe(1);
});

test("what bears the daemon's birthmark is told in whatever session it is, and named once", () => {
  const elsewhere = { session: 80, pgrp: 80 };
  const { sweeper, sent, marks } = world(
    member(80, elsewhere),
    member(81, elsewhere),
    member(82, { session: 82 }),
    member(83, { session: 83 }),
  );
  marks.set(80, 7).set(81, 7).set(82, 8);
  const found: number[] = [];
  sweeper.sweep(LEADER, SIGKILL, () => {}, ({ pid }) => found.push(pid));
  sweeper.look();
  expect(sent).toEqual(["9 80", "9 81"]);
  expect(found).toEqual([80]);
});

test("a dead process with the birthmark is waited for: its children come to reeve when it is reaped", () => {
  const { sweeper, sent, strangers, marks, emptied } = world(member(80, { session: 80, state: "Z" }));
  marks.set(80, 7);
  let isEmpty = false;
  sweeper.sweep(LEADER, SIGKILL, () => {
    isEmpty = true;
  });
  sweeper.look();
  expect([sent, isEmpty]).toEqual([[], false]);
  strangers.pop();
  sweeper.look();
  expect([isEmpty, emptied()]).toEqual([true, 0]);
});
