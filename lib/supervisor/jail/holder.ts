/**
 * Holds the instance's jail: makes it or goes on with the one found, notices its end, makes it again with
 * back-off, ends it. What follows from what is lib/jail/life.ts; daemons are not its business beyond saying
 * when they may be started.
 */
import { instancePid } from "../../sys/process/instance_pid.ts";
import type { JailPlan } from "../../config/plan/jail_plan.ts";
import { KILL_PATIENCE_MS } from "../../daemon/patience.ts";
import { SIGKILL } from "../../sys/native/constants.ts";
import type { ProcessId } from "../../sys/process_id.ts";
import { JAIL_TRANSITIONS, type JailEffect, type JailEvent, type JailState } from "../../jail/life.ts";
import { JailHandle } from "../../jail/handle.ts";
import type { JailIdentity } from "../../jail/identity.ts";
import type { JailPlace } from "../../jail/place.ts";
import { namespacesBeside } from "../../jail/namespace_files.ts";
import { Machine } from "../../machine/machine.ts";
import { Runner } from "../../machine/runner.ts";
import { type StepEffect, type StepEvent, stepHandlers } from "../../machine/steps.ts";
import { errorText } from "../../sys/error_text.ts";
import { readStat } from "../../sys/process/process_table.ts";
import type { HeldJail } from "./held_jail.ts";
import { JailDelay } from "./delay.ts";
import { drainJail, membersOf } from "./drain.ts";
import { startInit, watchInit } from "./init.ts";
import { identityInMaking } from "../../records/jail_record.ts";
import type { JailDeps } from "./deps.ts";

export class JailHolder implements HeldJail {
  readonly plan: JailPlan;
  readonly isKept: boolean;
  readonly hasInit = true;
  readonly #deps: JailDeps;
  readonly #loss = new AbortController();
  readonly #ends: (() => void)[] = [];
  readonly #machine = new Machine<JailState, StepEvent<JailEvent>, StepEffect<JailEffect>>(
    stepHandlers(JAIL_TRANSITIONS),
    { state: "down" },
  );
  readonly #runner: Runner<StepEvent<JailEvent>, StepEffect<JailEffect>>;
  #handle: JailHandle | null;
  #init: ProcessId | null = null;
  #first: PromiseWithResolvers<void> | null = null;
  /** The daemons have not been started yet: the loss of the jail is the failure of the start. */
  #isStarting = true;
  readonly #delay: JailDelay;
  /** On record, and so to be found again: it outlives reeve. */
  #isKnown = true;

  constructor(parts: JailDeps) {
    this.#deps = parts;
    this.plan = parts.choice.plan;
    this.#handle = parts.choice.handle;
    this.isKept = this.#handle !== null;
    this.#delay = new JailDelay(parts.timers, parts.now);
    this.#runner = new Runner(this.#machine, {}, {
      now: parts.now,
      timers: parts.timers,
      log: (_, text) => parts.logger.debug(null, `jail: ${text}`),
      carryOut: (effect) => this.#carryOut(effect.do),
    });
  }

  get #state(): JailState {
    return this.#machine.status.state;
  }

  place(): JailPlace | null {
    return this.#handle;
  }

  get isOpen(): boolean {
    return this.#state === "up" && this.#handle?.stands === true;
  }

  describe(): { readonly state: string; readonly pid: number } {
    return { state: this.#state, pid: this.#init?.pid ?? 0 };
  }

  look(): void {
    if (this.#state === "up" && this.#handle !== null && !this.#handle.stands) this.#handleEvent("dying");
  }

  get identity(): JailIdentity | null {
    return this.#state === "up" ? this.#handle?.identity ?? null : null;
  }

  get lost(): AbortSignal {
    return this.#loss.signal;
  }

  async open(signal: AbortSignal): Promise<void> {
    if (this.#handle !== null) return this.#adopt(this.#handle);
    const callOff = (): void => {
      this.#handleEvent("unwanted");
      // Its init may be stuck, in a mount of a server that does not answer: `end` bears with that, and not
      // for ever.
      this.#first?.reject(signal.reason);
    };
    signal.addEventListener("abort", callOff, { once: true });
    try {
      this.#first = Promise.withResolvers();
      const { promise } = this.#first;
      this.#handleEvent("wanted");
      await promise;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      this.#first = null;
      signal.removeEventListener("abort", callOff);
    }
  }

  started(): void {
    this.#handleEvent("entered");
    this.#isStarting = false;
  }

  async callOff(): Promise<void> {
    await this.#deps.entry.callOff();
  }

  letGo(): void {
    if (this.#state === "up" || this.#init === null) return;
    this.#deps.signal(this.#init, SIGKILL);
  }

  #adopt({ identity, initPid }: JailHandle): void {
    this.#init = identity;
    const isChild = readStat(initPid)?.ppid === instancePid();
    watchInit(identity, isChild, this.#deps.init, { ready: () => {}, ended: (why) => this.#gone(why) });
    this.#delay.found();
    this.#handleEvent("adopted");
  }

  async end(graceMs: number, callOff: AbortSignal): Promise<void> {
    if (this.#state === "down" && this.#handle !== null) this.#adopt(this.#handle);
    if (this.#state === "up" && this.#handle !== null) {
      await drainJail(membersOf(this.plan, this.#handle), graceMs, this.#deps.drain, callOff);
    }
    if (this.#state === "down") return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ends.push(resolve);
    const patience = this.#deps.timers.after(KILL_PATIENCE_MS, () => {
      this.#deps.logger.error(null, "cannot end the jail: something in it is still there after SIGKILL", {
        pid: this.#init?.pid ?? 0,
      });
      resolve();
    });
    this.#handleEvent("unwanted");
    await promise;
    patience.cancel();
  }

  #handleEvent(type: JailEvent): void {
    this.#runner.handle({ type });
  }

  #carryOut(effect: JailEffect): void {
    switch (effect) {
      case "make":
        return this.#make();
      case "enter":
        return this.#enter();
      case "open":
        this.#record(true);
        return this.#isStarting ? undefined : this.#deps.opened();
      case "shut":
        this.#deps.logger.error(null, "the jail is lost: its daemons wait until it is made again");
        return this.#deps.shut();
      case "kill":
        return this.#init === null ? undefined : this.#deps.signal(this.#init, SIGKILL);
      case "delay":
        return this.#wait();
      case "stopDelay":
        return this.#delay.cancel();
      case "ended":
        for (const resolve of this.#ends.splice(0)) resolve();
    }
  }

  #make(): void {
    this.#delay.making();
    const { file, init: world, logger } = this.#deps;
    try {
      this.#isKnown = world.isKnown && file.reserve((text) => logger.warning(null, text));
      const init = startInit(this.plan, { ...world, isKnown: this.#isKnown }, {
        ready: () => this.#ready(init),
        ended: (why) => this.#gone(why),
      });
      this.#init = init;
      this.#record(false);
    } catch (error) {
      this.#gone(errorText(error));
    }
  }

  #ready(init: ProcessId): void {
    if (this.#state !== "making" || this.#init !== init) return;
    try {
      const identity = { ...init, namespaces: namespacesBeside(init.pid) };
      this.#handle = JailHandle.open(identity, this.plan);
    } catch (error) {
      this.#deps.logger.error(null, `cannot use the jail that was made: it ${errorText(error)}`);
      this.#deps.signal(init, SIGKILL);
      return;
    }
    this.#deps.logger.info(null, "the jail is made", {
      pid: init.pid,
      root: this.plan.root?.path ?? "/",
      ...(this.plan.hostname === null ? {} : { hostname: this.plan.hostname }),
    });
    this.#handleEvent("ready");
  }

  #enter(): void {
    if (this.#first !== null) return this.#first.resolve();
    const init = this.#init;
    const then = (event: JailEvent): void => {
      // It may have been lost meanwhile, and another made.
      if (this.#init === init) this.#handleEvent(event);
    };
    this.#deps.entry.begin(() => then("entered"), (error) => {
      if (error !== null) this.#deps.logger.error(null, `cannot enter the jail: ${errorText(error)}`);
      then("enteringFailed");
    });
  }

  /** Nothing of it is left, not even its init. */
  #gone(why: string): void {
    this.#init = null;
    void this.#deps.entry.callOff();
    this.#handle?.close();
    this.#handle = null;
    this.#deps.file.remove();
    const isWanted = this.#state !== "ending";
    const text = `cannot make the jail: ${why}`;
    if (this.#isStarting && isWanted) this.#handleEvent("unwanted");
    else if (isWanted) {
      this.#deps.logger.error(null, this.#state === "making" ? text : `the jail ended: ${why}`);
    }
    this.#handleEvent("gone");
    if (!this.#isStarting) return;
    const error = new Error(this.#first === null ? `the jail ended: ${why}` : text);
    if (this.#first !== null) this.#first.reject(error);
    else if (isWanted) this.#loss.abort(error);
  }

  #wait(): void {
    const delay = this.#delay.begin(() => this.#handleEvent("delayElapsed"));
    this.#deps.logger.info(null, `the jail is made again in ${delay / 1000} seconds`);
  }

  /**
   * Before it is entered too: a reeve that is killed meanwhile leaves a piece that the next one must know.
   */
  #record(isEntered: boolean): void {
    const { boot, file, logger } = this.#deps;
    if (this.#init === null || !this.#isKnown) return;
    const identity = this.#handle?.identity ?? identityInMaking(this.#init);
    file.keep({ boot, identity, plan: this.plan, isEntered }, (text) => logger.warning(null, text));
  }
}
