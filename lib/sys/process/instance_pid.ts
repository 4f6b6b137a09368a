/**
 * The process that people see as reeve, which is the parent of all children: the keeper where there is one,
 * else this process.
 */

let keeper: number | null = null;

/** To be called once, when the keeper has said who it is. */
export function setInstancePid(pid: number): void {
  keeper = pid;
}

export function instancePid(): number {
  return keeper ?? process.pid;
}
