/** From a request to its reply: finds the route, sees whether the peer may, turns a refusal into words. */
import { refuse } from "../reply.ts";
import { type Handle, type Level, reaches } from "../request.ts";
import { type ControlDeps, Refusal } from "./deps.ts";
import { findRoute } from "./route.ts";
import { ROUTES } from "./routes.ts";

export function answering(deps: ControlDeps): Handle {
  return async (request) => {
    const { route, parts, methods } = findRoute(ROUTES, request.method, request.path);
    if (route === null) {
      if (methods.length === 0) return refuse(404, "not-found", `there is no path "${request.path}"`);
      const text = `"${request.path}" takes ${methods.join(" and ")}, not ${request.method}`;
      return refuse(405, "method-not-allowed", text);
    }
    if (!reaches(request.peer.level, route.level)) {
      return refuse(403, "permission-denied", deniedText(route.level, request.peer.uid));
    }
    try {
      return await route.handle({ ...request, parts }, deps);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return refuse(error.status, error.kind, error.message, error.value);
    }
  };
}

function deniedText(level: Level, uid: number): string {
  return `uid ${uid} may not: this needs the level ${level}, which control-allow gives`;
}
