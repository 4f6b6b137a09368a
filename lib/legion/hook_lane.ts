/**
 * Runs jobs one after the other, each once the one before has ended, without holding up whoever asks. Must
 * never lose a job because another has failed.
 */
export class HookLane {
  readonly #failed: (error: unknown) => void;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** Jobs that have not ended. */
  get length(): number {
    return this.#waiting;
  }

  /** Resolves when the job has ended, well or not. */
  run(job: () => Promise<void>): Promise<void> {
    this.#waiting += 1;
    this.#last = this.#last.then(job).catch(this.#failed).finally(() => {
      this.#waiting -= 1;
    });
    return this.#last;
  }
}
