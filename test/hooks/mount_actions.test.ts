import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Mounts are made in a mount namespace of their own, by this file run again as a program. */
const canUnshare = spawnSync("unshare", ["--mount", "true"]).status === 0;
const mountTest = test.skipIf(!canUnshare && process.env["MUST_WORK"] !== "1");
const HERE = import.meta.path;
const MODULES = join(import.meta.dir, "../../lib/hooks");

const PROGRAM = `
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
const { performMount, performUmount } = await import(${JSON.stringify(join(MODULES, "mount_actions.ts"))});
const top = process.env.TOP;
const attempt = (run) => { try { run(); return "done"; } catch (problem) { return problem.code ?? problem.message; } };
const mounted = () => readFileSync("/proc/self/mountinfo", "utf8").split("\\n").map((line) => line.split(" "))
  .filter((fields) => (fields[4] ?? "").startsWith(top)).map((fields) => fields[4].slice(top.length) + " " + fields[5].split(",").filter((o) => ["ro","rw","nosuid","nodev"].includes(o)).join(",")).sort();
for (const name of ["source", "bound"]) mkdirSync(top + "/" + name);
const result = {};
performMount({ type: "tmpfs", source: "none", target: top + "/source", flags: ["nosuid"], data: "size=1m" });
mkdirSync(top + "/source/inner");
performMount({ type: "tmpfs", source: "none", target: top + "/source/inner", flags: ["nodev"], data: null });
performMount({ type: "none", source: top + "/source", target: top + "/bound", flags: ["bind", "rec", "ro", "private"], data: null });
result.mounted = mounted();
result.write = attempt(() => writeFileSync(top + "/bound/x", ""));
result.writeInner = attempt(() => writeFileSync(top + "/bound/inner/x", ""));
result.writeSource = attempt(() => writeFileSync(top + "/source/x", ""));
performUmount({ target: top + "/bound", flags: ["rec"] });
result.after = mounted();
result.twice = attempt(() => performUmount({ target: top + "/bound", flags: [] }));
result.root = attempt(() => performUmount({ target: "/", flags: ["rec", "detach"] }));
result.flag = attempt(() => performMount({ type: "tmpfs", source: "none", target: top, flags: ["bogus"], data: null }));
console.log(JSON.stringify(result));
`;

mountTest(
  "binds are as read-only as they say, with what is below, and go again as a whole [needs root]",
  () => {
    const directory = mkdtempSync(join(tmpdir(), "reeve-mount-"));
    try {
      const run = spawnSync("unshare", [
        "--mount",
        "--propagation",
        "private",
        process.execPath,
        "-e",
        PROGRAM,
      ], {
        env: { ...process.env, TOP: directory },
        cwd: join(HERE, "../../.."),
      });
      expect(run.stderr.toString()).toBe("");
      expect(JSON.parse(run.stdout.toString())).toEqual({
        mounted: ["/bound ro,nosuid", "/bound/inner ro,nodev", "/source rw,nosuid", "/source/inner rw,nodev"],
        write: "EROFS",
        writeInner: "EROFS",
        writeSource: "done",
        after: ["/source rw,nosuid", "/source/inner rw,nodev"],
        twice: `cannot unmount "${directory}/bound": invalid argument`,
        root: 'cannot unmount "/": it is the root of everything that runs here',
        flag: 'flag "bogus" is not known',
      });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
);
