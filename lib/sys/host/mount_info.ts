/**
 * The table of mounts that the kernel shows as /proc/PID/mountinfo (proc(5)), parsed. Pure: it opens no file,
 * and must never say of a mount what the table does not.
 */

export interface MountEntry {
  readonly target: string;
  /** Options of the mount itself (the sixth field): "ro", "nosuid" and the like. */
  readonly options: readonly string[];
  /** The file system's: "ext4", "fuse.sshfs". */
  readonly type: string;
}

/** Every line of `text` in its order: what is mounted on top of another comes after it. */
export function parseMountInfo(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split("\n")) {
    const fields = line.split(" ");
    const [target, options] = [fields[4], fields[5]];
    if (target === undefined || options === undefined) continue;
    // Fields that may be there or not end at a "-".
    const type = fields[fields.indexOf("-", 6) + 1] ?? "";
    entries.push({ target: unescapeMount(target), options: options.split(","), type });
  }
  return entries;
}

/** proc(5): blank, tab, newline and backslash are written as three octal digits. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
