/**
 * Reads a request back, after native/reeve.h alone: shares no code with pack.ts, so that a mistake in one
 * shows.
 */

export interface UnpackedRecord {
  readonly tag: number;
  readonly bytes: Uint8Array;
}

export interface UnpackedRequest {
  readonly size: number;
  readonly spawnId: bigint;
  readonly flags: number;
  readonly reportFd: number;
  readonly records: readonly UnpackedRecord[];
}

/** Throws Error for anything that the format forbids. */
export function unpack(bytes: Uint8Array): UnpackedRequest {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== 0x31564552) throw new Error("bad magic");
  const size = view.getUint32(4, true);
  if (size !== bytes.length || size % 8 !== 0) throw new Error(`bad size ${size}`);
  const records: UnpackedRecord[] = [];
  let at = 24;
  while (at < size) {
    const tag = view.getUint16(at, true);
    if (view.getUint16(at + 2, true) !== 0) throw new Error("bad record header");
    const length = view.getUint32(at + 4, true);
    const end = at + 8 + length;
    const next = Math.ceil(end / 8) * 8;
    if (next > size) throw new Error("record past the end");
    for (let pad = end; pad < next; pad++) if (bytes[pad] !== 0) throw new Error("padding is not zero");
    records.push({ tag, bytes: bytes.slice(at + 8, end) });
    at = next;
  }
  return {
    size,
    spawnId: view.getBigUint64(8, true),
    flags: view.getUint32(16, true),
    reportFd: view.getInt32(20, true),
    records,
  };
}

/** All strings with this tag, in order. */
export function strings(request: UnpackedRequest, tag: number): string[] {
  return request.records.filter((record) => record.tag === tag).map(({ bytes }) => {
    if (bytes.length === 0 || bytes.at(-1) !== 0 || bytes.indexOf(0) !== bytes.length - 1) {
      throw new Error("not a string");
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, -1));
  });
}

/** The 32-bit numbers of all records with this tag. */
export function numbers(request: UnpackedRequest, tag: number): number[][] {
  return request.records.filter((record) => record.tag === tag).map(({ bytes }) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from({ length: bytes.length / 4 }, (_, index) => view.getInt32(index * 4, true));
  });
}

/** The u64s of all records with this tag. */
export function words(request: UnpackedRequest, tag: number): bigint[][] {
  return request.records.filter((record) => record.tag === tag).map(({ bytes }) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from({ length: bytes.length / 8 }, (_, index) => view.getBigUint64(index * 8, true));
  });
}
