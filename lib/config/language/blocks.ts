/**
 * The block (for, if, else) that is open while lines are read, and what becomes of a line inside it. At most
 * one is open at a time: blocks do not nest.
 */
import type { Diagnostics } from "../diagnostic.ts";
import { type Block, type LogicScope, openBlock, openElse } from "./logic.ts";
import type { Origin } from "../origin.ts";
import { quote } from "../problem.ts";

export class Blocks {
  readonly #scope: LogicScope;
  readonly #diagnostics: Diagnostics;
  /** Lines reported as blocks inside blocks: once is enough for a line that is repeated. */
  readonly #nested = new Set<Origin>();
  #open: Block | null = null;
  /** Whether the condition of the open block held when it was opened. */
  #held = false;

  constructor(scope: LogicScope) {
    this.#scope = scope;
    this.#diagnostics = scope.diagnostics;
  }

  get current(): Block | null {
    return this.#open;
  }

  open(option: string, argument: string, origin: Origin): void {
    if (this.#open !== null) {
      if (this.#nested.has(origin)) return;
      this.#nested.add(origin);
      const remedy = "blocks cannot be nested; put the lines into a file and include it after the block";
      this.#diagnostics.error(`${quote(option)} inside ${quote(this.#open.option)}: ${remedy}`, origin);
      return;
    }
    this.#open = openBlock(option, argument, origin, this.#scope);
    this.#held = this.#open.contexts().length > 0;
  }

  /** `name` is the word used: any of the five ends any block. */
  end(name: string, origin: Origin): void {
    if (this.#open === null) {
      this.#diagnostics.warning(`${quote(name)} ends nothing: no block is open`, origin);
    }
    this.#open = null;
  }

  turn(origin: Origin): void {
    if (this.#open?.kind === "if") {
      this.#open = openElse(this.#open, this.#held);
      return;
    }
    this.#diagnostics.error('"else" belongs behind the lines of an if', origin);
    this.#open = null;
  }

  /** A block must be closed in the file that opened it; `outer` was open before that file. */
  closeDownTo(outer: Block | null): void {
    if (this.#open === null || this.#open === outer) return;
    const { option, origin } = this.#open;
    this.#diagnostics.error(`${quote(option)} is never closed: write "end =" behind its lines`, origin);
    this.#open = outer;
  }

  /** The values that a line of the open block stands for: none where it does not count. */
  valuesOf(block: Block, value: string, origin: Origin): readonly string[] {
    const contexts = block.contexts();
    if (block.option === "if-not-opt" && contexts.length === 0 && this.#held) {
      this.#diagnostics.warning(
        'this line is left out: a line above has set the option that "if-not-opt" asks for; put that line last',
        origin,
      );
    }
    return contexts.map((context) => context === null ? value : value.replaceAll("%(_)", () => context));
  }
}
