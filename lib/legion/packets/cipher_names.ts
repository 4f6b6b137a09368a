/**
 * The ciphers that a legion may use, by OpenSSL's names: what uWSGI can name and the runtime offers. Counter
 * modes, RC4 and authenticated modes are left out: uWSGI begins every packet at the same counter or
 * keystream, if at all, and cannot carry a tag. Pure: to check a configuration loads no cryptography.
 */

export interface CipherShape {
  /** As the runtime knows it. */
  readonly name: string;
  readonly mode: "cbc" | "ecb" | "cfb" | "ofb";
  /** Bytes. */
  readonly keyLength: number;
  readonly ivLength: number;
  readonly blockLength: number;
}

function shape(name: string, mode: CipherShape["mode"], keyLength: number, blockLength: number): CipherShape {
  return { name, mode, keyLength, blockLength, ivLength: mode === "ecb" ? 0 : blockLength };
}

const SHAPES: readonly CipherShape[] = [
  shape("aes-128-cbc", "cbc", 16, 16),
  shape("aes-192-cbc", "cbc", 24, 16),
  shape("aes-256-cbc", "cbc", 32, 16),
  shape("bf-cbc", "cbc", 16, 8),
  shape("des-ede3-cbc", "cbc", 24, 8),
  shape("des-ede-cbc", "cbc", 16, 8),
  shape("des-cbc", "cbc", 8, 8),
  shape("rc2-cbc", "cbc", 16, 8),
  shape("aes-128-cfb", "cfb", 16, 16),
  shape("aes-256-cfb", "cfb", 32, 16),
  shape("bf-cfb", "cfb", 16, 8),
  shape("aes-128-ofb", "ofb", 16, 16),
  shape("aes-192-ofb", "ofb", 24, 16),
  shape("aes-256-ofb", "ofb", 32, 16),
  shape("aes-128-ecb", "ecb", 16, 16),
  shape("aes-192-ecb", "ecb", 24, 16),
  shape("aes-256-ecb", "ecb", 32, 16),
  // The runtime wants an IV for it, and does nothing with it.
  { ...shape("bf-ecb", "ecb", 16, 8), ivLength: 8 },
  shape("des-ede3", "ecb", 24, 8),
  shape("des-ede", "ecb", 16, 8),
  shape("des-ecb", "ecb", 8, 8),
];

const BY_NAME: ReadonlyMap<string, CipherShape> = new Map(SHAPES.map((one) => [one.name, one]));

/** OpenSSL's other names of the same. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["aes128", "aes-128-cbc"],
  ["aes192", "aes-192-cbc"],
  ["aes256", "aes-256-cbc"],
  ["bf", "bf-cbc"],
  ["blowfish", "bf-cbc"],
  ["des3", "des-ede3-cbc"],
  ["des", "des-cbc"],
  ["rc2", "rc2-cbc"],
  ["rc2-128", "rc2-cbc"],
  ["des-ede3-ecb", "des-ede3"],
  ["des-ede-ecb", "des-ede"],
]);

/** Names for messages, the recommended first. */
export const CIPHER_NAMES: readonly string[] = SHAPES.map(({ name }) => name);

/** `name` in any case, as OpenSSL takes it; null: no such cipher, or none that a legion can use. */
export function findCipher(name: string): CipherShape | null {
  const lower = name.toLowerCase();
  return BY_NAME.get(ALIASES.get(lower) ?? lower) ?? null;
}

/** The fault of `name`, for a message; null: nothing. */
export function cipherProblem(name: string): string | null {
  if (findCipher(name) !== null) return null;
  return `there is no cipher "${name}" for a legion; these work: ${CIPHER_NAMES.join(", ")}`;
}
