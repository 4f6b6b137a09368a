/** A plain ChildSpec, for tests to change. */
import { type ChildSpec, EMPTY_CHILD } from "../../../lib/sys/child/child_spec.ts";

/** /bin/true with everything else left alone. */
export const PLAIN: ChildSpec = {
  ...EMPTY_CHILD,
  spawnId: 1,
  args: ["true"],
  file: { path: "/bin/true", searchPath: null },
};
