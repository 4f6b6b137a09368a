/**
 * The reaction of a daemon in each state to each event: every cell is written, "ignore" included, so that the
 * compiler proves the table total. Nothing else decides about a daemon's life. The rows are in the files of
 * their states.
 */
import type { TransitionTable } from "./handler.ts";
import { BETWEEN_STARTS, DOWN } from "./resting.ts";
import { RUNNING } from "./running.ts";
import { STARTING } from "./starting.ts";
import { KILLING, STOPPING } from "./stopping.ts";

export const TRANSITIONS: TransitionTable = {
  down: DOWN,
  waiting: BETWEEN_STARTS,
  broken: BETWEEN_STARTS,
  starting: STARTING,
  running: RUNNING,
  stopping: STOPPING,
  killing: KILLING,
};
