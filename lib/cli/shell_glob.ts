/**
 * Paths that match a shell pattern, as glob(3) finds them: `*`, `?` and `[...]` within a component, a leading dot only by
 * a dot. The directories are listed through an injected function.
 */

/** Names in a directory; null where it cannot be read or is none. */
export type ListDirectory = (path: string) => readonly string[] | null;

/** Sorted; [] when nothing matches. Components without a wildcard are not listed, only tested with `exists`. */
export function shellGlob(pattern: string, list: ListDirectory, exists: (path: string) => boolean): string[] {
  const components = pattern.split("/");
  let paths = [""];
  let isFirst = true;
  for (const [index, component] of components.entries()) {
    const isLast = index === components.length - 1;
    if (component === "") {
      paths = paths.map((path) => isFirst || !path.endsWith("/") ? `${path}/` : path);
      if (isLast && !isFirst) paths = paths.filter(exists);
      isFirst = false;
      continue;
    }
    const matcher = /[*?[]/.test(component) ? componentPattern(component) : null;
    const literal = component.replace(/\\(.)/g, "$1");
    paths = paths.flatMap((path) => {
      const names = matcher === null
        ? [literal]
        : (list(path === "" ? "." : path) ?? []).filter((name) => matcher.test(name));
      return names.map((name) => path === "" || path.endsWith("/") ? `${path}${name}` : `${path}/${name}`);
    });
    if (matcher === null && isLast) paths = paths.filter(exists);
    isFirst = false;
  }
  return paths.filter((path) => path !== "").sort();
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
