/**
 * The files that reeve itself writes: whoever watches a directory for the changes of others asks here which
 * are not theirs. Knows names only, and compares directories by what they are, so that no link and no mount
 * hides a file of ours.
 */
import { statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { type FileTree, HOST_TREE } from "../sys/file/file_tree.ts";
import { TEMPORARY_NAME } from "../sys/file/atomic_file.ts";

interface Place {
  /** The directory, in `tree`. */
  readonly path: string;
  readonly tree: FileTree;
}

/** dev and ino of a directory. */
export interface DirectoryIdentity {
  readonly dev: number;
  readonly ino: number;
}

/**
 * Backups of the log, of which there may be one a second: their events are long heard when they are
 * forgotten.
 */
const MOST_PASSING = 64;

export class OwnFiles {
  /** By the file's name. */
  readonly #files = new Map<string, Place[]>();
  readonly #directories: Place[] = [];
  /** The oldest first. */
  readonly #passing: { readonly name: string; readonly place: Place }[] = [];

  /** `path` is absolute; it need not exist. */
  add(path: string, tree: FileTree = HOST_TREE): void {
    const place = { path: dirname(path), tree };
    const known = this.#files.get(basename(path)) ?? [];
    if (known.some((other) => other.path === place.path && other.tree === tree)) return;
    this.#files.set(basename(path), [...known, place]);
  }

  /** A file that is written once; of those the last few are remembered. */
  addPassing(path: string, tree: FileTree = HOST_TREE): void {
    this.#passing.push({ name: basename(path), place: { path: dirname(path), tree } });
    if (this.#passing.length > MOST_PASSING) this.#passing.shift();
  }

  /** Everything in it is ours. */
  addDirectory(path: string): void {
    this.#directories.push({ path, tree: HOST_TREE });
  }

  /** Quicker than `has`: false where no file of this name is ours, whatever its directory. */
  mayHave(name: string): boolean {
    return this.#directories.length > 0 || TEMPORARY_NAME.test(name) || this.#files.has(name) ||
      this.#passing.some((file) => file.name === name);
  }

  /** `directory`: where the file `name` is. */
  has(directory: DirectoryIdentity, name: string): boolean {
    if (TEMPORARY_NAME.test(name)) return true;
    const places = [
      ...this.#directories,
      ...(this.#files.get(name) ?? []),
      ...this.#passing.filter((file) => file.name === name).map(({ place }) => place),
    ];
    return places.some((place) => isDirectory(place, directory));
  }
}

function isDirectory({ path, tree }: Place, { dev, ino }: DirectoryIdentity): boolean {
  try {
    const found = tree.target(path, "look", (target) => statSync(target));
    return found.dev === dev && found.ino === ino;
  } catch {
    return false;
  }
}
