/**
 * Servers of etcd for tests: Debian's etcd-server, one member or several, on ports of the loopback with short
 * time-outs. Ends what it started, by pid.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "bun:test";
import { freePort } from "../../e2e/harness.ts";
import { identify, type ProcessId, signal } from "../../e2e/process.ts";
import { PATIENCE } from "../../support/patience.ts";
import { until } from "../../e2e/wait.ts";

export const ETCD_MISSING = Bun.which("etcd", { PATH: "/usr/bin:/usr/local/bin:/bin" }) === null
  ? `needs "etcd"; apt-get install etcd-server`
  : null;

/** As need.ts's `check`, for what needs no executable: skips with the reason, fails under MUST_WORK. */
export function etcdTest(
  name: string,
  missing: string | null,
  body: () => Promise<void>,
  seconds = 20,
): void {
  if (missing === null) test(name, body, seconds * PATIENCE * 1000);
  else if (process.env["MUST_WORK"] === "1") {
    test(name, () => {
      throw new Error(`cannot run this test: ${missing}`);
    });
  } else test.skip(`${name} [skipped: ${missing}]`, () => {});
}

export interface ServerOptions {
  /** Words in front of the command. */
  readonly wrap?: (index: number) => readonly string[];
  /** host:port of each member, for clients and for peers; ports of the loopback unless told. */
  readonly addresses?: readonly { readonly client: string; readonly peer: string }[];
  /** https, with these files. */
  readonly tls?: {
    readonly cert: string;
    readonly key: string;
    readonly ca: string;
    readonly wantsClient: boolean;
  };
}

/** Half a second without a leader and another is elected; leases of 1 s and more. */
const TIMES = ["--heartbeat-interval=50", "--election-timeout=250"];

export class EtcdServers implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "reeve-etcd-"));
  readonly urls: readonly string[];
  readonly #commands: readonly (readonly string[])[];
  readonly #running: (ProcessId | null)[];

  constructor(count: number, options: ServerOptions = {}) {
    const addresses = options.addresses ??
      Array.from(
        { length: count },
        () => ({ client: `127.0.0.1:${freePort()}`, peer: `127.0.0.1:${freePort()}` }),
      );
    const scheme = options.tls === undefined ? "http" : "https";
    const cluster = addresses.map(({ peer }, index) => `m${index}=http://${peer}`).join(",");
    this.urls = addresses.map(({ client }) => `${scheme}://${client}`);
    this.#commands = addresses.map(({ client, peer }, index) => [
      ...(options.wrap?.(index) ?? []),
      "etcd",
      `--name=m${index}`,
      `--data-dir=${join(this.directory, `m${index}`)}`,
      `--listen-client-urls=${scheme}://${client}`,
      `--advertise-client-urls=${scheme}://${client}`,
      `--listen-peer-urls=http://${peer}`,
      `--initial-advertise-peer-urls=http://${peer}`,
      `--initial-cluster=${cluster}`,
      ...TIMES,
      ...(options.tls === undefined
        ? []
        : [`--cert-file=${options.tls.cert}`, `--key-file=${options.tls.key}`]),
      ...(options.tls?.wantsClient ? ["--client-cert-auth", `--trusted-ca-file=${options.tls.ca}`] : []),
    ]);
    this.#running = addresses.map(() => null);
    for (let index = 0; index < addresses.length; index++) this.start(index);
  }

  start(index: number): void {
    const log = Bun.file(join(this.directory, `m${index}.log`));
    const child = Bun.spawn([...this.#commands[index]!], {
      env: { PATH: "/usr/bin:/usr/local/bin:/bin:/usr/sbin:/sbin", ETCD_UNSUPPORTED_ARCH: process.arch },
      stdio: ["ignore", log, log],
    });
    this.#running[index] = identify(child.pid);
  }

  pid(index: number): ProcessId | null {
    return this.#running[index] ?? null;
  }

  signal(index: number, name: NodeJS.Signals): void {
    const id = this.#running[index];
    if (id !== null && id !== undefined) signal(id, name);
  }

  async kill(index: number): Promise<void> {
    const id = this.#running[index] ?? null;
    this.#running[index] = null;
    if (id === null) return;
    signal(id, "SIGKILL");
    await until("the etcd server is gone", () => identify(id.pid)?.start !== id.start);
  }

  /** One answers a linearizable read. `ctl`: more words for etcdctl. */
  async ready(...ctl: string[]): Promise<void> {
    await until("etcd answers", () => this.ctl("get", "x", ...ctl).success, {
      seconds: 15,
      explain: () => this.logs(),
    });
  }

  ctl(...words: string[]): { readonly success: boolean; readonly output: string } {
    const run = Bun.spawnSync([
      "etcdctl",
      `--endpoints=${this.urls.join(",")}`,
      "--command-timeout=1s",
      ...words,
    ], {
      env: { ETCDCTL_API: "3", PATH: "/usr/bin:/usr/local/bin:/bin" },
      stderr: "pipe",
    });
    return { success: run.success, output: run.stdout.toString() + run.stderr.toString() };
  }

  logs(): string {
    return this.#commands.map((_, index) => {
      const path = join(this.directory, `m${index}.log`);
      const text = Bun.spawnSync(["tail", "-n", "15", path]).stdout.toString();
      return `--- ${path} ---\n${text}`;
    }).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let index = 0; index < this.#running.length; index++) await this.kill(index);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** An authority and a certificate for 127.0.0.1 that it signed, made by openssl in `directory`. */
export function makeCertificates(directory: string): {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly clientCert: string;
  readonly clientKey: string;
  readonly strangerCa: string;
} {
  const path = (name: string): string => join(directory, name);
  const openssl = (...words: string[]): void => {
    const run = Bun.spawnSync(["openssl", ...words], { cwd: directory, stderr: "pipe" });
    if (!run.success) throw new Error(`openssl ${words.join(" ")}: ${run.stderr}`);
  };
  const authority = (name: string): void =>
    openssl(
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "2",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.pem`,
    );
  authority("ca");
  authority("stranger");
  // The server's gateway calls the server itself as a client.
  for (const [name, usage] of [["server", "clientAuth"], ["client", "clientAuth"]] as const) {
    openssl(
      "req",
      "-new",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.csr`,
    );
    writeFileSync(path(`${name}.ext`), `subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,${usage}\n`);
    openssl(
      "x509",
      "-req",
      "-in",
      `${name}.csr`,
      "-CA",
      "ca.pem",
      "-CAkey",
      "ca.key",
      "-CAcreateserial",
      "-days",
      "2",
      "-extfile",
      `${name}.ext`,
      "-out",
      `${name}.pem`,
    );
  }
  return {
    ca: path("ca.pem"),
    cert: path("server.pem"),
    key: path("server.key"),
    clientCert: path("client.pem"),
    clientKey: path("client.key"),
    strangerCa: path("stranger.pem"),
  };
}
