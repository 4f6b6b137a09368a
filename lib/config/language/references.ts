/** Finds `$(...)`, `@(...)` and `%(...)` in a text. Knows where they begin and end; nothing of what they mean. */

export type Sigil = "$" | "@" | "%";

interface Open {
  text: string;
  /** Parentheses without a sigil that are open inside. */
  depth: number;
}

/**
 * Replaces each reference, the innermost first, by what `resolve` gives for the text between its parentheses (in which
 * references are replaced already); null leaves it as it is, and so does a missing ")". Parentheses inside a reference
 * nest. An empty reference is none. One pass, whatever the text.
 */
export function replaceReferences(
  text: string,
  sigil: Sigil,
  resolve: (key: string) => string | null,
): string {
  const opening = `${sigil}(`;
  if (!text.includes(opening)) return text;
  const outside: Open = { text: "", depth: 0 };
  const open = [outside];
  let start = 0;
  let inside = outside;
  for (const stop of text.matchAll(STOPS[sigil])) {
    const found = stop[0];
    if (found === ")" || found === "(") {
      if (inside === outside) continue;
      if (found === "(") inside.depth++;
      else if (inside.depth > 0) inside.depth--;
      else {
        inside.text += text.slice(start, stop.index);
        start = stop.index + 1;
        open.pop();
        const outer = open.at(-1) ?? outside;
        const value = inside.text === "" ? null : resolve(inside.text);
        outer.text += value ?? `${opening}${inside.text})`;
        inside = outer;
      }
    } else {
      inside.text += text.slice(start, stop.index);
      start = stop.index + 2;
      inside = { text: "", depth: 0 };
      open.push(inside);
    }
  }
  inside.text += text.slice(start);
  return open.map((part) => part.text).join(opening);
}

const STOPS: Readonly<Record<Sigil, RegExp>> = {
  "$": /\$\(|[()]/g,
  "@": /@\(|[()]/g,
  "%": /%\(|[()]/g,
};

/** Words that stand between the first `%(` and the last ")": every name that a reference mentions is among them. */
export function mentionedWords(text: string): readonly string[] {
  const from = text.indexOf("%(");
  if (from < 0) return [];
  return text.slice(from, text.lastIndexOf(")")).match(/[^\s()%]+/g) ?? [];
}
