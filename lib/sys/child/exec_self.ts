/**
 * Replaces this process's program under the same pid: how reeve reloads and upgrades with its children kept.
 * Must be given everything that shall live on: descriptors not in `keep` are closed, and no state survives
 * but what they hold.
 */
import { encodeText } from "../byte_text.ts";
import { cString, fileDescriptor, text } from "../checks.ts";
import { keepList } from "../file/descriptor.ts";
import { native, unwrap } from "../native/native.ts";
import { signalMask } from "../signal_names.ts";

export interface ExecRequest {
  readonly program: { readonly fd: number } | { readonly path: string };
  /** argv[0] included. */
  readonly args: readonly string[];
  readonly environment: readonly string[];
  readonly keepFds: readonly number[];
  /**
   * Stay blocked over the exec, pending ones kept, until the new image unblocks them: none is lost in
   * between.
   */
  readonly blockSignals: readonly number[];
}

/** Returns only by throwing SysError, and then everything is as before. */
export function execSelf(request: ExecRequest): never {
  const { program } = request;
  const fd = "fd" in program ? fileDescriptor(program.fd) : -1;
  const path = cString("path" in program ? program.path : "", "program");
  const keep = keepList(request.keepFds);
  const result = native().reeve_exec_self(
    fd,
    path,
    stringBlock(request.args, "argument"),
    stringBlock(request.environment, "environment entry"),
    keep,
    keep.length,
    signalMask(request.blockSignals),
  );
  const doing = "execute reeve anew";
  unwrap("execve", result, "path" in program ? { doing, path: program.path } : { doing });
  throw new Error("cannot execute reeve anew: the call returned without an error");
}

/** Strings with their NULs, one after the other, and an empty one at the end; so none may be empty itself. */
function stringBlock(strings: readonly string[], what: string): Uint8Array {
  for (const string of strings) {
    if (text(string, what) === "") {
      throw new RangeError(`${what} is empty, which an exec of ourselves cannot carry`);
    }
  }
  return encodeText(`${strings.map((string) => `${string}\0`).join("")}\0`);
}
