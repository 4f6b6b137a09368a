/**
 * The seconds that a node stamps its packets with. Others refuse a stamp that is older than the one before,
 * so a clock that is set back a little must not silence the node: the stamps go on at half speed until the
 * clock has caught up. Pure.
 */

const SPEED = 0.5;
/**
 * Others forget a stamp once it is ahead of their own clock, as that was set back, by more than they
 * tolerate: whole seconds, and what goes by until they look. Set back by hardly more than that, the new
 * stamps would be old to them for a minute.
 */
const SLACK_MS = 2000;

export class StampClock {
  readonly #tolerance: number;
  #stamp = -Infinity;
  #at = 0;

  /**
   * `tolerance`: seconds that the others let a stamp be off; a clock that was further ahead than that was not
   * heard anyway.
   */
  constructor(tolerance: number) {
    this.#tolerance = tolerance * 1000 + SLACK_MS;
  }

  /** Both in milliseconds: since 1970, and of a clock that nobody sets. -> whole seconds since 1970. */
  read(wall: number, now: number): number {
    const held = this.#stamp + (now - this.#at) * SPEED;
    this.#stamp = held > wall && held - wall <= this.#tolerance ? held : wall;
    this.#at = now;
    return Math.floor(this.#stamp / 1000);
  }
}
