/**
 * A short number for a text, to tell one from many. Pure. Must never be used where somebody may want two to
 * be the same.
 */

/** FNV-1a over UTF-16 units, 32 bits. */
export function shortHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}
