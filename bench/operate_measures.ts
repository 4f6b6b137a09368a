/** The measures of commands to a running supervisor, each from the exec of the command to its exit. */
import { until } from "../test/e2e/wait.ts";
import type { Bed } from "./bed.ts";
import { type Measure, withDaemons } from "./measures.ts";
import type { Job, Peer } from "./peers.ts";

const ROUNDS = 15;

function operate(
  which: "status" | "restart" | "apply",
  count: number,
  options: Pick<Measure, "title" | "rounds" | "mustReach">,
): Measure {
  return {
    ...options,
    name: `${which}-${count}`,
    unit: "ms",
    serves: (peer) => peer.supervise !== null && peer.operate !== undefined,
    run: (peer: Peer, quick) =>
      withDaemons(peer, count, async (bed, _supervisor, _startedAt, job) => {
        const commands = peer.operate?.(job);
        if (commands === undefined) throw new Error(`${peer.name} takes no commands`);
        await until("it takes commands", () => Bun.spawnSync([...commands.status]).exitCode === 0, {
          seconds: 60,
          explain: () => bed.log(),
        });
        const figures: number[] = [];
        for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
          if (which === "apply") commands.rewrite(oneChanged(job, round));
          figures.push(await timeOf(bed, commands[which]));
        }
        return figures;
      }),
  };
}

/** The same daemons, but one in their midst has a word more behind its command, which it does not read. */
function oneChanged(job: Job, round: number): Job {
  const middle = Math.floor(job.commands.length / 2);
  const commands = job.commands.map((command, index) =>
    index === middle ? `${command} round${round}` : command
  );
  return { ...job, commands };
}

async function timeOf(bed: Bed, command: readonly string[]): Promise<number> {
  const from = bed.clock.reports.length;
  const started = await bed.launch({ command });
  return (await bed.clock.nth("exit", 1, { from, seconds: 60 })).at - started.at;
}

export const OPERATING: readonly Measure[] = [
  operate("status", 1000, {
    title: "the command that shows the state of 1,000 daemons",
    rounds: 2,
    mustReach: "60 ms",
  }),
  operate("apply", 1000, {
    title: "the command that takes over a file in which one of 1,000 daemons has changed",
    rounds: 2,
    mustReach: "150 ms",
  }),
  operate("restart", 10, {
    title: "the command that restarts one daemon, which stops at once",
    rounds: 3,
    mustReach: "40 ms",
  }),
];
