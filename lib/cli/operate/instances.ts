/**
 * The instances that can be asked: those whose control socket takes a connection. Looks at the run
 * directories in the usual places. Must never try a lock, for a reeve that is just starting would take us for
 * another.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../../sys/errno.ts";
import { closeFd } from "../../sys/file/descriptor.ts";
import { connectTo } from "../../sys/socket/scm.ts";

export interface FoundInstance {
  readonly name: string;
  readonly socket: string;
  /** null: it cannot be read. */
  readonly pid: number | null;
  /** The file that it was started with, or another word for what it is; null: it cannot be read. */
  readonly identity: string | null;
}

export interface Found {
  readonly instances: readonly FoundInstance[];
  /** Paths that may not be looked into. */
  readonly denied: readonly string[];
}

export const CONTROL_NAME = "control";

/** Where run directories are; another user's variables are not followed by root. */
export function usualPlaces(
  uid: number,
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const own = environment["XDG_RUNTIME_DIR"];
  return [
    "/run/reeve",
    ...(uid === 0 || own === undefined || !own.startsWith("/") ? [] : [join(own, "reeve")]),
  ];
}

export function findInstances(places: readonly string[]): Found {
  const denied: string[] = [];
  const instances = places.flatMap((place) =>
    namesIn(place, denied).flatMap((name) => {
      const directory = join(place, name);
      const socket = join(directory, CONTROL_NAME);
      if (!isServed(socket, denied)) return [];
      const pid = Number(readText(join(directory, "lock"))?.trim() || NaN);
      return [{ name, socket, pid: pid >= 1 ? pid : null, identity: readText(join(directory, "instance")) }];
    })
  );
  return { instances, denied };
}

function namesIn(place: string, denied: string[]): readonly string[] {
  try {
    return readdirSync(place).sort();
  } catch (error) {
    if (errorCode(error) === "EACCES") denied.push(place);
    return [];
  }
}

function isServed(socket: string, denied: string[]): boolean {
  try {
    closeFd(connectTo(socket));
    return true;
  } catch (error) {
    const code = errorCode(error);
    if (code === "EACCES") denied.push(socket);
    // So many wait for it that it runs for certain.
    return code === "EAGAIN";
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trimEnd();
  } catch {
    return null;
  }
}
