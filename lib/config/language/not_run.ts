/**
 * Options of uWSGI that start something of their own: jobs by the clock, and processes beside the workers.
 * Who sets one counts on it to run, and reeve does not run it, which must never be lost in a list of options
 * without interest.
 */

interface NotRun {
  readonly names: ReadonlySet<string>;
  readonly remedy: string;
}

export const NOT_RUN: readonly NotRun[] = [
  {
    names: new Set(
      ("cron cron2 unique-cron legion-cron cron-legion unique-legion-cron unique-cron-legion cron-curl curl-cron " +
        "legion-cron-curl legion-curl-cron cron-curl-legion curl-cron-legion timer signal-timer rbtimer signal-rbtimer")
        .split(" "),
    ),
    remedy: "let cron or a systemd timer run them",
  },
  {
    names: new Set(
      "mule mules farm spooler spooler-external worker-exec worker-exec2".split(" "),
    ),
    remedy: "a program that must run needs an attach-daemon of its own",
  },
  { names: new Set(["emperor"]), remedy: "start a reeve for each vassal that has daemons" },
];

export function isNotRun(name: string): boolean {
  return NOT_RUN.some(({ names }) => names.has(name));
}
