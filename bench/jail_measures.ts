/**
 * The measures of jails: one run of one peer each, as measures.ts has them. The root is a static busybox and
 * the bench's daemon; the FIFO in it is the clock's own, by a second name.
 */
import { copyFileSync, linkSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { descendants } from "../test/e2e/process.ts";
import { Bed, launchOf } from "./bed.ts";
import type { Measure } from "./measures.ts";
import type { Launch, Peer } from "./peers.ts";

const BUSYBOX = "/bin/busybox";

/** Makes the root; -> its directory. */
function makeRoot(bed: Bed): string {
  const root = join(bed.directory, "root");
  for (const name of ["bin", "etc", "proc", "dev", "tmp"]) mkdirSync(join(root, name), { recursive: true });
  copyFileSync(BUSYBOX, join(root, "bin/busybox"));
  symlinkSync("busybox", join(root, "bin/sh"));
  copyFileSync(bed.programs.daemon, join(root, "daemon"));
  linkSync(bed.clock.fifo, join(root, "fifo"));
  // uWSGI starts no daemon without it.
  const made = Bun.spawnSync(["mknod", "-m", "666", join(root, "dev/null"), "c", "1", "3"]);
  if (!made.success) throw new Error(`cannot make a root: ${made.stderr.toString()}`);
  return root;
}

/** Runs the peer with `count` daemons; `body` gets the milliseconds from its exec to the last of them. */
async function timed<T>(
  peer: Peer,
  count: number,
  launch: (bed: Bed) => Launch,
  body: (milliseconds: number, supervisor: number) => T,
): Promise<T> {
  await using bed = new Bed();
  const started = await bed.launch(launch(bed));
  try {
    const last = await bed.clock.nth("runs", count, { seconds: 120, unless: "exit" });
    return body(last.at - started.at, started.pid);
  } catch (error) {
    throw new Error(`${peer.name}: ${(error as Error).message}\n${bed.log()}`, { cause: error });
  }
}

const milliseconds = (figure: number): number => figure;

function inJail<T>(
  peer: Peer,
  count: number,
  body: (milliseconds: number, supervisor: number) => T,
): Promise<T> {
  const { jail } = peer;
  if (jail === undefined) throw new Error(`${peer.name} makes no jails`);
  return timed(peer, count, (bed) => {
    const root = makeRoot(bed);
    return jail(bed.job(Array.from({ length: count }, () => "/daemon /fifo obey")), root);
  }, body);
}

function without(peer: Peer, count: number): Promise<number> {
  return timed(peer, count, (bed) => launchOf(peer, bed.job(bed.daemons(count))), milliseconds);
}

const start: Measure = {
  name: "jail-1",
  title: "exec to 1 trivial daemon running in a jail",
  unit: "ms",
  rounds: 15,
  serves: (peer) => peer.jail !== undefined,
  run: async (peer) => [await inJail(peer, 1, milliseconds)],
};

/**
 * Figures against those of a run without, one right after the other: what a busy machine does to one it does
 * to both.
 */
const added: Measure = {
  name: "jail-adds",
  title: "what the jail adds to that",
  unit: "ms",
  rounds: 15,
  serves: (peer) => peer.jail !== undefined && peer.supervise !== null,
  mustReach: "15 ms",
  run: async (peer) => {
    const plain = await without(peer, 1);
    return [await inJail(peer, 1, milliseconds) - plain];
  },
};

const thousand: Measure = {
  name: "jail-1000",
  title: "1,000 daemons into one jail: times as long as without",
  unit: "",
  rounds: 5,
  serves: added.serves,
  mustReach: "1.3",
  run: async (peer) => {
    const plain = await without(peer, 1000);
    return [await inJail(peer, 1000, milliseconds) / plain];
  },
};

const ownNamespace: Measure = {
  name: "ns-pid",
  title: "a PID namespace for each daemon (ns_pid): what it adds for each, of 100",
  unit: "ms",
  rounds: 5,
  serves: (peer) => peer.withNamespaces !== undefined && peer.supervise !== null,
  mustReach: "2 ms",
  run: async (peer, quick) => {
    const count = quick ? 5 : 100;
    const plain = await without(peer, count);
    const { withNamespaces } = peer;
    const own = await timed(
      peer,
      count,
      (bed) => withNamespaces?.(bed.job(bed.daemons(count))) ?? launchOf(peer, bed.job([])),
      milliseconds,
    );
    return [(own - plain) / count];
  },
};

function kilobytes(pid: number, field: string): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? Number.NaN);
}

function initMemory(field: "Rss" | "Private_Dirty", title: string, mustReach: string): Measure {
  return {
    name: `jail-init-${field === "Rss" ? "resident" : "dirty"}`,
    title,
    unit: "KB",
    rounds: 1,
    serves: (peer) => peer.jailInit !== undefined,
    mustReach,
    run: async (peer) => [
      await inJail(peer, 1, (_milliseconds, supervisor) => {
        const init = descendants(supervisor).find((one) => one.name.startsWith(peer.jailInit ?? ""));
        return init === undefined ? Number.NaN : kilobytes(init.pid, field);
      }),
    ],
  };
}

export const JAIL_MEASURES: readonly Measure[] = [
  start,
  added,
  thousand,
  ownNamespace,
  initMemory("Rss", "PID 1 of the jail: resident memory", "64 KB"),
  initMemory("Private_Dirty", "the same: private dirty memory", ""),
];
