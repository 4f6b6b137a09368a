/** Whether two values of a Plan mean the same: places in files are no part of the meaning. Pure. */

const PLACES: ReadonlySet<string> = new Set(["origin", "origins"]);

/** An absent field is like an undefined one. */
export function isSame(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false;
    for (let index = 0; index < left.length; index++) if (!isSame(left[index], right[index])) return false;
    return true;
  }
  const [known, others] = [left as Fields, right as Fields];
  for (const name in known) if (!PLACES.has(name) && !isSame(known[name], others[name])) return false;
  for (const name in others) {
    if (known[name] === undefined && others[name] !== undefined && !PLACES.has(name)) return false;
  }
  return true;
}

type Fields = Readonly<Record<string, unknown>>;
