/** Options made of options (declare-option). Pure: a template and a value give names and values. */

export interface CustomOption {
  readonly name: string;
  readonly parts: readonly { readonly name: string; readonly value: string }[];
  /** uWSGI asks for an argument on the command line only where $1, $2 or $3 is in the template. */
  readonly takesArgument: boolean;
}

/**
 * `name=option=value;option=value`; null where there is no "=". uWSGI: what comes after a part without "=" is
 * lost.
 */
export function parseCustomOption(text: string): { option: CustomOption; lost: string | null } | null {
  const equals = text.indexOf("=");
  if (equals < 0) return null;
  const template = text.slice(equals + 1);
  const parts: { name: string; value: string }[] = [];
  let lost: string | null = null;
  for (const part of template.split(";")) {
    if (part === "") continue;
    const at = part.indexOf("=");
    if (at < 0) {
      lost = part;
      break;
    }
    parts.push({ name: part.slice(0, at), value: part.slice(at + 1) });
  }
  const takesArgument = /\$[123]/.test(template);
  return { option: { name: text.slice(0, equals), parts, takesArgument }, lost };
}

/** The words of a value, separated by spaces; an empty value is one empty word. */
export function customArguments(value: string): readonly string[] {
  const words = value.split(" ").filter((word) => word !== "");
  return words.length === 0 ? [""] : words;
}

/**
 * Replaces $1, $2 ... by the words; the longest number that there is a word for counts, others stay as they
 * are.
 */
export function fillTemplate(template: string, words: readonly string[]): string {
  return template.replace(/\$([1-9][0-9]*)/g, (whole, digits: string) => {
    for (let length = digits.length; length > 0; length--) {
      const word = words[Number(digits.slice(0, length)) - 1];
      if (word !== undefined) return word + digits.slice(length);
    }
    return whole;
  });
}
