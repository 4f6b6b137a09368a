/**
 * How long two daemons of a legion over etcd ever ran at once: `bun run bench/legion_etcd.ts [ROUNDS [SEED]]`
 * as root, with etcd-server and iproute2. Half of the rounds with one server of etcd, half with three. Takes
 * about 4 s a round.
 */
import process from "node:process";
import { Scope } from "../test/e2e/harness.ts";
import { Chaos } from "../test/e2e/legion_chaos.ts";

const rounds = Number(process.argv[2] ?? 200);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
console.log(`${rounds} rounds, seed ${seed}`);
let overlap = 0;
for (const members of [1, 3]) {
  await using scope = new Scope();
  await using chaos = new Chaos(scope, { members, nodes: 3, seed, say: (line) => console.log(`  ${line}`) });
  for (let round = 1; round <= rounds / 2; round++) {
    await chaos.round();
    if (chaos.overlap > 0) console.log(`round ${round}: ${chaos.overlap} ms`);
  }
  overlap += chaos.overlap;
  console.log(
    `${members} server(s) of etcd: ${
      rounds / 2
    } rounds, ${chaos.lives.length} lives, overlap ${chaos.overlap} ms`,
  );
}
console.log(`overlap of two running daemons in ${rounds} rounds: ${overlap} ms`);
process.exit(overlap === 0 ? 0 : 1);
