import { describe, expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, readlinkSync } from "node:fs";
import {
  duplicateOnto,
  openPipe,
  readInto,
  setCloseOnExec,
  tryLock,
} from "../../../lib/sys/file/descriptor.ts";
import { errnoName, errnoText, isSysError, SysError } from "../../../lib/sys/errno.ts";
import { imageFd, type ImageHost } from "../../../lib/sys/native/image.ts";
import { raiseOpenFiles, readLimit, RLIMIT, setLimit } from "../../../lib/sys/process/limits.ts";
import { memfdOf, seal } from "../../../lib/sys/file/memfd.ts";
import { notify } from "../../../lib/sys/socket/notify.ts";
import { readUmask, setUmask } from "../../../lib/sys/process/own_process.ts";
import { signalGroup, signalProcess } from "../../../lib/sys/process/pidfd.ts";
import { blockSignals, holdSignals, unblockSignals } from "../../../lib/sys/process/signals.ts";
import { signalMask } from "../../../lib/sys/signal_names.ts";
import { groupOf } from "../../../lib/sys/process/tty.ts";
import { Scratch } from "../file/scratch.ts";
import { until } from "../until.ts";

const LIB = `${import.meta.dir}/../../../lib/sys`;

describe("an error number", () => {
  test("has its name and text", () => {
    expect([errnoName(2), errnoText(2)]).toEqual(["ENOENT", "no such file or directory"]);
    expect(errnoName(11)).toBe("EAGAIN");
    expect(errnoName(999)).toBe("errno 999");
  });
  test("becomes an error that says what could not be done to what", () => {
    const error = new SysError("openat", 13, { doing: "open", path: "/a b" });
    expect(error.message).toBe('cannot open "/a b": permission denied');
    expect([error.call, error.errno, error.errnoName, error.path]).toEqual(["openat", 13, "EACCES", "/a b"]);
    expect(isSysError(error, "EPERM", "EACCES")).toBe(true);
    expect(isSysError(error, "EPERM")).toBe(false);
    expect(isSysError(new Error("EACCES"))).toBe(false);
  });
});

describe("a signal", () => {
  test("that is blocked waits until it is unblocked", () => {
    const pending = (): string => /^ShdPnd:\s*(\w+)/m.exec(readFileSync("/proc/self/status", "utf8"))![1]!;
    const blocked = (): bigint =>
      BigInt(`0x${/^SigBlk:\s*(\w+)/m.exec(readFileSync("/proc/self/status", "utf8"))![1]!}`);
    blockSignals([10, 36]);
    expect(blocked() & signalMask([10, 36])).toBe(signalMask([10, 36]));
    unblockSignals([10, 36]);
    expect(blocked() & signalMask([10, 36])).toBe(0n);
    expect(pending()).toBe("0000000000000000");
  });
  test("that is held back stays pending, and comes when it is released", async () => {
    let seen = 0;
    const count = (): void => void seen++;
    process.on("SIGUSR2", count);
    const held = holdSignals([12]);
    process.kill(process.pid, "SIGUSR2");
    await until("it is pending", () => {
      const status = readFileSync("/proc/self/status", "utf8");
      return (BigInt(`0x${/^SigPnd:\s*(\w+)/m.exec(status)![1]!}`) & signalMask([12])) !== 0n;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toBe(0);
    held.release();
    held.release();
    await until("it has come", () => seen === 1);
    process.kill(process.pid, "SIGUSR2");
    await until("the next comes as ever", () => seen === 2);
    process.off("SIGUSR2", count);
  });
  test("mask has no place for what is no signal", () => {
    for (const wrong of [0, 65, NaN, undefined as unknown as number]) {
      expect(() => signalMask([wrong])).toThrow(RangeError);
    }
  });
  test("is never sent to 0, 1 or a negative number", () => {
    for (const wrong of [undefined, null, NaN, 0, 1, -1, 1.5, 2 ** 31, {}] as unknown as number[]) {
      expect(() => signalGroup(wrong, 0)).toThrow(RangeError);
      expect(() => signalProcess(wrong, 0)).toThrow(RangeError);
    }
    for (const wrong of [undefined, null, NaN, -1, 65] as unknown as number[]) {
      expect(() => signalProcess(process.pid, wrong)).toThrow(RangeError);
    }
    expect(signalProcess(process.pid, 0)).toBe(true);
    expect(signalProcess(0x7fff_fff0, 0)).toBe(false);
  });
});

describe("a resource limit", () => {
  test("is read and set", () => {
    const before = readLimit(RLIMIT.core);
    setLimit(RLIMIT.core, { soft: 0n, hard: before.hard });
    expect(readLimit(RLIMIT.core).soft).toBe(0n);
    setLimit(RLIMIT.core, before);
    expect(() => setLimit(RLIMIT.core, { soft: 2n, hard: 1n })).toThrow(/invalid argument/);
    expect(() => readLimit(16)).toThrow(RangeError);
  });
  test("of open files is raised to what is allowed, and the old one returned", () => {
    const before = readLimit(RLIMIT.openFiles);
    setLimit(RLIMIT.openFiles, { soft: 500n, hard: before.hard });
    expect(raiseOpenFiles()).toEqual({ soft: 500n, hard: before.hard });
    expect(readLimit(RLIMIT.openFiles).soft).toBe(before.hard);
    setLimit(RLIMIT.openFiles, before);
  });
});

test("the umask is read without being changed", () => {
  const before = setUmask(0o123);
  expect([readUmask(), readUmask()]).toEqual([0o123, 0o123]);
  expect(setUmask(before)).toBe(0o123);
  expect(() => setUmask(undefined as unknown as number)).toThrow(RangeError);
});

test("a process has a group, and one that is gone has none", () => {
  expect(groupOf(process.pid)).toBeGreaterThan(0);
  expect(groupOf(0x7fff_fff0)).toBeNull();
});

describe("a descriptor", () => {
  test("of a pipe tells an empty pipe from its end", () => {
    const pipe = openPipe({ nonblock: true });
    expect(readInto(pipe.reader, new Uint8Array(1))).toBeNull();
    closeSync(pipe.writer);
    expect(readInto(pipe.reader, new Uint8Array(1))).toBe(0);
    closeSync(pipe.reader);
  });
  test("is locked for one alone", () => {
    using scratch = new Scratch();
    const first = openSync(scratch.at("lock"), "w");
    const second = openSync(scratch.at("lock"), "r");
    expect([tryLock(first), tryLock(second), tryLock(first)]).toEqual([true, false, true]);
    closeSync(first);
    expect(tryLock(second)).toBe(true);
    closeSync(second);
  });
  test("is copied onto another, which keeps its own close-on-exec", () => {
    const one = openSync("/dev/null", "r");
    const two = openSync("/dev/zero", "r");
    duplicateOnto(one, two, true);
    expect(readlinkSync(`/proc/self/fd/${two}`)).toBe("/dev/null");
    setCloseOnExec(two, false);
    expect(readFileSync(`/proc/self/fdinfo/${two}`, "utf8")).not.toMatch(/flags:\s*02\d{6}/);
    closeSync(one);
    closeSync(two);
  });
});

test("a sealed memory file keeps its bytes", () => {
  const fd = memfdOf("test", new TextEncoder().encode("state"));
  seal(fd);
  expect(readFileSync(`/proc/self/fd/${fd}`, "utf8")).toBe("state");
  expect(() => openSync(`/proc/self/fd/${fd}`, "w")).toThrow();
  closeSync(fd);
});

describe("an executable image", () => {
  const program = readFileSync("/bin/true");
  const refusing: ImageHost = { memfd: () => -1, seal: () => {}, directories: [] };

  test("without memfds is a file that has no name any more", () => {
    using scratch = new Scratch();
    const fd = imageFd("true", program, { ...refusing, directories: ["/nonexistent", scratch.path] });
    expect(readlinkSync(`/proc/self/fd/${fd}`)).toEndWith("(deleted)");
    expect(Bun.spawnSync(["ls", "-A", scratch.path]).stdout.toString()).toBe("");
    expect(Bun.spawnSync([`/proc/${process.pid}/fd/${fd}`]).exitCode).toBe(0);
    closeSync(fd);
  });

  test("that no place can hold is an error with what to do", () => {
    expect(() => imageFd("helper", program, { ...refusing, directories: ["/proc"] })).toThrow(
      /^cannot load the native part "helper": memfd_create: refused; .*vm\.memfd_noexec/,
    );
  });
});

describe("an exec of ourselves", () => {
  /** A process that does `before`, then becomes `cat` of what its new image has. */
  function become(before: string, args: readonly string[]): Bun.ReadableSyncSubprocess {
    const script = `
      import { execSelf } from "${LIB}/child/exec_self.ts";
      import { memfdOf } from "${LIB}/file/memfd.ts";
      import { holdSignals } from "${LIB}/process/signals.ts";
      const state = memfdOf("state", new TextEncoder().encode("handed over\\n"));
      const other = memfdOf("other", new TextEncoder().encode("not to be seen\\n"));
      console.log(process.pid);
      ${before}
      execSelf({
        program: { path: "/bin/cat" },
        args: ["cat", ...${JSON.stringify(args)}, "/proc/self/fd/" + state, "/proc/self/fd/" + other],
        environment: ["A=1", "B=2"],
        keepFds: [state],
        blockSignals: [10, 15],
      });
    `;
    return Bun.spawnSync([process.execPath, "-e", script]);
  }

  test("keeps the pid and the descriptors it was told to, and no others", () => {
    const run = become("", ["/proc/self/environ"]);
    expect(run.stdout.toString()).toBe(`${run.pid}\nA=1\0B=2\0handed over\n`);
    expect(run.stderr.toString()).toMatch(/No such file or directory/);
  });

  test("keeps each signal that came while they were held, whichever thread it came to", () => {
    const before = `
      process.on("SIGUSR1", () => {});
      process.on("SIGTERM", () => {});
      new Worker("data:text/javascript,1");
      holdSignals([10, 15]);
      await new Promise((resolve) => setImmediate(resolve));
      process.kill(process.pid, "SIGUSR1");
      process.kill(process.pid, "SIGTERM");
    `;
    for (let round = 0; round < 5; round++) {
      const status = become(before, ["/proc/self/status"]).stdout.toString();
      const field = (name: string): bigint =>
        BigInt(`0x${new RegExp(`^${name}:\\s*(\\w+)`, "m").exec(status)![1]!}`);
      expect(field("SigPnd") | field("ShdPnd")).toBe(signalMask([10, 15]));
      expect(field("SigBlk")).toBe(signalMask([10, 15]));
    }
  });

  test("that fails leaves everything as it was", async () => {
    const { execSelf } = await import("../../../lib/sys/child/exec_self.ts");
    const fd = openSync("/dev/null", "r");
    const request = { args: ["x"], environment: [], keepFds: [fd], blockSignals: [10] };
    expect(() => execSelf({ ...request, program: { path: "/nonexistent" } })).toThrow(
      'cannot execute reeve anew "/nonexistent": no such file or directory',
    );
    expect(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8")).toMatch(/flags:\s*02\d{6}/);
    expect(readFileSync("/proc/self/status", "utf8")).toMatch(/^SigBlk:\s*0+$/m);
    expect(() => execSelf({ ...request, args: [""], program: { path: "/bin/true" } })).toThrow(RangeError);
    closeSync(fd);
  });
});

test("a notification arrives as one datagram, and a missing receiver is no error", async () => {
  using scratch = new Scratch();
  const receiver = Bun.spawn(
    [
      "python3",
      "-c",
      "import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\nprint('ready',flush=True)\nprint(repr(s.recv(4096)))",
      scratch.at("n"),
    ],
    { stdout: "pipe", stderr: "inherit" },
  );
  const output = receiver.stdout.getReader();
  let printed = "";
  const line = async (): Promise<string> => {
    while (!printed.includes("\n")) printed += new TextDecoder().decode((await output.read()).value);
    const end = printed.indexOf("\n");
    const first = printed.slice(0, end);
    printed = printed.slice(end + 1);
    return first;
  };
  expect(await line()).toBe("ready");
  expect(notify(scratch.at("n"), ["READY=1", "STATUS=all is well"])).toBe(true);
  expect(await line()).toBe("b'READY=1\\nSTATUS=all is well'");
  await receiver.exited;
  expect(notify("/nonexistent", ["READY=1"])).toBe(false);
  expect(notify("relative", ["READY=1"])).toBe(false);
  expect(notify("@reeve-nobody-listens", ["READY=1"])).toBe(false);
});
