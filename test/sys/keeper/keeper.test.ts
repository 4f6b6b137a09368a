/** Keeper and client together: births, deaths, what is held, and what the end of a core costs. */
import { afterAll, expect } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingSanitizers, testUnless } from "../../native/build.ts";
import { runKeeper } from "./cores.ts";

const ROOM = mkdtempSync(join(tmpdir(), "reeve-keeper-"));
afterAll(() => rmSync(ROOM, { recursive: true, force: true }));
const NEEDS = missingSanitizers();

async function until(what: string, look: () => boolean): Promise<void> {
  for (const end = performance.now() + 20_000; !look();) {
    if (performance.now() > end) throw new Error(`in vain: ${what}`);
    await Bun.sleep(5);
  }
}

testUnless(
  NEEDS,
  "a child is born, its end is told with its status, and the code of the end is the core's",
  async () => {
    const { code, lines, errors } = await runKeeper(
      ROOM,
      `
    const pids = [["/bin/sh", "-c", "exit 3"], ["/bin/sh", "-c", "kill -9 $$"], ["/nowhere"]].map((words) =>
      spawnChild(child(words)).pid
    );
    const ends = [];
    listen({ died: (deaths) => {
      for (const d of deaths) ends.push([pids.indexOf(d.pid), d.status, d.stage, d.errno]);
      keeper.free(deaths);
      if (ends.length < 3) return;
      say(JSON.stringify(ends.sort()), keeper.children().length);
      keeper.leave(7);
      process.exit(0);
    } });
  `,
    );
    expect([code, errors]).toEqual([7, ""]);
    expect(lines).toEqual(["[[0,768,0,0],[1,9,0,0],[2,32512,21,2]] 0"]);
  },
);

testUnless(NEEDS, "a child that waits does nothing before its word, and ends with the keeper", async () => {
  const { lines } = await runKeeper(
    ROOM,
    `
    const file = ${JSON.stringify(join(ROOM, "gated"))};
    const one = spawnChild(child(["/bin/sh", "-c", "echo > " + file], { gated: true }));
    await Bun.sleep(50);
    say(existsSync(file), keeper.children()[0].waits);
    listen({ died: (deaths) => {
      say(existsSync(file), deaths[0].status);
      spawnChild(child(["/bin/sh", "-c", "echo > " + file + ".never"], { gated: true }));
      keeper.leave(0);
      process.exit(0);
    } });
    one.gate.letIn();
  `,
  );
  expect(lines).toEqual(["false true", "true 0"]);
  expect(existsSync(join(ROOM, "gated.never"))).toBe(false);
});

testUnless(
  NEEDS,
  "a core that is killed is followed by another, which finds children, ends and descriptors",
  async () => {
    const { code, lines, errors } = await runKeeper(
      ROOM,
      `
    const seen = ${JSON.stringify(join(ROOM, "seen"))};
    if (generation === 1) {
      spawnChild(child(["/bin/sleep", "900"], { label: { daemon: 5n, start: 1n, purpose: 1 }, parentDeathSignal: 9 }));
      spawnChild(child(["/bin/sh", "-c", "while [ ! -e " + seen + " ]; do sleep 0.01; done; exit 4"]));
      keeper.hold("note", (await import("node:fs")).openSync("/etc/hostname"));
      keeper.up();
      process.kill(process.pid, "SIGKILL");
    }
    say(keeper.welcome.reason, keeper.welcome.status, keeper.welcome.flags, keeper.welcome.held);
    const living = keeper.children();
    say(living.filter((one) => !one.dead).map(({ label, dumb }) => label.daemon + " " + dumb).join());
    for (const one of living) keeper.know(one.pid, one);
    say(keeper.take("note") !== null, String(keeper.take("nothing")));
    writeFileSync(seen, "");
    listen({ died: (deaths) => {
      for (const d of deaths) say("ended", d.status);
      keeper.free(deaths);
      const sleeper = living.find((one) => one.label.daemon === 5n);
      if (deaths.some((d) => d.id === sleeper.id)) { keeper.leave(1); process.exit(0); }
      say(keeper.signal(sleeper.pid, 15, { group: true, goOn: false }));
    } });
  `,
    );
    expect([code, errors]).toEqual([1, ""]);
    expect(lines).toEqual(["4 9 4 1", "5 true,0 false", "true null", "ended 1024", "true", "ended 15"]);
  },
);

testUnless(NEEDS, "a signal is told to the next core until one has heard it", async () => {
  const { code, lines } = await runKeeper(
    ROOM,
    `
    keeper.up();
    if (generation === 1) {
      say("first");
      for (;;) if (existsSync(${JSON.stringify(join(ROOM, "sent"))})) process.kill(process.pid, "SIGKILL");
    }
    listen({ signalled: (signal) => { say("signal", signal); keeper.leave(3); process.exit(0); } });
  `,
    async (pid) => {
      await until("the first core", () => readFileSync("/proc/self/stat", "utf8") !== "" && hasChild(pid));
      await Bun.sleep(300);
      process.kill(pid, "SIGHUP");
      await Bun.write(join(ROOM, "sent"), "");
    },
  );
  expect([code, ...lines]).toEqual([3, "first", "signal 1"]);
});

testUnless(NEEDS, "a core that says what no core says is killed, and the next one is told", async () => {
  const { code, lines } = await runKeeper(
    ROOM,
    `
    keeper.up();
    if (generation === 1) {
      const { native } = await import(${
      JSON.stringify(join(import.meta.dir, "../../../lib/sys/native/native.ts"))
    });
      native().reeve_send_fds(keeper.fd, Uint8Array.of(1, 2, 3), 3, new Int32Array(1), 0);
      await Bun.sleep(10_000);
    }
    say(generation, keeper.welcome.reason);
    keeper.leave(0);
    process.exit(0);
  `,
  );
  expect([code, ...lines]).toEqual([0, "2 6"]);
});

testUnless(NEEDS, "three deaths within a minute, and what was handed over is not to be trusted", async () => {
  const { lines } = await runKeeper(
    ROOM,
    `
    keeper.up();
    say(generation, keeper.welcome.flags & 1);
    if (generation < 4) process.exit(1);
    keeper.leave(0);
    process.exit(0);
  `,
  );
  expect(lines).toEqual(["1 0", "2 0", "3 0", "4 1"]);
}, { seconds: 90 });

testUnless(NEEDS, "a core that never was up and ends by itself ends the instance with its code", async () => {
  expect(await runKeeper(ROOM, `process.exit(5);`)).toMatchObject({ code: 5, lines: [] });
  const killed = await runKeeper(ROOM, `say(generation); process.kill(process.pid, "SIGKILL");`);
  expect([killed.code, ...killed.lines]).toEqual([137, "1", "2", "3"]);
});

testUnless(NEEDS, "a thousand births and deaths leave no slot and no descriptor behind", async () => {
  const { code, lines, errors } = await runKeeper(
    ROOM,
    `
    const { readdirSync } = await import("node:fs");
    const fds = () => readdirSync("/proc/" + keeper.welcome.keeperPid + "/fd").length;
    let ended = 0, before = 0;
    const more = () => { for (let i = 0; i < 50; i++) spawnChild(child(["/bin/true"], { gated: i % 2 === 0 })).gate?.letIn(); };
    listen({ died: (deaths) => {
      keeper.free(deaths);
      ended += deaths.length;
      if (ended % 50 !== 0) return;
      if (ended === 50) before = fds();
      if (ended < 1000) return more();
      say(fds() - before, keeper.children().length);
      keeper.leave(0);
      process.exit(0);
    } });
    more();
  `,
  );
  expect([code, errors, ...lines]).toEqual([0, "", "0 0"]);
}, { seconds: 120 });

function hasChild(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim() !== "";
  } catch {
    return false;
  }
}
