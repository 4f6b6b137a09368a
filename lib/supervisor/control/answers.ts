/** The answers of the control socket. */
import type { Snapshot } from "../../control/snapshot.ts";
import { answerNow, refuse } from "../../control/reply.ts";
import { type Handle, reaches } from "../../control/request.ts";

export function controlAnswers(snapshot: () => Snapshot): Handle {
  return ({ method, path, peer }) => {
    if (path !== "/v1/system-info") {
      return Promise.resolve(refuse(404, "not-found", `there is no "${path}"`));
    }
    if (method !== "GET") {
      return Promise.resolve(refuse(405, "method-not-allowed", "it is asked for with GET"));
    }
    if (!reaches(peer.level, "read")) {
      return Promise.resolve(refuse(403, "permission-denied", `uid ${peer.uid} is not in control-allow`));
    }
    return Promise.resolve(answerNow({ instance: snapshot().instance, pid: process.pid }));
  };
}
