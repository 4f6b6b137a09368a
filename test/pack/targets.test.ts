/** Executables for other processors: built here, and run where an emulator allows it. */
import { expect } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { check, type Need, program, root, SYSTEM_PATH } from "../e2e/need.ts";
import { fixture } from "../fixtures/compile.ts";
import { Root } from "./roots.ts";

const PROJECT = join(import.meta.dir, "..", "..");
const x64: Need = { missing: () => process.arch === "x64" ? null : "needs an x86-64 host" };
const cross = [
  x64,
  program("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
  program("/usr/aarch64-linux-gnu/lib/libc.so.6", "libc6-arm64-cross"),
  program("qemu-aarch64-static", "qemu-user-static"),
];

/** On the file system of dist/, where the build writes. */
async function built(target: string): Promise<Disposable & { readonly path: string }> {
  const path = join(PROJECT, "dist", `.test-${process.pid}-${target}`);
  const build = Bun.spawn([process.execPath, "run", "build.ts", "--target", target, "--outfile", path], {
    cwd: PROJECT,
    stdout: "pipe",
    stderr: "pipe",
  });
  const text = await build.stderr.text();
  if (await build.exited !== 0 || !existsSync(path)) throw new Error(`the build failed:\n${text}`);
  return { path, [Symbol.dispose]: () => rmSync(path, { force: true }) };
}

check("arm64: starts, checks and plans under an emulator in an empty root", [root, ...cross], async () => {
  using executable = await built("linux-arm64");
  await using host = new Root("empty", executable.path);
  const emulator = Bun.which("qemu-aarch64-static", { PATH: SYSTEM_PATH }) ?? "";
  host.copy(emulator, "/emulator");
  host.write("/daemon.ini", "[uwsgi]\nattach-daemon = /hang --always\n");
  const version = await host.run(["/emulator", "/reeve", "--version"]);
  expect(version.text).toMatch(/^reeve \d/);
  expect(version.status).toBe(0);
  const foreign = await host.run(["/emulator", "/reeve", "check", "/daemon.ini"]);
  expect(foreign.text).toContain('cannot run "/hang": it is a program for x86-64, and this machine is arm64');
  host.copy(fixture("hang", { compiler: ["aarch64-linux-gnu-gcc"] }), "/hang");
  const checked = await host.run(["/emulator", "/reeve", "check", "/daemon.ini"]);
  expect(checked.text).toMatch(/ok, 1 daemon/);
  const planned = await host.run(["/emulator", "/reeve", "plan", "/daemon.ini"]);
  expect(planned.text).toContain("/hang");
  expect(planned.status).toBe(0);
}, 120);

/**
 * Lets the kernel start arm64 programs with the emulator, in a user namespace alone (Linux 6.7): the
 * machine's own table stays as it is. O: the program is handed over opened, P: with its own argv[0], F: the
 * emulator is opened now.
 */
const MAGIC = "\\x7fELF\\x02\\x01\\x01" + "\\x00".repeat(9) + "\\x02\\x00\\xb7\\x00";
const MASK = "\\xff".repeat(7) + "\\x00" + "\\xff".repeat(12); // byte 7: which system's calling convention it says
const FORMATS = `mount -t binfmt_misc none /mnt || exit 96
printf %s ':arm64:M::${MAGIC}:${MASK}:'"$0"':OFP' > /mnt/register || exit 95
exec "$@"`;
const OWN_FORMATS = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", FORMATS];

const formats: Need = {
  missing: () => {
    const emulator = Bun.which("qemu-aarch64-static", { PATH: SYSTEM_PATH }) ?? "";
    return Bun.spawnSync([...OWN_FORMATS, emulator, "true"]).success
      ? null
      : "needs binary formats in user namespaces (Linux 6.7)";
  },
};

check(
  "arm64: is an init, and runs a daemon, under an emulator in an empty root",
  [root, ...cross, formats],
  async () => {
    using executable = await built("linux-arm64");
    await using host = new Root("empty", executable.path);
    for (const name of ["hang", "exit_with"]) {
      host.copy(fixture(name, { compiler: ["aarch64-linux-gnu-gcc"] }), `/${name}`);
    }
    host.write("/daemon.ini", "[uwsgi]\nattach-daemon = /hang\n");
    const emulator = Bun.which("qemu-aarch64-static", { PATH: SYSTEM_PATH }) ?? "";
    const emulated = {
      wrap: [...OWN_FORMATS, emulator],
      inside: { first: false, pivot: false }, // a pivot would unmount the table, which ends it
      env: { PATH: SYSTEM_PATH },
    };
    // An init alone, and with a flag.
    for (const [words, status] of [[["--"], 7], [["-e", "7", "--"], 0]] as const) {
      const ended = await host.run(["/reeve", ...words, "/exit_with", "7"], emulated);
      expect(ended).toEqual({ status, text: "" });
    }
    const running = host.start(["/reeve", "/daemon.ini"], emulated);
    await running.untilText(/reeve is up/);
    await running.untilText(/^\d+$/m); // hang tells its pid
    running.signal("SIGTERM");
    expect(await running.exited).toBe(0);
  },
  120,
);

check(
  "x86-64 without AVX2: starts in an empty root, on a processor that has not got it",
  [root, x64],
  async () => {
    using executable = await built("linux-x64-baseline");
    await using host = new Root("empty", executable.path);
    const version = await host.run(["/reeve", "--version"]);
    expect(version.text).toMatch(/^reeve \d/);
    const emulator = Bun.which("qemu-x86_64-static", { PATH: SYSTEM_PATH });
    if (emulator === null) return;
    host.copy(emulator, "/emulator");
    // qemu's oldest 64-bit processor that has what x86-64-v2 asks for, and no AVX.
    const old = await host.run(["/emulator", "-cpu", "Nehalem", "/reeve", "--version"]);
    expect(old.text).toMatch(/^reeve \d/m);
  },
  120,
);

check("a target that is none is refused with the names of those that are", [], async () => {
  const build = Bun.spawn([process.execPath, "run", "build.ts", "--target", "linux-mips"], {
    cwd: PROJECT,
    stderr: "pipe",
  });
  expect(await build.stderr.text()).toMatch(
    /cannot build for "linux-mips": wanted one of linux-x64, linux-x64-baseline, linux-arm64, or all/,
  );
  expect(await build.exited).toBe(1);
});
