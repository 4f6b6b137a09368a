/** The exit codes of the program, by class. README.md documents them. */
export const EXIT = {
  /** Stopped as asked, or the command did what it is for. */
  ok: 0,
  /** A failure while running, or a hook that must not fail. */
  failure: 1,
  /** Wrong words on the command line, a wrong configuration, or several instances and none was named. */
  usage: 2,
  /** A daemon is not up, which was asked; or what was compared differs. */
  notUp: 3,
  /** Not allowed; of `status` also a name that is unknown. */
  denied: 4,
  /** There is no daemon of that name. */
  unknownName: 5,
  /** No instance runs that could be asked. */
  noInstance: 7,
  /** It was not done in time. */
  timeout: 124,
  /** The entrypoint form's COMMAND cannot be executed. */
  cannotExecute: 126,
  /** The entrypoint form's COMMAND does not exist. */
  notFound: 127,
  /** The command was ended by Ctrl-C. */
  interrupted: 130,
} as const;
