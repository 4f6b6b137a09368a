import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type ChildSpec, CLONE_NEW, UNCONFINED } from "../../../lib/sys/child/child_spec.ts";
import { packInit, packSpec } from "../../../lib/sys/child/pack.ts";
import { FLAG, TAG } from "../../../lib/sys/native/constants.ts";
import { PLAIN } from "./plain.ts";
import { PROC } from "../process/jails.ts";
import { anyConfinement, anySpec } from "./specs.ts";
import { numbers, strings, unpack, words } from "./unpack.ts";

/** Strings one after the other, each with its NUL. */
const texts = (bytes: Uint8Array): string[] => new TextDecoder().decode(bytes).split("\0").slice(0, -1);

const OPTIONS = { reportFd: 9, parent: 4_000_000 };

describe("a packed spec", () => {
  test("reads back as what was packed, for any spec", () => {
    fc.assert(
      fc.property(anySpec, (spec) => {
        const request = unpack(packSpec(spec, OPTIONS));
        const one = (value: number | null): number[][] => value === null ? [] : [[value | 0]];
        expect(request.spawnId).toBe(BigInt(spec.spawnId));
        expect(request.reportFd).toBe(9);
        expect(strings(request, TAG.arg)).toEqual([...spec.args]);
        expect(strings(request, TAG.env)).toEqual([...spec.environment]);
        expect(strings(request, TAG.chdir)).toEqual(spec.chdir === null ? [] : [spec.chdir]);
        expect(numbers(request, TAG.uid)).toEqual(one(spec.uid));
        expect(numbers(request, TAG.gid)).toEqual(one(spec.gid));
        expect(numbers(request, TAG.umask)).toEqual(one(spec.umask));
        expect(numbers(request, TAG.oom)).toEqual(one(spec.oomScoreAdj));
        expect(numbers(request, TAG.nice)).toEqual(one(spec.nice));
        expect(numbers(request, TAG.pdeathsig)).toEqual(one(spec.parentDeathSignal));
        expect(numbers(request, TAG.parent)).toEqual(spec.parentDeathSignal === null ? [] : [[4_000_000]]);
        expect(numbers(request, TAG.groups).flat().map((group) => group >>> 0)).toEqual([
          ...spec.groups ?? [],
        ]);
        expect((request.flags & FLAG.clearGroups) !== 0).toBe(spec.groups?.length === 0);
        expect((request.flags & FLAG.noNewPrivs) !== 0).toBe(spec.noNewPrivs);
        expect(numbers(request, TAG.fd)).toEqual(
          [...spec.fds].map(([target, source]) => [source === "null" ? -1 : source, target]),
        );
        expect(words(request, TAG.rlimit)).toEqual(
          spec.rlimits.map((limit) => [BigInt(limit.resource), limit.soft, limit.hard]),
        );
        expect(words(request, TAG.caps)).toEqual(
          spec.caps === null || spec.caps.keep === null ? [] : [[spec.caps.keep]],
        );
        if ("fd" in spec.file) {
          expect(numbers(request, TAG.execFd)).toEqual([[spec.file.fd]]);
          expect(request.flags & FLAG.execFd).toBe(FLAG.execFd);
        } else {
          expect(strings(request, TAG.path)).toEqual([spec.file.path]);
          const searched = !spec.file.path.includes("/");
          expect((request.flags & FLAG.pathSearch) !== 0).toBe(searched);
          expect(strings(request, TAG.pathDirs)).toEqual(searched ? [spec.file.searchPath ?? ""] : []);
        }
        const cpus = request.records.find((record) => record.tag === TAG.cpus)?.bytes;
        for (const cpu of spec.cpus ?? []) expect((cpus?.[cpu >> 3] ?? 0) & (1 << (cpu & 7))).not.toBe(0);
      }),
    );
  });

  test("carries where the child lives, for any confinement", () => {
    fc.assert(
      fc.property(anyConfinement, (confinement) => {
        const request = unpack(packSpec({ ...PLAIN, confinement }, OPTIONS));
        const { join, unshare, root, mounts, hostname, readyFd, loopback } = confinement;
        expect(numbers(request, TAG.setns)).toEqual(join.map(({ fd, flags }) => [fd, flags | 0]));
        expect(numbers(request, TAG.unshare)).toEqual([[unshare | 0]]);
        expect(strings(request, TAG.hostname)).toEqual(hostname === null ? [] : [hostname]);
        expect(numbers(request, TAG.ready)).toEqual(readyFd === null ? [] : [[readyFd]]);
        expect((request.flags & FLAG.loopback) !== 0).toBe(loopback);
        const roots = request.records.filter(({ tag }) => tag === TAG.root);
        expect(roots.map(({ bytes }) => [bytes[0], texts(bytes.slice(8))])).toEqual(
          root === null ? [] : [[root.how === "pivot" ? 1 : 2, [root.path]]],
        );
        const packed = request.records.filter(({ tag }) => tag === TAG.mount);
        expect(packed.map(({ bytes }) => texts(bytes.slice(16)))).toEqual(
          mounts.map(({ source, target, type, data }) => [source, target, type, data]),
        );
        const kinds = ["bind", "new", "remount", "plain", "umount", "devices"];
        expect(packed.map(({ bytes }) => kinds[bytes[0]! - 1])).toEqual(mounts.map(({ kind }) => kind));
        expect(packed.map(({ bytes }) => bytes[4])).toEqual(
          mounts.map((step) =>
            Number(step.create) + 2 * Number(step.recursive) + 4 * Number(step.optional) +
            8 * Number(step.sourceInside)
          ),
        );
      }),
    );
  });

  test("without a program has none in it, and says so", () => {
    for (const role of ["jail", "none"] as const) {
      const request = unpack(packSpec({ ...PLAIN, args: [], role }, OPTIONS));
      expect(request.flags & FLAG.noExec).toBe(FLAG.noExec);
      expect([strings(request, TAG.arg), strings(request, TAG.path)]).toEqual([[], []]);
    }
  });

  test("has the pipe of the parent's life where a death signal is asked for", () => {
    const spec = { ...PLAIN, parentDeathSignal: 9 };
    expect(numbers(unpack(packSpec(spec, { ...OPTIONS, lifeFd: 8 })), TAG.life)).toEqual([[8]]);
    expect(numbers(unpack(packSpec(spec, OPTIONS)), TAG.life)).toEqual([]);
    expect(numbers(unpack(packSpec(PLAIN, { ...OPTIONS, lifeFd: 8 })), TAG.life)).toEqual([]);
  });

  test("keeps an environment's encoding per array, and gives other arrays their own", () => {
    const environment = ["A=1"];
    const first = packSpec({ ...PLAIN, environment }, OPTIONS);
    expect(packSpec({ ...PLAIN, environment }, OPTIONS)).toEqual(first);
    const other = packSpec({ ...PLAIN, environment: ["A=2"] }, OPTIONS);
    expect(strings(unpack(other), TAG.env)).toEqual(["A=2"]);
  });

  test("grows for arguments of megabytes, and is small again afterwards", () => {
    const long = "é".repeat(3_000_000);
    const request = unpack(packSpec({ ...PLAIN, args: ["x", long] }, OPTIONS));
    expect(strings(request, TAG.arg)[1]).toBe(long);
    expect(packSpec(PLAIN, OPTIONS).buffer.byteLength).toBeLessThan(1_000);
  });

  test("of init carries its options", () => {
    const init = { restart: true, forwardGroup: false, stopOrphans: true, graceMs: 2_500 };
    const request = unpack(packInit(PLAIN, init, { reportFd: null, parent: 1 }));
    expect(request.reportFd).toBe(-1);
    expect(request.flags & (FLAG.restart | FLAG.forwardGroup | FLAG.stopOrphans)).toBe(
      FLAG.restart | FLAG.stopOrphans,
    );
    expect(numbers(request, TAG.graceMs)).toEqual([[2_500]]);
  });
});

describe("a spec is refused", () => {
  // What JavaScript may hand over where TypeScript says it cannot; each would be 0 to C: root, everybody, no
  // signal.
  const wrong = [undefined, NaN, {}, "0", 1.5, -1, 2 ** 32, Infinity] as unknown as number[];
  const fields = ["spawnId", "uid", "gid", "umask", "oomScoreAdj", "nice", "parentDeathSignal"] as const;
  for (const field of fields) {
    test(`when ${field} is not the number it must be`, () => {
      for (const value of wrong) {
        if (field === "spawnId" && value === 2 ** 32) continue;
        if ((field === "oomScoreAdj" || field === "nice") && value === -1) continue;
        expect(() => packSpec({ ...PLAIN, [field]: value }, OPTIONS)).toThrow(RangeError);
      }
    });
  }

  const cases: Record<string, [Partial<ChildSpec>, RegExp]> = {
    "when uid is 2^32-1, which means unchanged to the kernel": [{ uid: 0xffff_ffff }, /uid is 4294967295/],
    "when a parent-death signal is 0": [{ parentDeathSignal: 0 }, /parent-death signal is 0/],
    "when a group is no number": [{ groups: [NaN] }, /supplementary group is NaN/],
    "when there are no arguments": [{ args: [] }, /arguments are empty/],
    "when an argument holds a NUL": [{ args: ["a\0b"] }, /argument "a\\u0000b" holds a NUL/],
    "when an argument holds half a surrogate pair": [{ args: ["\ud800"] }, /not well-formed/],
    "when an argument is no string": [{ args: [7 as unknown as string] }, /argument is 7, wanted a string/],
    "when the environment has an entry without a name": [{ environment: ["=x"] }, /not NAME=value/],
    "when the environment has an entry without a value": [{ environment: ["PATH"] }, /not NAME=value/],
    "when chdir is empty": [{ chdir: "" }, /chdir is empty/],
    "when the file is empty": [{ file: { path: "", searchPath: null } }, /file to execute is empty/],
    "when the file has no slash and there is no search path": [
      { file: { path: "sh", searchPath: null } },
      /no search path/,
    ],
    "when a soft limit is above its hard limit": [
      { rlimits: [{ resource: 7, soft: 2n, hard: 1n }] },
      /above the hard limit/,
    ],
    "when a limit comes twice": [
      { rlimits: [{ resource: 7, soft: 1n, hard: 1n }, { resource: 7, soft: 2n, hard: 2n }] },
      /rlimit resource 7 is there twice/,
    ],
    "when a limit is no bigint": [
      { rlimits: [{ resource: 7, soft: 1 as unknown as bigint, hard: 1n }] },
      /soft limit is 1/,
    ],
    "when a descriptor of the child is negative": [
      { fds: new Map([[-1, 0]]) },
      /descriptor of the child is -1/,
    ],
    "when a source descriptor is undefined": [
      { fds: new Map([[0, undefined as unknown as number]]) },
      /source of descriptor 0 is undefined/,
    ],
    "when it asks for more descriptors than the helper takes": [
      { fds: new Map(Array.from({ length: 1_025 }, (_, index) => [index, "null" as const])) },
      /1025 descriptors/,
    ],
    "when its session is no known word": [{ session: "old" as "new" }, /session is "old"/],
    "when noNewPrivs is no boolean": [
      { noNewPrivs: undefined as unknown as boolean },
      /noNewPrivs is undefined/,
    ],
    "when a CPU is out of range": [{ cpus: [100_000] }, /cpu is 100000/],
    "when it has mounts and no namespace for them": [
      { confinement: { ...UNCONFINED, mounts: [PROC] } },
      /mounts, and no mount namespace/,
    ],
    "when it has mounts and joins no mount namespace": [
      { confinement: { ...UNCONFINED, mounts: [PROC], join: [{ fd: 3, flags: CLONE_NEW.uts }] } },
      /mounts, and no mount namespace/,
    ],
    "when the host's root would be another one": [
      { confinement: { ...UNCONFINED, root: { path: "/r", how: "pivot" } } },
      /no new mount namespace for it/,
    ],
    "when the host would get another name": [
      { confinement: { ...UNCONFINED, hostname: "h" } },
      /no uts namespace/,
    ],
    "when a host name is too long": [
      { confinement: { ...UNCONFINED, unshare: CLONE_NEW.uts, hostname: "h".repeat(65) } },
      /has 65 bytes, wanted 1 to 64/,
    ],
    "when the host's lo would be brought up": [
      { confinement: { ...UNCONFINED, loopback: true } },
      /no new net namespace/,
    ],
    "when a PID namespace is to be unshared": [
      { confinement: { ...UNCONFINED, unshare: CLONE_NEW.pid } },
      /new namespaces are 0x20000000/,
    ],
    "when a joined namespace is of no kind": [
      { confinement: { ...UNCONFINED, join: [{ fd: 3, flags: 0 }] } },
      /joined namespaces is 0/,
    ],
    "when a namespace descriptor is undefined": [
      {
        confinement: { ...UNCONFINED, join: [{ fd: undefined as unknown as number, flags: CLONE_NEW.uts }] },
      },
      /namespace descriptor is undefined/,
    ],
    "when a mount has flags that its kind cannot have": [
      {
        confinement: {
          ...UNCONFINED,
          unshare: CLONE_NEW.mnt,
          mounts: [{ ...PROC, kind: "bind", flags: 1 << 18 }],
        },
      },
      /mount flags are 0x40000, which a "bind" cannot have/,
    ],
    "when a mount has no target": [
      { confinement: { ...UNCONFINED, unshare: CLONE_NEW.mnt, mounts: [{ ...PROC, target: "" }] } },
      /mount point is empty/,
    ],
    "when a text of a mount is too long": [
      {
        confinement: {
          ...UNCONFINED,
          unshare: CLONE_NEW.mnt,
          mounts: [{ ...PROC, data: "é".repeat(2_048) }],
        },
      },
      /has 4096 bytes, at most 4095/,
    ],
    "when a mount's option is no boolean": [
      {
        confinement: {
          ...UNCONFINED,
          unshare: CLONE_NEW.mnt,
          mounts: [{ ...PROC, create: 1 as unknown as boolean }],
        },
      },
      /create is 1, wanted a boolean/,
    ],
    "when capabilities are no bigint": [
      { caps: { keep: 1 as unknown as bigint, bound: 0n } },
      /capabilities is 1/,
    ],
  };
  for (const [condition, [change, message]] of Object.entries(cases)) {
    test(condition, () => {
      expect(() => packSpec({ ...PLAIN, ...change }, OPTIONS)).toThrow(message);
    });
  }

  test("when it is larger than the helper accepts", () => {
    const args = Array.from({ length: 9 }, () => "x".repeat(2 << 20));
    expect(() => packSpec({ ...PLAIN, args }, OPTIONS)).toThrow(/at most 16777216/);
    expect(strings(unpack(packSpec(PLAIN, OPTIONS)), TAG.arg)).toEqual(["true"]);
  });
});
