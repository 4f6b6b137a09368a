/**
 * Bytes of a file to text and lines. Knows UTF-8, the byte order mark and line ends; nothing of any format.
 * Bytes that are no UTF-8 do not stop it: old files have them in comments, so only a line that is used is
 * checked.
 */

/** Stands for a byte that is no UTF-8: a lone surrogate, which no decoded text can contain. */
export const BAD_BYTE = "\udc80";

/** Text of a file, without its byte order mark; bytes that are no UTF-8 become BAD_BYTE. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return decodeLoosely(bytes);
  }
}

/** Replaces every malformed byte; the replacement character itself, where a file has it, stays. */
function decodeLoosely(bytes: Uint8Array): string {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  let start = 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline + 1;
    const line = bytes.subarray(start, end);
    try {
      text += decoder.decode(line);
    } catch {
      text += new TextDecoder("utf-8", { ignoreBOM: true }).decode(line).replaceAll("\ufffd", BAD_BYTE);
    }
    start = end;
  }
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

/** The fault that makes a line unusable, in words, or null. uWSGI ends a value at a NUL in silence. */
export function problemOfLine(line: string, longest: number): string | null {
  if (line.length > longest) return `it has ${line.length} characters, ${longest} is the most`;
  if (line.includes("\0")) return "it contains a NUL byte: remove it";
  if (line.includes(BAD_BYTE)) return "it is not valid UTF-8: convert the file";
  return null;
}
