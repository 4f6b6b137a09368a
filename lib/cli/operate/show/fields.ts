/**
 * Reads the fields of what an instance answered. Another version of reeve may have written it, and what
 * daemons say is in it: a field that is absent or of another type is null, and nothing is trusted. Pure.
 */

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

export function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

export function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

/** RFC 3339 to milliseconds since 1970. */
export function timeOf(value: unknown): number | null {
  return typeof value === "string" ? numberOf(Date.parse(value)) : null;
}
