/** Rows of the option table: options that belong to parts of reeve not built yet. To set one is an error. Data only. */
import type { RowSource } from "./option_row.ts";

export const LEGION_ROWS: readonly RowSource[] = [
  { name: "legion", type: "list", help: "NAME ADDRESS VALOR CIPHER:SECRET: join a legion" },
  { name: "legion-mcast", type: "list", help: "like legion, over multicast" },
  { name: "legion-node", type: "list", help: "NAME ADDRESS: add a node to a legion" },
  { name: "legion-quorum", type: "list", help: "NAME NUMBER: nodes that must be there" },
  { name: "legion-freq", type: "duration", default: "3", help: "seconds between two packets" },
  {
    name: "legion-tolerance",
    type: "duration",
    default: "15",
    help: "seconds until a silent node counts as dead",
  },
  {
    name: "legion-skew-tolerance",
    type: "duration",
    default: "60",
    help: "largest difference of two clocks",
  },
  {
    name: "legion-death-on-lord-error",
    type: "duration",
    help: "seconds out of the legion after a failed lord hook",
  },
  { name: "legion-lord", type: "list", help: "NAME ACTION: do this when elected" },
  { name: "legion-unlord", type: "list", help: "NAME ACTION: do this when no longer lord" },
  { name: "legion-setup", type: "list", help: "NAME ACTION: do this at start" },
  { name: "legion-death", type: "list", help: "NAME ACTION: do this at the end" },
  { name: "legion-join", type: "list", help: "NAME ACTION: do this when the quorum is first reached" },
  { name: "legion-node-joined", type: "list", help: "NAME ACTION: do this when a node joins" },
  { name: "legion-node-left", type: "list", help: "NAME ACTION: do this when a node leaves" },
  { name: "legion-scroll", type: "list", help: "NAME TEXT: what this node tells the others" },
  { name: "legion-scroll-max-size", type: "int", help: "largest scroll" },
  { name: "legion-scroll-list-max-size", type: "int", help: "largest list of scrolls" },
  { name: "legion-attach-daemon", type: "list", help: "NAME COMMAND: attach-daemon on the lord alone" },
  { name: "legion-smart-attach-daemon", type: "list", help: "NAME PIDFILE COMMAND: likewise, smart" },
  { name: "legion-smart-attach-daemon2", type: "list", help: "NAME PIDFILE COMMAND: likewise, smart2" },
];

export const STATISTICS_ROWS: readonly RowSource[] = [
  {
    name: "stats",
    type: "string",
    aliases: ["stats-server"],
    help: "serve statistics as JSON on this address",
  },
  { name: "stats-http", type: "bool", help: "put HTTP headers in front of the statistics" },
  {
    name: "stats-minified",
    type: "bool",
    aliases: ["stats-min"],
    help: "leave blanks out of the statistics",
  },
];
