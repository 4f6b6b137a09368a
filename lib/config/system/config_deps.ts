/**
 * The questions of the pure configuration code to the system, in one injected object. Tests pass a fake whose
 * unexpected calls throw. All calls are synchronous: a configuration is read before anything runs.
 */
export interface ConfigDeps {
  /**
   * Bytes of a regular file, FIFO or "-" (stdin), at most LARGEST_FILE; throws an Error otherwise, with
   * `code` (ENOENT ...) where the system gave one.
   */
  readFile(path: string): Uint8Array;
  exists(path: string): boolean;
  isFile(path: string): boolean;
  isDirectory(path: string): boolean;
  /** Paths that match a shell pattern, sorted; [] for none. */
  glob(pattern: string): string[];
  /**
   * Absolute path with links in directories resolved, the last component kept; the path itself where that
   * fails.
   */
  realDirectoryPath(path: string): string;
  inode(path: string): number;
  environment: Readonly<Record<string, string>>;
  cwd: string;
  hostname: string;
  cpuCount: number;
  /** Microseconds since 1970 at start. */
  startedAt: bigint;
  user: { uid: number; name: string; gid: number; group: string };
  /** Path of the running executable. */
  binary: string;
  isReload: boolean;
  /**
   * Standard output of a shell command, for @(exec://...); absent where side effects are forbidden (check).
   */
  execute?(command: string): Uint8Array;
  /** Content of an inherited file descriptor, for @(fd://N). */
  readFd?(fd: number): Uint8Array;
}
