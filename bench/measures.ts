/**
 * The measures, one function each: one run of one peer, resolving with figures. No loops over peers, no
 * medians, no printing: that is run.ts.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Bed, launchOf } from "./bed.ts";
import type { Report } from "./clock.ts";
import { type Job, NotServed, type Peer } from "./peers.ts";

export interface Measure {
  readonly name: string;
  readonly title: string;
  readonly unit: "ms" | "MB" | "KB" | "";
  /** Runs for the median; a slow measure asks for fewer. */
  readonly rounds: number;
  readonly serves: (peer: Peer) => boolean;
  /** Figures of one run; several where one run gives several. */
  readonly run: (peer: Peer, quick: boolean) => Promise<number[]>;
  /** Medians that the project set itself, for the table. */
  readonly mustReach?: string;
}

const KILL = 9;
const supervises = (peer: Peer) => peer.supervise !== null;
const isInitAlone = (peer: Peer) =>
  peer.name === "reeve" || (peer.supervise === null && peer.firstProcess !== null);
const stops = (peer: Peer) => peer.supervise !== null && peer.stopSignal !== null;

export async function withDaemons<T>(
  peer: Peer,
  count: number,
  body: (bed: Bed, supervisor: number, startedAt: number, job: Job) => Promise<T>,
  kind: "obey" | "ignore" = "obey",
): Promise<T> {
  await using bed = new Bed();
  const job = bed.job(bed.daemons(count, kind));
  const started = await bed.launch(launchOf(peer, job));
  try {
    await bed.clock.nth("runs", count, { seconds: 120 });
    return await body(bed, started.pid, started.at, job);
  } catch (error) {
    throw new Error(`${peer.name}: ${(error as Error).message}\n${bed.log()}`, { cause: error });
  }
}

function start(count: number, rounds: number, mustReach: string): Measure {
  return {
    name: `start-${count}`,
    title: `exec to ${count.toLocaleString("en")} trivial daemon${count > 1 ? "s" : ""} running`,
    unit: "ms",
    rounds,
    serves: supervises,
    mustReach,
    run: (peer) =>
      withDaemons(peer, count, async (bed, _supervisor, startedAt) => {
        const last = await bed.clock.nth("runs", count);
        return [last.at - startedAt];
      }),
  };
}

const restart: Measure = {
  name: "restart",
  title: "a daemon up over 3 s is killed, until its replacement runs",
  unit: "ms",
  rounds: 3,
  serves: supervises,
  mustReach: "3 ms",
  run: (peer, quick) =>
    withDaemons(peer, quick ? 1 : 6, async (bed) => {
      const daemons = bed.clock.of("runs");
      await Bun.sleep(4200);
      const figures: number[] = [];
      for (const daemon of daemons) {
        // A supervisor that looks once a second is met at every phase of that second.
        await Bun.sleep(Math.random() * 1000);
        const from = bed.clock.reports.length;
        const killed = await bed.kill(daemon.pid, KILL);
        figures.push((await bed.clock.nth("runs", 1, { from })).at - killed.at);
      }
      return figures;
    }),
};

const adopted: Measure = {
  name: "adopted",
  title: "an adopted smart daemon is killed, until its replacement runs",
  unit: "ms",
  rounds: 3,
  serves: (peer) => ["reeve", "uwsgi", "monit"].includes(peer.name),
  mustReach: "10 ms",
  run: async (peer, quick) => {
    await using bed = new Bed();
    const count = quick ? 1 : 6;
    const pidfiles = Array.from({ length: count }, (_, index) => join(bed.directory, `d${index}.pid`));
    const commands = pidfiles.map((pidfile) => `${bed.programs.daemon} ${bed.clock.fifo} smart ${pidfile}`);
    const job = bed.job(commands, pidfiles);
    const launch = launchOf(peer, job);
    const first = await bed.launch(launch);
    await bed.clock.nth("runs", count, { seconds: 120 });
    const daemons = bed.clock.of("runs");
    const from = bed.clock.reports.length;
    await bed.kill(first.pid, KILL);
    await bed.clock.nth("exit", 1, { from });
    await bed.launch(launch);
    await Bun.sleep(4200);
    if (bed.clock.of("runs").length !== count) {
      throw new Error(`${peer.name} started a daemon that ran already`);
    }
    const figures: number[] = [];
    for (const daemon of daemons) {
      await Bun.sleep(Math.random() * 1000);
      const before = bed.clock.reports.length;
      const killed = await bed.kill(daemon.pid, KILL);
      figures.push((await bed.clock.nth("runs", 1, { from: before })).at - killed.at);
    }
    return figures;
  },
};

function stop(count: number, kind: "obey" | "ignore", rounds: number, mustReach: string): Measure {
  return {
    name: kind === "obey" ? `stop-${count}` : `stop-${count}-stubborn`,
    title: kind === "obey"
      ? `stop signal to exit, ${count} obedient daemons`
      : `stop signal to exit, ${count} daemons that ignore TERM, grace 3 s`,
    unit: "ms",
    rounds,
    serves: stops,
    mustReach,
    run: (peer, quick) =>
      withDaemons(peer, quick ? Math.min(count, 3) : count, async (bed, supervisor) => {
        const from = bed.clock.reports.length;
        const told = await bed.kill(supervisor, peer.stopSignal ?? 15);
        const exited = await bed.clock.nth("exit", 1, { from, seconds: 180 });
        const left = bed.running(bed.programs.daemon);
        if (left > 0) throw new NotServed(`${peer.name} has ended and ${left} of its daemons run on`);
        return [exited.at - told.at];
      }, kind),
  };
}

function privateDirty(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  return Number(/^Private_Dirty:\s+(\d+) kB/m.exec(text)?.[1] ?? Number.NaN) / 1024;
}

function memory(count: number, mustReach: string): Measure {
  return {
    name: `memory-${count}`,
    title: `private dirty memory of the supervisor with its helpers, ${count.toLocaleString("en")} daemons`,
    unit: "MB",
    rounds: 3,
    serves: supervises,
    mustReach,
    run: (peer, quick) =>
      withDaemons(peer, count, async (bed, supervisor) => {
        await Bun.sleep(quick ? 200 : 5000);
        Bun.spawnSync(["sync"]);
        return [bed.machinery(supervisor).reduce((sum, pid) => sum + privateDirty(pid), 0)];
      }),
  };
}

/** Context switches of all threads, and nanoseconds on a CPU. */
function activity(pids: readonly number[]): { switches: number; cpu: number } {
  let switches = 0;
  let cpu = 0;
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const text = readFileSync(`/proc/${pid}/task/${thread}/status`, "latin1");
      for (const match of text.matchAll(/^(?:non)?voluntary_ctxt_switches:\s+(\d+)/gm)) {
        switches += Number(match[1]);
      }
      cpu += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ")[0]);
    }
  }
  return { switches, cpu };
}

function idle(figure: "wakeups" | "cpu"): Measure {
  return {
    name: `idle-${figure}`,
    title: figure === "wakeups" ? "idle, 100 daemons, 20 s: wake-ups of all threads" : "the same: CPU time",
    unit: figure === "wakeups" ? "" : "ms",
    rounds: 2,
    serves: supervises,
    mustReach: figure === "wakeups" ? "2" : "0",
    run: (peer, quick) =>
      withDaemons(peer, quick ? 5 : 100, async (bed, supervisor) => {
        await Bun.sleep(quick ? 500 : 8000);
        const pids = bed.machinery(supervisor);
        const before = activity(pids);
        await Bun.sleep(quick ? 1000 : 20_000);
        const after = activity(pids);
        return [figure === "wakeups" ? after.switches - before.switches : (after.cpu - before.cpu) / 1e6];
      }),
  };
}

const orphans: Measure = {
  name: "orphans",
  title: "5,000 orphans that end at once, until PID 1 has reaped all",
  unit: "ms",
  rounds: 5,
  serves: (peer) => peer.firstProcess !== null,
  mustReach: "150 ms",
  run: async (peer, quick) => {
    await using bed = new Bed();
    const job = bed.job([`${bed.programs.orphans} ${bed.clock.fifo} ${quick ? 200 : 5000} stay`]);
    if (peer.firstProcess === null) throw new Error(`${peer.name} is no init`);
    await bed.launch(peer.firstProcess(job), ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    try {
      const ready = await bed.clock.nth("ready", 1, { seconds: 120 });
      return [(await bed.clock.nth("reaped", 1, { seconds: 240 })).at - ready.at];
    } catch (error) {
      throw new Error(`${peer.name}: ${(error as Error).message}\n${bed.log()}`, { cause: error });
    }
  },
};

/** -> a peer as the init of one command, which need not be PID 1 for that. */
function asInit(peer: Peer, bed: Bed, command: string): Promise<Report> {
  if (peer.firstProcess === null) throw new Error(`${peer.name} is no init`);
  return bed.launch(peer.firstProcess(bed.job([command])));
}

const INIT_ROUNDS = 40;

const initTime: Measure = {
  name: "init",
  title: "an init and `true`, from exec to exit",
  unit: "ms",
  rounds: 5,
  serves: isInitAlone,
  mustReach: "0.7 times tini's",
  run: async (peer, quick) => {
    await using bed = new Bed();
    const figures: number[] = [];
    for (let round = 0; round < (quick ? 1 : INIT_ROUNDS); round++) {
      const from = bed.clock.reports.length;
      const started = await asInit(peer, bed, "/bin/true");
      figures.push((await bed.clock.nth("exit", 1, { from })).at - started.at);
    }
    return figures;
  },
};

const initMemory: Measure = {
  name: "init-resident",
  title: "the same with a command that runs: resident memory",
  unit: "KB",
  rounds: 3,
  serves: isInitAlone,
  mustReach: "40 KB",
  run: async (peer) => {
    await using bed = new Bed();
    const [command = ""] = bed.daemons(1);
    const { pid } = await asInit(peer, bed, command);
    await bed.clock.nth("runs", 1);
    return [Number(/^Rss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1])];
  },
};

export const SUPERVISION: readonly Measure[] = [
  start(1, 9, "25 ms"),
  start(100, 5, "half of uWSGI's"),
  start(1000, 3, "a quarter of uWSGI's"),
  restart,
  adopted,
  stop(100, "obey", 2, "60 ms"),
  stop(10, "ignore", 2, "3,030 ms"),
  memory(100, "6 MB"),
  memory(1000, "12 MB"),
  idle("wakeups"),
  idle("cpu"),
  orphans,
  initTime,
  initMemory,
];
