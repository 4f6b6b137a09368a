/** A plain ChildSpec, for tests to change. */
import type { ChildSpec } from "../../../lib/sys/child/child_spec.ts";

/** /bin/true with everything else left alone. */
export const PLAIN: ChildSpec = {
  spawnId: 1,
  args: ["true"],
  file: { path: "/bin/true", searchPath: null },
  environment: [],
  chdir: null,
  uid: null,
  gid: null,
  groups: null,
  umask: null,
  fds: new Map([[0, "null"], [1, "null"], [2, "null"]]),
  session: "new",
  rlimits: [],
  caps: null,
  noNewPrivs: false,
  oomScoreAdj: null,
  nice: null,
  cpus: null,
  parentDeathSignal: null,
};
