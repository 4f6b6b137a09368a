/**
 * Comments behind values, which INI files of uWSGI do not have: what is written as one is a part of the
 * value. Finds them and adds the sentence to messages; pure, and it never cuts anything off a value by
 * itself.
 */
import type { Diagnostic } from "../diagnostic.ts";
import { formatOrigin, type RawOption } from "../origin.ts";

export const NO_COMMENTS = "a value goes to the end of the line, and there are no comments behind one";

const COMMENT = /\s[;#]/;
/**
 * A value as a message quotes it; one with quotes in it is a command, in which `;` and `#` are the shell's.
 */
const QUOTED_WITH_COMMENT = /"[^"\\]*\s[;#][^"\\]*"/;
/** Where `;` and `#` may be the shell's. */
const COMMANDS =
  /attach-.*daemon|^(?:daemon-)?command$|^exec-|^hook-|^touch-exec$|^legion-(?:lord|unlord|setup|death|join|node-joined|node-left)$/;

/** The text before something that looks like a comment; null where nothing does. */
export function beforeComment(value: string): string | null {
  const at = value.search(COMMENT);
  return at < 0 ? null : value.slice(0, at).trimEnd();
}

/**
 * Every message about a value that has a comment in it says that there are none, whichever option or key it
 * is about.
 */
export function explainComments(list: Diagnostic[], options: readonly RawOption[]): void {
  if (list.every(({ severity }) => severity === "note")) return;
  const withComment = new Set(
    options.filter(({ name, value }) => beforeComment(value) !== null && !COMMANDS.test(name))
      .map(({ origin }) => formatOrigin(origin)),
  );
  list.forEach((found, index) => {
    const { severity, text, origin } = found;
    if (severity === "note" || text.includes(NO_COMMENTS)) return;
    const isAboutValue = QUOTED_WITH_COMMENT.test(text) ||
      severity === "error" && origin !== null && withComment.has(formatOrigin(origin));
    if (isAboutValue) list[index] = { ...found, text: `${text}: ${NO_COMMENTS}` };
  });
}
