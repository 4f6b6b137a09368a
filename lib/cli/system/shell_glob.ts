/**
 * Paths that match a shell pattern, as glob(3) finds them: `*`, `?` and `[...]` within a component, a leading
 * dot only by a dot. The directories are listed through an injected function.
 */

/** Names in a directory; null where it cannot be read or is none. */
export type ListDirectory = (path: string) => readonly string[] | null;

/** Sorted; [] when nothing matches. Components without a wildcard are not looked for. */
export function shellGlob(pattern: string, list: ListDirectory, exists: (path: string) => boolean): string[] {
  let paths = [""];
  for (const [index, component] of pattern.split("/").entries()) {
    const matcher = /[*?[]/.test(component) ? componentPattern(component) : null;
    const literal = component.replace(/\\(.)/g, "$1");
    paths = paths.flatMap((path) => {
      const start = index === 0 ? "" : `${path}/`;
      if (matcher === null) return [start + literal];
      return (list(start === "" ? "." : start) ?? []).filter((name) => matcher.test(name)).map((name) =>
        start + name
      );
    });
  }
  return paths.filter((path) => path !== "" && exists(path)).sort();
}

function componentPattern(component: string): RegExp {
  let source = "";
  for (let index = 0; index < component.length; index++) {
    const character = component.charAt(index);
    if (character === "*") source += ".*";
    else if (character === "?") source += ".";
    else if (character === "\\" && index + 1 < component.length) source += escape(component.charAt(++index));
    else if (character === "[") {
      const set = readSet(component, index);
      source += set === null ? "\\[" : set.source;
      index = set?.end ?? index;
    } else source += escape(character);
  }
  const isDotWanted = component.startsWith(".");
  return new RegExp(`^${isDotWanted ? "" : "(?!\\.)"}${source}$`, "su");
}

/** `[abc]`, `[a-z]`, `[!abc]`; a `]` in the first place is itself. null when it is not closed. */
function readSet(component: string, start: number): { source: string; end: number } | null {
  const isNegated = /[!^]/.test(component.charAt(start + 1));
  const first = start + (isNegated ? 2 : 1);
  const end = component.indexOf("]", first + 1);
  if (end < 0) return null;
  const inside = component.slice(first, end).replace(/[\\\]\[&~^]/g, "\\$&");
  const source = `[${isNegated ? "^" : ""}${inside}]`;
  try {
    new RegExp(source, "u");
    return { source, end };
  } catch {
    return null;
  }
}

function escape(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|\/]/, "\\$&");
}
