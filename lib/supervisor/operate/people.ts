/**
 * What people have said about single daemons, and the records of it: in the run directory, so that it holds
 * over a kill -9 of reeve, and in state-dir, where it is to hold over a stop and start. It opens and closes
 * no gate; whoever hears a person does.
 */
import type { DaemonPlan } from "../../config/plan/daemon_plan.ts";
import type { Hold } from "../../control/service_facts.ts";
import type { Door } from "../../daemon/gates.ts";
import { readWords, type Word, writeWords } from "../../records/words.ts";
import { errorText } from "../../sys/error_text.ts";

type Startable = Pick<DaemonPlan, "name" | "startup">;

export interface PeopleOptions {
  /** null: there is none, and a kill -9 of reeve forgets all. */
  readonly runFile: string | null;
  /** null: nothing outlives a stop of reeve. */
  readonly stateFile: string | null;
  readonly boot: string;
  /** The words that the image before has handed over; null: this is the first. */
  readonly words: readonly Word[] | null;
}

export interface PeopleDeps {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly complain: (text: string) => void;
}

export class People {
  readonly #options: PeopleOptions;
  readonly #deps: PeopleDeps;
  readonly #words = new Map<string, Word>();

  constructor(options: PeopleOptions, deps: PeopleDeps) {
    this.#options = options;
    this.#deps = deps;
    const { runFile, stateFile, boot, words } = options;
    const kept = stateFile === null ? [] : readWords(stateFile, "");
    const recorded = runFile === null ? [] : readWords(runFile, boot);
    for (const word of words ?? [...kept, ...recorded]) this.#words.set(word.daemon, word);
  }

  get words(): readonly Word[] {
    return [...this.#words.values()];
  }

  /** Whether it is kept down as the instance starts. */
  doorOf({ name, startup }: Startable): Door {
    const said = this.#words.get(name)?.said;
    return said === "stopped" || (said === undefined && startup === "disabled") ? "closed" : "open";
  }

  /** null: nobody has stopped it. */
  holdOf(daemon: string): Hold | null {
    const word = this.#words.get(daemon);
    return word?.said === "stopped" ? { by: word.by, at: word.at } : null;
  }

  /** Whether it can be kept over a stop of reeve. */
  get canPersist(): boolean {
    return this.#options.stateFile !== null;
  }

  stop(daemon: string, by: string, isPersistent: boolean): void {
    this.#words.set(daemon, { daemon, said: "stopped", by, at: this.#deps.now(), isPersistent });
  }

  /** One that starts with the instance anyway needs no word for it. */
  start({ name: daemon, startup }: Startable, by: string): void {
    this.#words.delete(daemon);
    if (startup === "enabled") return;
    this.#words.set(daemon, { daemon, said: "started", by, at: this.#deps.now(), isPersistent: false });
  }

  /** Daemons are called otherwise, all of them at once: what was said of them is said of them still. */
  rename(names: ReadonlyMap<string, string>): void {
    const moved = [...names].flatMap(([from, to]) => {
      const word = this.#words.get(from);
      return word === undefined ? [] : [{ ...word, daemon: to }];
    });
    for (const [from, to] of names) {
      this.#words.delete(from);
      this.#words.delete(to);
    }
    for (const word of moved) this.#words.set(word.daemon, word);
    this.save();
  }

  /** Writes all that was said since. A full disk costs the record, never the daemons. */
  save(): void {
    const { runFile, boot } = this.#options;
    this.#write(runFile, boot, this.words);
    this.#savePersistent();
  }

  /** Reeve ends in order: what was said holds no longer, but for what is to. */
  end(): void {
    this.#write(this.#options.runFile, "", []);
    this.#savePersistent();
  }

  #savePersistent(): void {
    this.#write(this.#options.stateFile, "", this.words.filter(({ isPersistent }) => isPersistent));
  }

  #write(path: string | null, boot: string, words: readonly Word[]): void {
    if (path === null) return;
    try {
      writeWords(path, boot, words);
    } catch (error) {
      this.#deps.complain(`cannot record what was stopped by hand: ${errorText(error)}`);
    }
  }
}
