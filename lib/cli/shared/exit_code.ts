/** The exit codes of the program, by class. README.md documents them. */
export const EXIT = {
  /** Stopped as asked, or the command did what it is for. */
  ok: 0,
  /** A failure while running, or a hook that must not fail. */
  failure: 1,
  /** Wrong words on the command line, or a wrong configuration. */
  usage: 2,
  /** The entrypoint form's COMMAND cannot be executed. */
  cannotExecute: 126,
  /** The entrypoint form's COMMAND does not exist. */
  notFound: 127,
} as const;
