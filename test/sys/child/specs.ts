/** Arbitrary ChildSpecs for properties. */
import fc from "fast-check";
import {
  type ChildSpec,
  CLONE_NEW,
  type Confinement,
  type MountStep,
} from "../../../lib/sys/child/child_spec.ts";

const text = fc.string({ unit: "binary", maxLength: 40 }).filter((value) => !value.includes("\0"));
const someText = text.filter((value) => value !== "");
const id = fc.integer({ min: 0, max: 0xffff_fffe });
const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const orNull = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value);

const rlimit = fc.record({ resource: fc.integer({ min: 0, max: 15 }), first: u64, second: u64 }).map((
  limit,
) => ({
  resource: limit.resource,
  soft: limit.first < limit.second ? limit.first : limit.second,
  hard: limit.first < limit.second ? limit.second : limit.first,
}));

const descriptor = fc.nat({ max: 1_000 });
const namespaceFlags = fc.subarray(
  [CLONE_NEW.mnt, CLONE_NEW.uts, CLONE_NEW.ipc, CLONE_NEW.net, CLONE_NEW.cgroup, CLONE_NEW.user],
  { minLength: 1 },
).map((flags) => flags.reduce((all: number, flag) => all | flag, 0));

const anyMount: fc.Arbitrary<MountStep> = fc.record({
  kind: fc.constantFrom("bind", "new", "remount", "plain", "umount", "devices"),
  source: someText,
  target: someText,
  type: someText,
  data: text,
  flags: fc.constant(0),
  create: fc.boolean(),
  recursive: fc.boolean(),
  optional: fc.boolean(),
  sourceInside: fc.boolean(),
});

/** With the namespaces that its mounts and its name need. */
export const anyConfinement: fc.Arbitrary<Confinement> = fc.record({
  pidNamespace: fc.constant(null),
  newPid: fc.constant(false),
  join: fc.array(fc.record({ fd: descriptor, flags: namespaceFlags }), { maxLength: 4 }),
  unshare: namespaceFlags.map((flags) => flags | CLONE_NEW.mnt | CLONE_NEW.uts | CLONE_NEW.net),
  root: orNull(
    fc.record({ path: someText, how: fc.constantFrom("pivot" as const, "chroot" as const) }),
  ),
  mounts: fc.array(anyMount, { maxLength: 6 }),
  hostname: orNull(fc.string({ minLength: 1, maxLength: 16 }).filter((name) => !name.includes("\0"))),
  shield: fc.boolean(),
  loopback: fc.boolean(),
  readyFd: orNull(descriptor),
});

export const anySpec: fc.Arbitrary<ChildSpec> = fc.record({
  spawnId: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  args: fc.array(text, { minLength: 1, maxLength: 8 }),
  file: fc.oneof(
    fc.record({ path: text.map((value) => `/${value}`), searchPath: orNull(text) }),
    fc.record({ path: someText.map((value) => value.replaceAll("/", "x")), searchPath: text }),
    fc.record({ fd: fc.nat({ max: 1_000 }) }),
  ),
  environment: fc.array(
    fc.tuple(someText.map((name) => name.replaceAll("=", "x")), text).map(([name, value]) =>
      `${name}=${value}`
    ),
    { maxLength: 8 },
  ),
  chdir: orNull(someText),
  uid: orNull(id),
  gid: orNull(id),
  groups: orNull(fc.array(id, { maxLength: 6 })),
  umask: orNull(fc.integer({ min: 0, max: 0o777 })),
  fds: fc.array(
    fc.tuple(fc.nat({ max: 200 }), fc.oneof(fc.nat({ max: 200 }), fc.constant("null" as const))),
    {
      maxLength: 5,
    },
  ).map((entries) => new Map(entries)),
  session: fc.constantFrom("new", "group", "foreground", "same"),
  rlimits: fc.uniqueArray(rlimit, { maxLength: 4, selector: (limit) => limit.resource }),
  caps: orNull(fc.record({ keep: u64, bound: u64 })),
  noNewPrivs: fc.boolean(),
  oomScoreAdj: orNull(fc.integer({ min: -1000, max: 1000 })),
  nice: orNull(fc.integer({ min: -20, max: 19 })),
  cpus: orNull(fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 4 })),
  parentDeathSignal: orNull(fc.integer({ min: 1, max: 64 })),
});
