/**
 * What dpkg knows of the packages of this machine, and which of them come with others. Must never count what
 * is only recommended: the gate installs without it.
 */

export interface InstalledPackage {
  readonly isEssential: boolean;
  /** Names of packages, real ones and provided ones; of alternatives each. */
  readonly depends: readonly string[];
  readonly provides: readonly string[];
}

const FIELDS = "${db:Status-Status}\t${Package}\t${Essential}\t${Depends}, ${Pre-Depends}\t${Provides}\n";

export function readInstalled(): ReadonlyMap<string, InstalledPackage> {
  const run = Bun.spawnSync(["dpkg-query", "-W", "-f", FIELDS], { stdin: "ignore", stderr: "pipe" });
  if (!run.success) throw new Error(`cannot ask dpkg for its packages: ${run.stderr.toString()}`);
  return parseInstalled(run.stdout.toString());
}

export function parseInstalled(text: string): ReadonlyMap<string, InstalledPackage> {
  const installed = new Map<string, InstalledPackage>();
  for (const line of text.split("\n")) {
    const [status, name = "", essential, depends = "", provides = ""] = line.split("\t");
    if (status !== "installed") continue;
    installed.set(name, {
      isEssential: essential === "yes",
      depends: namesOf(depends),
      provides: namesOf(provides),
    });
  }
  return installed;
}

/** "a (>= 1) | b:any, c" -> a, b, c */
function namesOf(list: string): string[] {
  return list.split(/[,|]/).map((one) => one.trim().replace(/[\s:(].*$/s, "")).filter((name) => name !== "");
}

/** What is there when `names` and the essential packages are, as far as it is installed here. */
export function dependencyClosure(
  installed: ReadonlyMap<string, InstalledPackage>,
  names: readonly string[],
): ReadonlySet<string> {
  const providers = new Map<string, string[]>();
  for (const [name, { provides }] of installed) {
    for (const one of [name, ...provides]) providers.set(one, [...providers.get(one) ?? [], name]);
  }
  const essential = [...installed].filter(([, { isEssential }]) => isEssential).map(([name]) => name);
  const found = new Set<string>();
  const waiting = [...essential, ...names];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    for (const one of providers.get(name) ?? []) {
      if (found.has(one)) continue;
      found.add(one);
      waiting.push(...installed.get(one)!.depends);
    }
  }
  return found;
}
