/**
 * Finds `$(...)`, `@(...)` and `%(...)` in a text. Knows where they begin and end; nothing of what they mean.
 */

export type Sigil = "$" | "@" | "%";

interface Open {
  text: string;
  /** Parentheses without a sigil that are open inside. */
  depth: number;
}

/**
 * Replaces each reference, the innermost first, by what `resolve` gives for the text between its parentheses
 * (in which references are replaced already). It leaves as it is what is no reference: one that `resolve`
 * answers with null, an empty one, one without its ")", and, as in uWSGI, whatever holds its own sigil still:
 * `@(user@host)`, `%(a%(b))` where b is not known. Parentheses inside a reference nest. One pass, whatever
 * the text.
 */
export function replaceReferences(
  text: string,
  sigil: Sigil,
  resolve: (key: string) => string | null,
): string {
  const opening = `${sigil}(`;
  if (!text.includes(opening)) return text;
  /** The text that is decided, and then each reference that is open, outermost first. */
  let done = "";
  let open: Open[] = [];
  let start = 0;
  const take = (end: number): string => {
    const taken = text.slice(start, end);
    start = end;
    return taken;
  };
  const giveUp = (): void => {
    done += open.map((one) => opening + one.text).join("");
    open = [];
  };
  for (const { 0: found, index } of text.matchAll(STOPS[sigil])) {
    const inside = open.at(-1);
    if (found === opening) {
      if (inside === undefined) done += take(index);
      else inside.text += take(index);
      start = index + opening.length;
      open.push({ text: "", depth: 0 });
    } else if (inside === undefined) {
      continue;
    } else if (found === sigil) {
      giveUp();
    } else if (found === "(") {
      inside.depth++;
    } else if (inside.depth > 0) {
      inside.depth--;
    } else {
      inside.text += take(index);
      const value = inside.text === "" ? null : resolve(inside.text);
      if (value === null) {
        giveUp();
        continue;
      }
      start = index + 1;
      open.pop();
      const outer = open.at(-1);
      if (outer === undefined) done += value;
      else outer.text += value;
    }
  }
  giveUp();
  return done + text.slice(start);
}

const STOPS: Readonly<Record<Sigil, RegExp>> = {
  "$": /\$\(?|[()]/g,
  "@": /@\(?|[()]/g,
  "%": /%\(?|[()]/g,
};

/**
 * Words that stand between the first `%(` and the last ")": every name that a reference mentions is among
 * them.
 */
export function mentionedWords(text: string): readonly string[] {
  const from = text.indexOf("%(");
  if (from < 0) return [];
  return text.slice(from, text.lastIndexOf(")")).match(/[^\s()%]+/g) ?? [];
}

const NONE: readonly string[] = [];
/** Python's formats, `%(name)s`, are meant for the daemon. */
const UNDEFINED = /%\(([A-Za-z0-9_.-]+)\)(?![-#0 +]*[0-9]*(?:\.[0-9]+)?[diouxXeEfFgGcrsa](?![A-Za-z]))/g;

/** Names of what looks like a reference in a text that was expanded. */
export function undefinedReferences(text: string): readonly string[] {
  if (!text.includes("%(")) return NONE;
  return [...text.matchAll(UNDEFINED)].map(([, key = ""]) => key);
}
