/**
 * One machine of the simulation: its core may be stopped, killed or cut off, and its daemon ignores its stop
 * signal.
 */
import { EtcdMachine } from "../../../lib/legion/etcd/machine.ts";
import type { EtcdEffect, EtcdEvent, EtcdTimer } from "../../../lib/legion/etcd/state.ts";
import type { NodeId } from "../../../lib/legion/election/announcement.ts";

import { GRACE_MS, PATIENCE_MS, TTL_MS, World } from "./simulated_world.ts";

export class SimNode {
  readonly id: NodeId;
  readonly #world: World;
  #machine: EtcdMachine;
  readonly #rate: number;
  readonly #offset: number;
  readonly #timers = new Map<EtcdTimer, number>();
  readonly #late: (() => void)[] = [];
  #serial = 0;
  #life = 0;
  #guard: { deadline: number; serial: number } | null = null;
  isCut = false;
  isStopped = false;

  constructor(world: World, index: number, valor: number) {
    this.#world = world;
    this.id = { uuid: `${index}`.padStart(36, "0"), name: `node${index}`, valor };
    this.#machine = new EtcdMachine({ self: this.id, grace: GRACE_MS });
    this.#rate = 1 + (world.random() - 0.5) * 0.01;
    this.#offset = world.random() * 1e6;
  }

  get isLord(): boolean {
    return this.#world.running === this;
  }

  start(): void {
    this.#handle({ type: "wanted" });
  }

  /**
   * KILL of the core, and a new one. The guard lives on until it sees the end of its pipe, or the deadline.
   */
  restart(): void {
    this.#life++;
    this.#timers.clear();
    this.#late.length = 0;
    this.isStopped = false;
    const guard = this.#guard;
    this.#guard = null;
    if (guard !== null && this.isLord) {
      // It asks the daemon, which ignores that: the deadline ends it, or the kernel at once where it was a
      // child of the core.
      const after = this.#world.random() < 0.5 ? 5 : this.#toGlobal(guard.deadline) - this.#world.time;
      const until = Math.min(this.#world.time + after, this.#toGlobal(guard.deadline));
      this.#world.at(until, () => this.#end());
    }
    this.#machine = new EtcdMachine({ self: this.id, grace: GRACE_MS });
    this.start();
  }

  resume(): void {
    if (!this.isStopped) return;
    this.isStopped = false;
    for (const run of this.#late.splice(0)) run();
  }

  #now(): number {
    return this.#world.time * this.#rate + this.#offset;
  }

  #toGlobal(local: number): number {
    return (local - this.#offset) / this.#rate;
  }

  #end(): void {
    if (this.#world.running === this) {
      this.#world.running = null;
    }
  }

  #handle(event: EtcdEvent): void {
    for (const effect of this.#machine.handle(event, this.#now())) this.#run(effect);
  }

  /** In the core: not while it is stopped, not in a later life. */
  #inCore(run: () => void): () => void {
    const life = this.#life;
    const guarded = (): void => {
      if (life !== this.#life) return;
      if (this.isStopped) this.#late.push(guarded);
      else run();
    };
    return guarded;
  }

  #run(effect: EtcdEffect): void {
    const world = this.#world;
    switch (effect.do) {
      case "join": {
        const sentAt = this.#now();
        return this.#ask(
          () => ({ id: world.grant(this.id), directory: world.directory() }),
          ({ id, directory }) => {
            this.#handle({ type: "joined", lease: { id, sentAt, ttl: TTL_MS } });
            this.#handle({ type: "directoryRead", directory });
          },
          () => this.#handle({ type: "joinFailed", text: "lost" }),
        );
      }
      case "renew": {
        const sentAt = this.#now();
        return this.#ask(
          () => {
            const lease = world.leases.get(effect.lease);
            if (lease !== undefined) lease.expires = world.time + TTL_MS;
            const tenure = lease === undefined || effect.token === null ? null : world.occupy(effect.token);
            return { gone: lease === undefined, tenure, directory: world.directory() };
          },
          ({ gone, tenure, directory }) => {
            if (this.#machine.status.lease?.id !== effect.lease) return;
            if (gone) return this.#handle({ type: "renewFailed", text: "gone", gone });
            this.#handle({ type: "directoryRead", directory });
            if (this.#machine.status.lease?.id !== effect.lease) return;
            this.#handle({ type: "renewed", grant: { sentAt, ttl: TTL_MS }, tenure });
          },
          () => {
            if (this.#machine.status.lease?.id !== effect.lease) return;
            this.#handle({ type: "renewFailed", text: "lost", gone: false });
          },
        );
      }
      case "claim":
        return this.#ask(
          () => world.claim(effect.lease),
          (token) => {
            if (this.#machine.status.lease?.id !== effect.lease) return;
            this.#handle(token === null ? { type: "claimLost" } : { type: "claimed", token });
          },
          () => {
            if (this.#machine.status.lease?.id !== effect.lease) return;
            this.#handle({ type: "claimFailed", text: "lost" });
          },
        );
      case "leave": {
        const { lease, tenure } = effect;
        const give = (): void => {
          if (tenure !== null) world.release(tenure);
          if (lease !== null) world.revoke(lease);
        };
        const left = (): void => this.#handle({ type: "left" });
        return this.#ask(give, left, left);
      }
      case "arm":
        return this.#arm(effect.deadline);
      case "push":
        if (this.#guard !== null) this.#guard.deadline = Math.max(this.#guard.deadline, effect.deadline);
        return;
      case "disarm":
        this.#guard = null;
        // SIGKILL takes its time.
        return world.at(world.time + world.random() * 5, () => {
          this.#end();
          this.#inCore(() => this.#handle({ type: "disarmed" }))();
        });
      case "choose":
        // The lord hooks take a while; then the daemon is born, if its namespace still stands.
        return world.at(world.time + world.random() * 50, this.#inCore(() => this.#startDaemon()));
      case "depose":
        // It ignores its stop signal in every other case, and lives until it is killed.
        return world.at(world.time + world.random() * 300, this.#inCore(() => this.#vacate()));
      case "setTimer":
        return this.#setTimer(effect.timer, effect.ms);
      case "clearTimer":
        this.#timers.delete(effect.timer);
        return;
      case "hush":
      case "log":
      case "closed":
        return;
    }
  }

  #startDaemon(): void {
    const world = this.#world;
    if (this.#machine.status.state !== "lord" || this.#guard === null) return;
    if (world.running !== null && world.running !== this) {
      throw new Error(`two daemons at ${world.time}: ${world.running.id.name} and ${this.id.name}`);
    }
    world.running = this;
    world.starts++;
  }

  #vacate(): void {
    if (this.isLord && this.#world.random() < 0.5 && this.#guard !== null) {
      return this.#world.at(this.#world.time + 50, this.#inCore(() => this.#vacate()));
    }
    this.#end();
    this.#handle({ type: "vacated" });
  }

  #arm(deadline: number): void {
    const guard = { deadline, serial: ++this.#serial };
    this.#guard = guard;
    this.#watchGuard(guard);
    this.#world.at(
      this.#world.time + this.#world.random() * 20,
      this.#inCore(() => this.#guard === guard && this.#handle({ type: "armed" })),
    );
  }

  /** The kernel's timer: it does not ask whether the core runs. */
  #watchGuard(guard: { deadline: number; serial: number }): void {
    this.#world.at(this.#toGlobal(guard.deadline), () => {
      if (this.#guard !== guard) return;
      if (this.#toGlobal(guard.deadline) > this.#world.time + 1e-6) return this.#watchGuard(guard);
      this.#guard = null;
      this.#end();
      this.#inCore(() => this.#handle({ type: "guardEnded", text: "deadline" }))();
    });
  }

  #setTimer(timer: EtcdTimer, ms: number): void {
    const serial = ++this.#serial;
    this.#timers.set(timer, serial);
    const event = {
      retry: "retryDue",
      renew: "renewDue",
      claim: "claimDue",
      stepDown: "stepDownDue",
      disarm: "disarmOverdue",
      succeed: "successionDue",
    } as const;
    this.#world.at(
      this.#world.time + ms / this.#rate,
      this.#inCore(() => {
        if (this.#timers.get(timer) !== serial) return;
        this.#timers.delete(timer);
        this.#handle({ type: event[timer] });
      }),
    );
  }

  /** A request: lost on either way when cut, or by chance; the core learns of it after its patience. */
  #ask<T>(serve: () => T, answered: (value: T) => void, failed: () => void): void {
    const world = this.#world;
    const began = world.time;
    let isDone = false;
    const finish = (run: () => void): () => void =>
      this.#inCore(() => {
        if (isDone) return;
        isDone = true;
        run();
      });
    world.at(began + PATIENCE_MS, finish(failed));
    const isLost = (): boolean => this.isCut || (world.isLossy && world.random() < 0.02);
    if (isLost()) return;
    world.at(began + world.random() * 60, () => {
      const value = serve();
      if (isLost()) return;
      world.at(world.time + world.random() * 60, finish(() => answered(value)));
    });
  }

  /** Something below the prefix changed, or a renewal's look: here simply from time to time. */
  look(): void {
    if (this.#machine.status.lease === null) return;
    this.#ask(
      () => this.#world.directory(),
      (directory) => this.#handle({ type: "directoryRead", directory }),
      () => {},
    );
  }
}
