/**
 * A value that is made when it is first asked for: a table that not every start reads costs the others
 * nothing. Pure as what makes it. Must never be used for something that has to be let go again.
 */
export function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
