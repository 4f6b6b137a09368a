/** Rows of the option table: namespaces, roots and what is kept in them. Data only. */
import type { RowSource } from "./option_row.ts";

const FORKED = "every daemon is forked after the jail was made, and reeve itself stays outside it";
const NO_CGROUPS = { served: "later", why: "control groups" } as const;

export const JAIL_ROWS: readonly RowSource[] = [
  {
    name: "namespace",
    type: "string",
    aliases: ["ns"],
    help: "ROOT[:HOSTNAME]: run daemons and inner hooks under this root, in pid, mnt, uts and ipc namespaces",
  },
  {
    name: "namespace-net",
    type: "string",
    aliases: ["ns-net"],
    help: "give the jail a network namespace with nothing but a loopback; without namespace: ROOT[:HOSTNAME]",
  },
  {
    name: "namespace-keep-mount",
    type: "list",
    help: "PATH or SOURCE:TARGET: a directory or file of the host that is seen inside the jail",
  },
  {
    name: "namespace-bare",
    type: "bool",
    default: "false",
    help: "mount nothing but /proc and the keep-mounts, and leave the jail's /dev alone",
  },
  {
    name: "namespace-env",
    type: "string",
    default: "clean in a root of its own, else inherit",
    help: "environment to which env adds: clean (PATH, TERM and LANG alone) or inherit (reeve's own)",
  },
  {
    name: "unshare",
    type: "string",
    help: "pid,fs,net,uts,ipc,cgroup,user: run the daemons in new namespaces of these kinds",
  },
  { name: "unshare2", type: "string", help: "like unshare: both are made after the change of the root" },
  {
    name: "setns",
    type: "path",
    help: "join the namespaces that this socket hands out, or a namespace file, or a directory of them",
  },
  { name: "setns-socket", type: "path", help: "hand out the instance's namespaces on this socket, to root" },
  {
    name: "setns-socket-skip",
    type: "string",
    repeatable: true,
    aliases: ["setns-skip"],
    help: "a name under /proc/self/ns that setns-socket does not hand out",
  },
  {
    name: "setns-preopen",
    type: "bool",
    served: "always",
    why: "reeve holds the jail's namespaces open from the moment they are made",
    help: "open the namespaces as soon as possible",
  },
  { name: "chroot", type: "path", help: "change the root directory of daemons and inner hooks, and no more" },
  {
    name: "pivot-root",
    type: "string",
    aliases: ["pivot_root"],
    help: "NEW OLD: make NEW the root in a mount namespace; the old root is seen at OLD, beneath NEW",
  },
  {
    name: "refork",
    type: "bool",
    aliases: ["re-fork"],
    served: "accepted",
    why: FORKED,
    help: "fork again after dropping privileges",
  },
  {
    name: "refork-as-root",
    type: "bool",
    aliases: ["re-fork-as-root"],
    served: "accepted",
    why: FORKED,
    help: "fork again before dropping privileges",
  },
  {
    name: "refork-post-jail",
    type: "bool",
    aliases: ["re-fork-post-jail"],
    served: "accepted",
    why: FORKED,
    help: "fork again after jailing",
  },
  { name: "jailed", type: "bool", default: "false", help: "run the post-jail hooks without a jail too" },
  { name: "cgroup", type: "list", help: "put the processes into this cgroup", ...NO_CGROUPS },
  { name: "cgroup-opt", type: "list", help: "NAME=VALUE: write a file of the cgroup", ...NO_CGROUPS },
  {
    name: "cgroup-dir-mode",
    type: "string",
    help: "mode of a cgroup directory that is created",
    ...NO_CGROUPS,
  },
];
