/**
 * kill -9 of reeve at any moment of a start: between the birth of a daemon and its record there is none that
 * goes on. The next start has each daemon once, and none of an earlier one is left.
 */
import { expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { check, reeve } from "../e2e/need.ts";
import { identify, signal } from "../e2e/process.ts";
import { until } from "../e2e/wait.ts";

const DAEMONS = 30;
const KILLS = 12;

check(
  "killed again and again while it starts thirty daemons: in the end each of them runs once",
  [reeve],
  async (scope) => {
    const smart2 = Array.from(
      { length: DAEMONS / 2 },
      (_, index) =>
        `attach-daemon2 = name=s${index},cmd=sleep 784511,daemonize=1,pidfile=${scope.path(`s${index}.pid`)}`,
    );
    const dumb = Array.from(
      { length: DAEMONS / 2 },
      (_, index) => `attach-daemon2 = name=d${index},cmd=sleep 784512`,
    );
    const config = scope.config([...smart2, ...dumb]);
    const running = (kind: number): number => scope.matching(new RegExp(`^sleep 78451${kind}$`)).length;
    for (let kill = 0; kill < KILLS; kill++) {
      const supervisor = scope.reeve(config);
      // Later each time: in the midst of the births of all thirty.
      const wanted = Math.floor(DAEMONS * kill / KILLS);
      await until(
        "some are born",
        () =>
          scope.matching(/^sleep 78451[12]$/).length >= Math.min(wanted, DAEMONS / 2) ||
          /reeve is up/.test(supervisor.log()),
      );
      await supervisor.kill();
    }
    const last = scope.reeve(config);
    await last.untilLog(/reeve is up/);
    await until("each runs", () => running(1) >= DAEMONS / 2 && running(2) >= DAEMONS / 2);
    await until("none is left of those before", () => running(2) === DAEMONS / 2);
    expect([running(1), running(2)]).toEqual([DAEMONS / 2, DAEMONS / 2]);
    expect((await last.stop()).code).toBe(0);
    await until("smart ones go on or end as configured", () => running(2) === 0);
  },
  90,
);

check(
  "told to stop in the moment in which a smart daemon writes its pidfile: it goes on",
  [reeve],
  async (scope) => {
    for (let round = 0; round < 10; round++) {
      const pidfile = scope.path(`smart${round}.pid`);
      const script = scope.write("smart.sh", `echo $$ > ${pidfile}\nexec sleep 784521\n`);
      const supervisor = scope.reeve(
        scope.config([`attach-daemon2 = name=f,cmd=sh ${script},pidfile=${pidfile}`]),
      );
      await until(
        "its pidfile",
        () => existsSync(pidfile) && /^[0-9]+\n$/.test(readFileSync(pidfile, "utf8")),
      );
      expect((await supervisor.stop()).code).toBe(0);
      const daemon = identify(Number(readFileSync(pidfile, "utf8")));
      expect(daemon).not.toBeNull();
      signal(daemon!, "SIGKILL");
    }
  },
);
