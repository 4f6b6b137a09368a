/** A row of the table of routes, and how a request finds its own. Pure. */
import type { Level, Reply, Request } from "../request.ts";
import type { ControlDeps } from "./deps.ts";

export interface Call extends Request {
  /** The parts of the path that the route leaves open. */
  readonly parts: Readonly<Record<string, string>>;
}

export interface Route {
  readonly method: "GET" | "POST";
  /** A part in braces is any. */
  readonly path: string;
  readonly level: Level;
  /** Says in a sentence what it does, and what it takes. */
  readonly about: string;
  /** The words behind `curl --unix-socket SOCKET`: options, then path and query. */
  readonly example: readonly string[];
  /** Throws Refusal. */
  readonly handle: (call: Call, deps: ControlDeps) => Reply | Promise<Reply>;
}

export interface Found {
  readonly route: Route | null;
  readonly parts: Readonly<Record<string, string>>;
  /** The methods that the path has; none: there is no such path. */
  readonly methods: readonly string[];
}

export function findRoute(routes: readonly Route[], method: string, path: string): Found {
  const matching = routes.flatMap((route) => {
    const parts = partsOf(route.path, path);
    return parts === null ? [] : [{ route, parts }];
  });
  const found = matching.find(({ route }) => route.method === method);
  return {
    route: found?.route ?? null,
    parts: found?.parts ?? {},
    methods: [...new Set(matching.map(({ route }) => route.method))],
  };
}

/** null: it is another path. */
function partsOf(form: string, path: string): Readonly<Record<string, string>> | null {
  const [wanted, given] = [form.split("/"), path.split("/")];
  if (wanted.length !== given.length) return null;
  const parts: Record<string, string> = {};
  for (const [index, word] of wanted.entries()) {
    const part = given[index] ?? "";
    if (word.startsWith("{")) {
      if (part === "") return null;
      parts[word.slice(1, -1)] = part;
    } else if (word !== part) return null;
  }
  return parts;
}
