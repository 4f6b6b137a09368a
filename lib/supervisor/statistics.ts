/**
 * The instance's statistics server: gathers what it says from the running parts when somebody asks, and
 * listens again when its socket is gone from its path. Must never hold up the instance: what keeps it from
 * listening is a refusal at the first start, and afterwards a line in the log.
 */
import { plantedBy } from "../watch/planted.ts";
import { resolve } from "node:path";
import type { StatsPlan } from "../config/plan/stats_plan.ts";
import type { Plan } from "../config/plan/plan.ts";
import type { Snapshot } from "../control/snapshot.ts";
import type { StatsServer } from "../control/stats/server.ts";
import type { Logger } from "../log/logger.ts";
import type { KeepPath } from "../sys/file/kept.ts";
import type { OwnFiles } from "../watch/own_files.ts";
import { errorText } from "../sys/error_text.ts";

export interface StatisticsDeps {
  readonly plan: Plan;
  readonly logger: Pick<Logger, "error" | "warning">;
  readonly own: Pick<OwnFiles, "add">;
  readonly keep: KeepPath;
  readonly snapshot: () => Snapshot;
}

/** After a reload: an address that is taken is tried again this often, milliseconds. */
const START_AGAIN_MS = 5000;

export class Statistics {
  readonly #deps: StatisticsDeps;
  #server: StatsServer | null = null;
  #kept: { remove(): void } | null = null;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #isClosed = false;

  constructor(deps: StatisticsDeps) {
    this.#deps = deps;
  }

  /**
   * Rejects at the first start when it cannot listen; after a reload, or where a stranger has put something
   * in its way, that is said, and tried again.
   */
  async start(isFirst: boolean): Promise<void> {
    const { stats } = this.#deps.plan.instance;
    this.#isClosed = false;
    if (stats === null) return;
    try {
      await this.#listen(stats);
    } catch (error) {
      if (isFirst && !isPlanted(stats)) throw error;
      this.#deps.logger.error(null, `${errorText(error)}; tried again every ${START_AGAIN_MS / 1000} s`);
      this.#retry = setTimeout(() => void this.start(false), START_AGAIN_MS);
    }
  }

  close(): void {
    this.#isClosed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#kept?.remove();
    this.#kept = null;
    this.#server?.close();
    this.#server = null;
  }

  async #listen(stats: StatsPlan): Promise<void> {
    const server = await this.#serve(stats);
    if (this.#isClosed) return server.close();
    this.#server = server;
    if (stats.address.kind !== "unix") return;
    const path = resolve(stats.address.path);
    this.#deps.own.add(path);
    this.#kept ??= this.#deps.keep(path, {
      isThere: () => this.#server?.isAtPath() ?? true,
      restore: async () => {
        const before = this.#server;
        this.#server = await this.#serve(stats);
        before?.close();
        if (this.#isClosed) this.#server.close();
        this.#deps.logger.warning(null, `stats socket "${path}" was gone: it is made again`);
      },
    });
  }

  async #serve(stats: StatsPlan): Promise<StatsServer> {
    const { serveStats } = await import("../control/stats/server.ts");
    const { statsDocument } = await import("../control/stats/document.ts");
    const { version } = await import("../../package.json", { with: { type: "json" } });
    return await serveStats(stats, () => statsDocument(this.#deps.snapshot(), version, stats.minified));
  }
}

function isPlanted({ address }: StatsPlan): boolean {
  return address.kind === "unix" && plantedBy(resolve(address.path), process.getuid?.() ?? 0) !== null;
}
