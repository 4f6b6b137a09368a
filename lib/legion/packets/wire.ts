/**
 * An announcement as the plaintext of a packet and back, key by key as uWSGI 2.0 writes them; unknown keys
 * are ignored, and so are ours by uWSGI. Pure. What comes in is hostile: nothing is believed but what has the
 * right form.
 */
import { decodeBytes, encodeText } from "../../sys/byte_text.ts";
import type { Announcement } from "../election/announcement.ts";
import { type KeyValue, readKeyValues, writeKeyValues } from "./keyvals.ts";

/** Ours: how many announcements this uuid has sent. */
const SEQUENCE_KEY = "reeve_seq";
/** Ours: what it ran as lord is still being stopped. */
const HOLDING_KEY = "reeve_holding";
/** Ours: how often it has ceased to name itself, and the same of whom it names. */
const CANDIDACY_KEY = "reeve_candidacy";
const VOTED_KEY = "reeve_voted";
/** Ours, and always the last: HMAC-SHA-256 over all bytes before it. */
export const MAC_KEY = "reeve_mac";

export interface Decoded {
  readonly announcement: Announcement;
  /** null: the sender counts none. */
  readonly sequence: number | null;
  /**
   * `covers`: how many bytes of the plaintext, from its first on. null: there is none, or something stands
   * behind it.
   */
  readonly mac: { readonly covers: number; readonly value: Uint8Array } | null;
}

const UUID = /^[0-9a-fA-F-]{36}$/;
const UUID_LENGTH = 36;
const NOBODY = new Uint8Array(UUID_LENGTH);
const LONGEST_NAME = 255;
const DIGITS = /^[0-9]{1,20}$/;
const CHECKSUM_LIMIT = 1n << 64n;

const latin1 = new TextDecoder("latin1");

/** The plaintext, without a MAC. Throws RangeError when a text is longer than 65,535 bytes. */
export function encodeAnnouncement(announcement: Announcement, sequence: number | null): Uint8Array {
  const { id, lordUuid, scroll } = announcement;
  const pairs: [string, Uint8Array][] = [
    ["legion", encodeText(announcement.legion)],
    ["valor", number(id.valor)],
    ["unix", number(announcement.unix)],
    ["lord", number(announcement.lord)],
    ["name", encodeText(id.name)],
    ["pid", number(announcement.pid)],
    ["uuid", encodeText(id.uuid)],
    ["checksum", number(announcement.checksum)],
    ["lord_valor", number(announcement.lordValor)],
    // Before its first look at the others uWSGI has 36 zero bytes here.
    ["lord_uuid", lordUuid === "" ? NOBODY : encodeText(lordUuid)],
  ];
  if (scroll !== null && scroll !== "") pairs.push(["scroll", encodeText(scroll)]);
  if (announcement.dead) pairs.push(["dead", number(1)]);
  if (sequence !== null) pairs.push([SEQUENCE_KEY, number(sequence)]);
  if (announcement.holding === true) pairs.push([HOLDING_KEY, number(1)]);
  const { candidacy = 0, votedCandidacy = 0 } = announcement;
  if (candidacy > 0) pairs.push([CANDIDACY_KEY, number(candidacy)]);
  if (votedCandidacy > 0) pairs.push([VOTED_KEY, number(votedCandidacy)]);
  return writeKeyValues(pairs);
}

/** null: no announcement. Of a key that comes twice the last counts, as in uWSGI. */
export function decodeAnnouncement(plain: Uint8Array): Decoded | null {
  const pairs = readKeyValues(plain);
  if (pairs === null) return null;
  const values = new Map(pairs.map(({ key, value }) => [key, value]));
  const legion = values.get("legion");
  const uuid = uuidOf(values.get("uuid"));
  const name = values.get("name");
  if (legion === undefined || uuid === null || uuid === "") return null;
  if (name === undefined || name.length === 0 || name.length > LONGEST_NAME) return null;
  const numbers = numbersOf(values);
  const lordUuid = uuidOf(values.get("lord_uuid"));
  if (numbers === null || lordUuid === null) return null;
  const scroll = values.get("scroll");
  return {
    announcement: {
      legion: decodeBytes(legion),
      id: { uuid, name: decodeBytes(name), valor: numbers.valor },
      pid: numbers.pid,
      unix: numbers.unix,
      lord: numbers.lord,
      checksum: numbers.checksum,
      lordValor: numbers.lordValor,
      lordUuid,
      scroll: scroll === undefined || scroll.length === 0 ? null : decodeBytes(scroll),
      dead: values.has("dead"),
      ...(values.has(HOLDING_KEY) ? { holding: true } : {}),
      ...(numbers.candidacy > 0 ? { candidacy: numbers.candidacy } : {}),
      ...(numbers.votedCandidacy > 0 ? { votedCandidacy: numbers.votedCandidacy } : {}),
    },
    sequence: numbers.sequence,
    mac: macOf(pairs),
  };
}

function number(value: number | bigint): Uint8Array {
  return encodeText(String(value));
}

/** "" for nobody; null: it has not the form of one. */
function uuidOf(bytes: Uint8Array | undefined): string | null {
  if (bytes === undefined || bytes.length !== UUID_LENGTH) return bytes === undefined ? "" : null;
  if (bytes.every((byte) => byte === 0)) return "";
  const text = latin1.decode(bytes);
  return UUID.test(text) ? text : null;
}

type Numbers = Pick<Announcement, "pid" | "unix" | "lord" | "checksum" | "lordValor"> & {
  readonly valor: number;
  readonly sequence: number | null;
  readonly candidacy: number;
  readonly votedCandidacy: number;
};

/** A key that is not there counts as 0, as in uWSGI; null: one has no number. */
function numbersOf(values: ReadonlyMap<string, Uint8Array>): Numbers | null {
  const valor = small(values.get("valor"));
  const pid = small(values.get("pid"));
  const unix = small(values.get("unix"));
  const lord = small(values.get("lord"));
  const lordValor = small(values.get("lord_valor"));
  const checksum = whole(values.get("checksum"));
  const sequence = small(values.get(SEQUENCE_KEY));
  const candidacy = small(values.get(CANDIDACY_KEY));
  const votedCandidacy = small(values.get(VOTED_KEY));
  if (valor === null || pid === null || unix === null || lord === null) return null;
  if (lordValor === null || checksum === null || sequence === null) return null;
  if (candidacy === null || votedCandidacy === null) return null;
  const counted = values.has(SEQUENCE_KEY) ? sequence : null;
  return { valor, pid, unix, lord, lordValor, checksum, sequence: counted, candidacy, votedCandidacy };
}

function whole(bytes: Uint8Array | undefined): bigint | null {
  if (bytes === undefined) return 0n;
  const text = latin1.decode(bytes);
  if (!DIGITS.test(text)) return null;
  const value = BigInt(text);
  return value < CHECKSUM_LIMIT ? value : null;
}

function small(bytes: Uint8Array | undefined): number | null {
  const value = whole(bytes);
  return value === null || value > Number.MAX_SAFE_INTEGER ? null : Number(value);
}

function macOf(pairs: readonly KeyValue[]): Decoded["mac"] {
  const last = pairs.at(-1);
  return last?.key === MAC_KEY ? { covers: last.offset, value: last.value } : null;
}
