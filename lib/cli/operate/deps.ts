/** The world as the commands to a running instance see it; a test passes a fake. */
import type { Outputs } from "../shared/output.ts";
import type { Connection } from "./connection.ts";
import type { InstanceWords } from "./words.ts";

export interface OperateDeps {
  readonly outputs: Outputs;
  /** Throws CommandFailure where there is no instance, several, or one that does not let us in. */
  connect(instance: InstanceWords): Promise<Connection>;
  /** Milliseconds since 1970. */
  now(): number;
  /** Resolves after that time. */
  sleep(milliseconds: number): Promise<void>;
  /** The columns of the terminal that a descriptor is; null: it is none. */
  columns(fd: 1 | 2): number | null;
  /** Calls it at Ctrl-C in place of ending. -> takes that back. */
  onInterrupt(handle: () => void): () => void;
}
