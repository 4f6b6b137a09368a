/** Whether two values of a Plan mean the same: places in files are no part of the meaning. Pure. */

const PLACES: ReadonlySet<string> = new Set(["origin", "origins"]);

export function isSame(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const [known, others] = [meaningOf(left), meaningOf(right)];
  return known.size === others.size && [...known].every(([name, value]) => isSame(value, others.get(name)));
}

/** An absent field is like an undefined one. */
function meaningOf(value: object): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(value).filter(([name, part]) => part !== undefined && !PLACES.has(name)));
}
