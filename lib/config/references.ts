/** Finds `$(...)`, `@(...)` and `%(...)` in a text. Knows where they begin and end; nothing of what they mean. */

export type Symbol = "$" | "@" | "%";

/** What one reference holds. */
export interface Reference {
  /** The text between the parentheses, references inside it already replaced. */
  readonly key: string;
  /** Whether the symbol itself is left in the key: a reference inside that stands for nothing, or a lone symbol. */
  readonly broken: boolean;
}

interface Open {
  text: string;
  broken: boolean;
  /** Parentheses without a symbol that are open inside. */
  depth: number;
}

/**
 * Replaces each reference, the innermost first, by what `resolve` gives for it; null leaves it as it is, and so does a
 * missing ")". Parentheses inside a reference nest. An empty reference is none. One pass, whatever the text.
 */
export function replaceReferences(
  text: string,
  symbol: Symbol,
  resolve: (reference: Reference) => string | null,
): string {
  const opening = `${symbol}(`;
  if (!text.includes(opening)) return text;
  const outside: Open = { text: "", broken: false, depth: 0 };
  const open = [outside];
  let start = 0;
  let inside = outside;
  for (const stop of text.matchAll(STOPS[symbol])) {
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
        const value = inside.text === "" ? null : resolve({ key: inside.text, broken: inside.broken });
        outer.text += value ?? `${opening}${inside.text})`;
        if (value === null) outer.broken = true;
        inside = outer;
      }
    } else if (found === opening) {
      inside.text += text.slice(start, stop.index);
      start = stop.index + 2;
      inside = { text: "", broken: false, depth: 0 };
      open.push(inside);
    } else {
      inside.broken = true;
    }
  }
  inside.text += text.slice(start);
  return open.map((part) => part.text).join(opening);
}

const STOPS: Readonly<Record<Symbol, RegExp>> = {
  "$": /\$\(|[$()]/g,
  "@": /@\(|[@()]/g,
  "%": /%\(|[%()]/g,
};

/** Words that stand between the first `%(` and the last ")": every name that a reference mentions is among them. */
export function mentionedWords(text: string): readonly string[] {
  const from = text.indexOf("%(");
  if (from < 0) return [];
  return text.slice(from, text.lastIndexOf(")")).match(/[^\s()%]+/g) ?? [];
}
