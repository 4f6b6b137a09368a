/**
 * The Debian packages that tests use, installed where the gate may. Must never start a service: the tests
 * start their own, with their own directories and ports.
 */
import { chmodSync, existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";

/** One place for all; a test that finds its program absent skips, and fails under MUST_WORK. */
export const PACKAGES = [
  "gcc",
  "libc6-dev", // hosted builds of the native tests
  "libasan8",
  "libubsan1",
  "gcc-aarch64-linux-gnu", // the arm64 build
  "libc6-arm64-cross", // the C library that goes into it
  "libc6-dev-arm64-cross", // hosted tests for arm64
  "clang", // a second opinion about native/
  "qemu-user-static",
  "busybox-static", // roots without a C library, and with another
  "musl",
  "uwsgi-core", // the model to compare with
  "memcached",
  "redis-server",
  "postgresql",
  "celery",
  "python3",
  "python3-redis", // celery's broker
  "dropbear-bin",
  "procps",
  "mount",
  "util-linux", // unshare, setpriv
  "zsh", // completions
  "fish",
  "groff", // the manual page
  "xz-utils", // release archives
  "etcd-server", // legions over etcd
  "etcd-client",
  "iproute2", // network namespaces
  "openssl", // certificates of tests
  "curl", // the lines of docs/api.md
  "debootstrap", // the roots of test/roots
  "debian-archive-keyring",
  "libcap2-bin", // setcap
] as const;

const POLICY = "/usr/sbin/policy-rc.d";

/** Installs what is missing. -> what was done, in words. Throws Error when apt-get fails. */
export async function installPackages(): Promise<string> {
  if (process.getuid?.() !== 0) return "not root: tests whose programs are absent will skip";
  if (!existsSync("/etc/debian_version") || Bun.which("apt-get") === null) {
    return "not Debian: tests whose programs are absent will skip";
  }
  const missing = PACKAGES.filter((name) => !isInstalled(name));
  if (missing.length === 0) return "all installed";
  const first = await withoutServices(() => aptGet(["install", "-y", "--no-install-recommends", ...missing]));
  if (first.success) return `installed ${missing.join(" ")}`;
  // The lists may be absent or old.
  await aptGet(["update"]);
  const second = await withoutServices(() =>
    aptGet(["install", "-y", "--no-install-recommends", ...missing])
  );
  if (second.success) return `installed ${missing.join(" ")}`;
  throw new Error(`apt-get cannot install ${missing.join(" ")}:\n${second.text}`);
}

function isInstalled(name: string): boolean {
  const query = Bun.spawnSync(["dpkg-query", "-W", "-f", "${db:Status-Status}", name], { stderr: "ignore" });
  return query.success && query.stdout.toString() === "installed";
}

async function aptGet(
  words: readonly string[],
): Promise<{ readonly success: boolean; readonly text: string }> {
  const run = Bun.spawn(["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", ...words], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, error] = await Promise.all([run.stdout.text(), run.stderr.text()]);
  return { success: await run.exited === 0, text: `${out}${error}`.slice(-4_000) };
}

/**
 * Runs `action` while Debian's own switch forbids packages to start their services, then puts back what was
 * there.
 */
async function withoutServices<Result>(action: () => Promise<Result>): Promise<Result> {
  const aside = `${POLICY}.reeve-${process.pid}`;
  const was = existsSync(POLICY);
  if (was) renameSync(POLICY, aside);
  try {
    writeFileSync(POLICY, "#!/bin/sh\nexit 101\n");
    chmodSync(POLICY, 0o755);
    return await action();
  } finally {
    if (was) renameSync(aside, POLICY);
    else rmSync(POLICY, { force: true });
  }
}
