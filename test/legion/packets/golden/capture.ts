/**
 * Makes packets.json: what uWSGI 2.0 sends to a node of its legion on the loopback, for each kind of
 * configuration. Run by hand as root, where uwsgi-core, unshare(1) and OpenSSL's legacy provider are
 * installed: bun run test/legion/packets/golden/capture.ts
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface GoldenCase {
  readonly name: string;
  readonly legion: string;
  readonly valor: number;
  readonly cipher: string;
  readonly secret: string;
  readonly iv: string | null;
  readonly scroll: string | null;
  /** Hexadecimal; the last one announces the node's death. */
  readonly packets: readonly string[];
}

type Wanted = Pick<GoldenCase, "name" | "cipher"> & Partial<GoldenCase>;

const WANTED: readonly Wanted[] = [
  { name: "AES, a short secret", cipher: "aes-256-cbc" },
  { name: "Blowfish, as the documents have it", cipher: "bf-cbc" },
  { name: "Blowfish, a secret longer than its key", cipher: "bf-cbc", secret: "0123456789abcdefghij" },
  { name: "an IV that is too short", cipher: "aes-128-cbc", iv: "abc" },
  { name: "an IV that is too long", cipher: "aes-128-cbc", iv: "abcdefghijklmnopqrstuvwxyz" },
  { name: "Triple DES", cipher: "des-ede3-cbc", secret: "a-secret-of-24-bytes...." },
  { name: "RC2", cipher: "rc2-cbc" },
  { name: "DES", cipher: "des-cbc" },
  { name: "a name in upper case", cipher: "AES-192-CBC" },
  { name: "AES in CFB mode", cipher: "aes-256-cfb" },
  { name: "AES in OFB mode", cipher: "aes-256-ofb" },
  { name: "AES in ECB mode", cipher: "aes-256-ecb" },
  { name: "Blowfish in CFB mode", cipher: "bf-cfb" },
  { name: "an arbiter", cipher: "aes-256-cbc", valor: 0 },
  { name: "a scroll that is not ASCII", cipher: "aes-256-cbc", scroll: "größer" },
  { name: "the largest valor", cipher: "aes-256-cbc", valor: 65535, legion: "l" },
];

const PROVIDERS = `openssl_conf = i
[i]
providers = p
[p]
default = d
legacy = l
[d]
activate = 1
[l]
activate = 1
`;

async function capture(wanted: Wanted, openssl: string): Promise<GoldenCase> {
  const { legion = "mylegion", valor = 90, secret = "mysecret", iv = null, scroll = null } = wanted;
  const packets: string[] = [];
  let heard = (): void => {};
  const peer = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (_socket, bytes) => {
        packets.push(bytes.toHex());
        heard();
      },
    },
  });
  const next = (): Promise<void> => new Promise((resolve) => (heard = resolve));
  const own = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0 });
  const { port } = own;
  own.close();
  const key = `${wanted.cipher}:${secret}${iv === null ? "" : ` ${iv}`}`;
  const options = ["--legion-freq", "1", "--legion", `${legion} 127.0.0.1:${port} ${valor} ${key}`];
  if (scroll !== null) options.push("--legion-scroll", `${legion} ${scroll}`);
  const node = Bun.spawn({
    cmd: [
      ...["unshare", "--uts", "sh", "-c", 'hostname node1 && exec "$@"', "sh"],
      ...["uwsgi-core", "--master", ...options, "--legion-node", `${legion} 127.0.0.1:${peer.port}`],
    ],
    env: { ...process.env, OPENSSL_CONF: openssl },
    stdio: ["ignore", "ignore", "ignore"],
  });
  // Before it has looked at anybody, having looked, being the lord (or not, for ever), dead.
  for (let count = 0; count < 3; count++) await next();
  const last = next();
  node.kill("SIGINT");
  await last;
  await node.exited;
  peer.close();
  return { name: wanted.name, legion, valor, cipher: wanted.cipher, secret, iv, scroll, packets };
}

if (import.meta.main) {
  const directory = mkdtempSync(join(tmpdir(), "reeve-golden-"));
  const openssl = join(directory, "openssl.cnf");
  writeFileSync(openssl, PROVIDERS);
  const cases: GoldenCase[] = [];
  for (const wanted of WANTED) cases.push(await capture(wanted, openssl));
  rmSync(directory, { recursive: true });
  writeFileSync(join(import.meta.dir, "packets.json"), `${JSON.stringify(cases, null, 2)}\n`);
}
