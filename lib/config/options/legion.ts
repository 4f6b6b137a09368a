/** Rows of the option table: legions, and the server of statistics. Data only. */
import type { RowSource } from "./option_row.ts";

export const LEGION_ROWS: readonly RowSource[] = [
  {
    name: "legion",
    type: "string",
    repeatable: true,
    help:
      "NAME ADDRESS VALOR CIPHER:SECRET [IV]: take part in a legion; valor 0 is an arbiter, which only votes",
  },
  {
    name: "legion-mcast",
    type: "string",
    repeatable: true,
    help: "NAME GROUP VALOR CIPHER:SECRET [IV]: like legion, with every node reached at a multicast address",
  },
  {
    name: "legion-etcd",
    type: "string",
    repeatable: true,
    help: "NAME URL[,URL...] VALOR [ttl=10] [prefix=/reeve] [user=U:PASSWORD-FILE] [ca=F] [cert=F key=F]: " +
      "a legion whose lord holds a lease of etcd",
  },
  {
    name: "legion-node",
    type: "string",
    repeatable: true,
    help: "NAME ADDRESS: another node of the legion, as HOST:PORT, [IPV6]:PORT or the path of a unix socket",
  },
  {
    name: "legion-mcast-if",
    type: "string",
    repeatable: true,
    help: "NAME INTERFACE: the network interface, by name or address, for the packets of a multicast legion",
  },
  {
    name: "legion-auth",
    type: "string",
    repeatable: true,
    help: "NAME SECRET: sign packets and refuse unsigned ones; every node must be a reeve with this secret",
  },
  {
    name: "legion-quorum",
    type: "string",
    repeatable: true,
    help: "NAME VOTES: what a lord needs; more than half of the nodes rules two lords out",
  },
  {
    name: "legion-freq",
    type: "duration",
    default: "3",
    help: "time between two packets; 50ms is the shortest",
  },
  {
    name: "legion-tolerance",
    type: "duration",
    default: "15",
    help: "silence after which a node counts as gone; 50ms is the shortest",
  },
  {
    name: "legion-skew-tolerance",
    type: "duration",
    default: "60",
    help: "age from which a packet is refused: the largest difference of two clocks",
  },
  {
    name: "legion-death-on-lord-error",
    type: "duration",
    help: "time out of the election after a failed lord hook",
  },
  {
    name: "legion-hook-timeout",
    type: "duration",
    default: "30",
    help: "time that a hook of a legion may take; then it is killed and has failed",
  },
  {
    name: "legion-lord",
    type: "string",
    repeatable: true,
    help: "NAME ACTION:ARGUMENTS: do this before becoming lord",
  },
  {
    name: "legion-unlord",
    type: "string",
    repeatable: true,
    help: "NAME ACTION:ARGUMENTS: do this when no longer lord",
  },
  { name: "legion-setup", type: "string", repeatable: true, help: "NAME ACTION:ARGUMENTS: do this at start" },
  {
    name: "legion-death",
    type: "string",
    repeatable: true,
    help: "NAME ACTION:ARGUMENTS: do this at the end",
  },
  {
    name: "legion-join",
    type: "string",
    repeatable: true,
    help: "NAME ACTION:ARGUMENTS: do this when the quorum is first reached",
  },
  {
    name: "legion-node-joined",
    type: "string",
    repeatable: true,
    help: "NAME ACTION:ARGUMENTS: do this when a node joins",
  },
  {
    name: "legion-node-left",
    type: "string",
    repeatable: true,
    help: "NAME ACTION:ARGUMENTS: do this when a node is gone",
  },
  {
    name: "legion-scroll",
    type: "string",
    repeatable: true,
    help: "NAME TEXT: what this node tells the others",
  },
  {
    name: "legion-scroll-max-size",
    type: "size",
    default: "4096",
    help: "largest scroll that is kept of a node",
  },
  {
    name: "legion-scroll-list-max-size",
    type: "size",
    default: "32768",
    help: "largest list of scrolls that is kept of all nodes",
  },
  {
    name: "legion-attach-daemon",
    type: "string",
    repeatable: true,
    help: "NAME COMMAND: attach-daemon on the lord alone",
  },
  {
    name: "legion-smart-attach-daemon",
    type: "string",
    repeatable: true,
    help: "NAME PIDFILE[,FREQ] COMMAND: smart-attach-daemon on the lord alone; it is stopped with reeve",
  },
  {
    name: "legion-smart-attach-daemon2",
    type: "string",
    repeatable: true,
    help: "NAME PIDFILE[,FREQ] COMMAND: smart-attach-daemon2 on the lord alone; it is stopped with reeve",
  },
];

export const STATISTICS_ROWS: readonly RowSource[] = [
  {
    name: "stats",
    type: "string",
    aliases: ["stats-server"],
    help: "HOST:PORT, :PORT or the path of a unix socket: serve the state as JSON there",
  },
  { name: "stats-http", type: "bool", default: "false", help: "put HTTP headers in front of the statistics" },
  {
    name: "stats-minified",
    type: "bool",
    aliases: ["stats-min"],
    default: "false",
    help: "leave blanks out of the statistics",
  },
];
