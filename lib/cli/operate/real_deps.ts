/** The world as the commands to a running instance find it. */
import process from "node:process";
import { isTerminal, type Outputs } from "../shared/output.ts";
import type { OperateDeps } from "./deps.ts";

export function realDeps(outputs: Outputs): OperateDeps {
  return {
    outputs,
    connect: async (instance) => (await import("./connect.ts")).connect(instance),
    now: () => Date.now(),
    sleep: (milliseconds) => Bun.sleep(milliseconds),
    columns: (fd) => isTerminal(fd) ? widthOf(fd) : null,
    onInterrupt(handle) {
      process.on("SIGINT", handle);
      return () => void process.off("SIGINT", handle);
    },
  };
}

const USUAL_WIDTH = 80;

/** 0 is said by a terminal that knows no width. */
function widthOf(fd: 1 | 2): number {
  const { columns } = fd === 1 ? process.stdout : process.stderr;
  return columns > 0 ? columns : USUAL_WIDTH;
}
