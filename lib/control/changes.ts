/**
 * Changes: what was asked of an instance and takes its time, as tasks that are done one by one. Pure: the
 * time comes in, whoever carries a task out says how it ended, listeners hear of it. The last 100 are kept.
 */

/** Do: not begun. Hold: given up, since something else came between. */
export type ChangeStatus = "Do" | "Doing" | "Done" | "Error" | "Hold";
export type Ending = "Done" | "Error" | "Hold";

export interface Task {
  readonly id: string;
  readonly kind: string;
  readonly summary: string;
  /** null: it is about the instance. */
  readonly daemon: string | null;
  readonly status: ChangeStatus;
  /** Lines for people, the oldest first. */
  readonly log: readonly string[];
  /** Milliseconds since 1970. */
  readonly spawned: number;
  readonly ended: number | null;
  /** The cause of its failure, without its daemon's name; null: it has not failed. */
  readonly why: string | null;
}

export interface Change {
  readonly id: string;
  /** The command: "start", "reload". */
  readonly kind: string;
  readonly summary: string;
  /** The user who asked for it. */
  readonly by: string;
  readonly status: ChangeStatus;
  readonly spawned: number;
  readonly ended: number | null;
  /** null: nothing has failed. */
  readonly err: string | null;
  readonly tasks: readonly Task[];
}

export interface TaskOptions {
  readonly kind: string;
  readonly summary: string;
  readonly daemon: string | null;
}

export interface ChangeOptions {
  readonly kind: string;
  readonly summary: string;
  readonly by: string;
  /** All that was asked: the same command, asked again while this runs, is this change. */
  readonly key: string;
  readonly tasks: readonly TaskOptions[];
}

type Open<T> = { -readonly [Key in keyof T]: T[Key] };

interface TaskAt extends Open<Omit<Task, "log">> {
  readonly log: string[];
}

interface ChangeAt extends Open<Omit<Change, "tasks">> {
  readonly key: string;
  readonly tasks: readonly TaskAt[];
  /** Tasks that are not done. */
  left: number;
}

/** A change as another image has to know it. */
export type SavedChange = Change & { readonly key: string };

export interface ChangesDeps {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** It was opened, or has ended. */
  readonly changed: (change: Change) => void;
}

const MOST_KEPT = 100;
/** Names of failed daemons in one line. */
const MOST_TOLD = 5;
/** Lines of one task; a daemon that is asked for much does not decide how long its answer becomes. */
const MOST_LINES = 20;

export class Changes {
  readonly #deps: ChangesDeps;
  readonly #changes = new Map<string, ChangeAt>();
  /** The tasks of each daemon that are not done. */
  readonly #open = new Map<string, Set<TaskAt>>();
  readonly #changeOf = new Map<Task, ChangeAt>();
  readonly #waiting = new Map<string, Set<() => void>>();
  #nextChange = 1;
  #nextTask = 1;

  constructor(deps: ChangesDeps) {
    this.#deps = deps;
  }

  /** The oldest first. */
  list(): readonly Change[] {
    return [...this.#changes.values()];
  }

  find(id: string): Change | null {
    return this.#changes.get(id) ?? null;
  }

  /** The change under way that is the same command; null: there is none. */
  same(key: string): Change | null {
    return this.#changes.values().find((change) => change.key === key && change.ended === null) ?? null;
  }

  /** A change under way of another kind that has one of these daemons; null: nobody is in the way. */
  contrary(kind: string, daemons: Iterable<string>): Change | null {
    for (const daemon of daemons) {
      for (const task of this.#open.get(daemon) ?? []) {
        const change = this.#changeOf.get(task);
        if (change !== undefined && change.kind !== kind) return change;
      }
    }
    return null;
  }

  /** Its tasks are not begun. Without any it is done. */
  open({ kind, summary, by, key, tasks }: ChangeOptions): Change {
    const spawned = this.#deps.now();
    const change: ChangeAt = {
      id: String(this.#nextChange++),
      kind,
      summary,
      by,
      key,
      status: tasks.length === 0 ? "Done" : "Do",
      spawned,
      ended: tasks.length === 0 ? spawned : null,
      err: null,
      tasks: tasks.map((task): TaskAt => ({
        ...task,
        id: String(this.#nextTask++),
        status: "Do",
        log: [],
        spawned,
        ended: null,
        why: null,
      })),
      left: tasks.length,
    };
    this.#keep(change);
    this.#dropOld();
    this.#deps.changed(change);
    return change;
  }

  /** Those of one daemon that are not done. */
  openTasks(daemon: string): readonly Task[] {
    return [...this.#open.get(daemon) ?? []];
  }

  changeOf(task: Task): Change | null {
    return this.#changeOf.get(task) ?? null;
  }

  begin(task: Task): void {
    const change = this.#changeOf.get(task);
    if (change === undefined || task.status !== "Do") return;
    (task as TaskAt).status = "Doing";
    change.status = "Doing";
  }

  /** A line for whoever waits for it. */
  note(task: Task, level: "INFO" | "ERROR", text: string): void {
    const { log } = task as TaskAt;
    if (log.length >= MOST_LINES) log.shift();
    log.push(`${timeText(this.#deps.now())} ${level} ${text}`);
  }

  /** `why`: of an error, without its daemon's name. */
  end(task: Task, ending: Ending, why: string | null = null): void {
    const change = this.#changeOf.get(task);
    if (change === undefined) return;
    const open = task as TaskAt;
    open.status = ending;
    open.ended = this.#deps.now();
    open.why = why;
    if (why !== null) this.note(task, "ERROR", why);
    this.#forget(open);
    change.left -= 1;
    change.status = "Doing";
    if (change.left === 0) this.#finish(change);
  }

  /** All of it that is not done is given up. */
  hold(change: Change, why: string): void {
    for (const task of change.tasks) {
      if (task.ended !== null) continue;
      this.note(task, "INFO", why);
      this.end(task, "Hold");
    }
  }

  holdAll(why: string): void {
    for (const change of this.#changes.values()) this.hold(change, why);
  }

  /** Calls back once it has ended; at once where it has. */
  whenEnded(id: string, ended: () => void): { remove(): void } {
    const waiting = this.#waiting.get(id) ?? new Set();
    if (this.find(id)?.ended === null) this.#waiting.set(id, waiting.add(ended));
    else ended();
    return {
      remove: () => {
        waiting.delete(ended);
        if (waiting.size === 0) this.#waiting.delete(id);
      },
    };
  }

  save(): readonly SavedChange[] {
    return [...this.#changes.values()].map(({ left: _, ...change }) => change);
  }

  /** Takes what an image before this one has left, its open tasks as they stood. */
  restore(saved: readonly SavedChange[]): void {
    for (const { tasks, ...change } of saved) {
      const left = tasks.filter(({ ended }) => ended === null).length;
      this.#keep({
        ...change,
        left,
        tasks: tasks.map((task) => ({ ...task, log: [...task.log] })),
      });
      this.#nextChange = Math.max(this.#nextChange, Number(change.id) + 1);
      for (const { id } of tasks) this.#nextTask = Math.max(this.#nextTask, Number(id) + 1);
    }
  }

  #keep(change: ChangeAt): void {
    this.#changes.set(change.id, change);
    for (const task of change.tasks) {
      if (task.ended !== null) continue;
      this.#changeOf.set(task, change);
      if (task.daemon === null) continue;
      this.#open.set(task.daemon, (this.#open.get(task.daemon) ?? new Set()).add(task));
    }
  }

  #forget(task: TaskAt): void {
    this.#changeOf.delete(task);
    if (task.daemon === null) return;
    const open = this.#open.get(task.daemon);
    open?.delete(task);
    if (open?.size === 0) this.#open.delete(task.daemon);
  }

  #finish(change: ChangeAt): void {
    const has = (status: Ending): boolean => change.tasks.some((task) => task.status === status);
    change.status = has("Error") ? "Error" : has("Hold") ? "Hold" : "Done";
    change.ended = this.#deps.now();
    change.err = errText(change);
    this.#deps.changed(change);
    const waiting = this.#waiting.get(change.id) ?? new Set();
    this.#waiting.delete(change.id);
    for (const ended of waiting) ended();
  }

  /** One that is under way is never dropped. */
  #dropOld(): void {
    for (const { id, ended } of this.#changes.values()) {
      if (this.#changes.size <= MOST_KEPT) return;
      if (ended !== null) this.#changes.delete(id);
    }
  }
}

/** `cannot start "web": exited with code 1`. */
function errText({ kind, tasks }: ChangeAt): string | null {
  const failed = tasks.filter(({ status }) => status === "Error");
  if (failed.length === 0) return null;
  const told = failed.slice(0, MOST_TOLD).map(({ daemon, why }) =>
    daemon === null ? `cannot ${kind}: ${why}` : `cannot ${kind} "${daemon}": ${why}`
  );
  const more = failed.length - told.length;
  return `${told.join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}

/** RFC 3339, as all times of the API. */
export function timeText(at: number): string {
  return new Date(at).toISOString();
}
