/**
 * One value as it was written: under which name, where, and to whom its problems are told. Readers of values
 * take a Field and nothing else, so that a message never lacks its place. Pure.
 */
import type { Diagnostics } from "../diagnostic.ts";
import type { Origin, RawOption } from "../origin.ts";
import { quote } from "../problem.ts";

export class Field implements RawOption {
  /** Its name in messages: an option, or a key of one. */
  readonly name: string;
  readonly value: string;
  readonly origin: Origin;
  readonly diagnostics: Diagnostics;

  constructor({ name, value, origin }: RawOption, diagnostics: Diagnostics) {
    this.name = name;
    this.value = value;
    this.origin = origin;
    this.diagnostics = diagnostics;
  }

  /** A part of this value, or the same under another name. */
  with(changed: { readonly name?: string; readonly value?: string; readonly origin?: Origin }): Field {
    return new Field(
      { name: this.name, value: this.value, origin: this.origin, ...changed },
      this.diagnostics,
    );
  }

  error(text: string): null {
    this.diagnostics.error(text, this.origin);
    return null;
  }

  warning(text: string): void {
    this.diagnostics.warning(text, this.origin);
  }

  /** `cannot use NAME "VALUE": why`. */
  refuse(why: string): null {
    return this.error(`cannot use ${this.name} ${quote(this.value)}: ${why}`);
  }
}
