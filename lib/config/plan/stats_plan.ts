/** The statistics server as a configuration has it. Types only, part of the Plan. */
import type { Origin } from "../origin.ts";

/** stats = ADDRESS: TCP address or unix socket path. */
export interface StatsPlan {
  readonly address:
    | { readonly kind: "tcp"; readonly host: string; readonly port: number }
    | { readonly kind: "unix"; readonly path: string };
  readonly http: boolean;
  readonly minified: boolean;
  readonly origin: Origin;
}
