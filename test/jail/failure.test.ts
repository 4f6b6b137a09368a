import { expect, test } from "bun:test";
import { describePlaceFailure } from "../../lib/jail/failure.ts";
import { jailSetup } from "../../lib/jail/namespace_setup.ts";
import { JAIL_PLAN, keep } from "./plans.ts";

const SUBJECT = {
  root: "/srv/jail",
  mounts: jailSetup({ ...JAIL_PLAN, keep: [keep("/data", "/mnt/data")] }).mounts,
  hostname: "box",
};

function text(stage: string, errno: number, detail = 0): string | null {
  return describePlaceFailure(SUBJECT, { stage, errno, detail });
}

test("what could not be done, why, and what helps", () => {
  expect(text("clone", 1)).toBe(
    "make its namespaces: operation not permitted (namespaces take root, or CAP_SYS_ADMIN; in a container they may be forbidden altogether)",
  );
  expect(text("clone", 22)).toContain("this kernel lacks one of the namespaces");
  expect(text("clone", 28)).toContain("a limit is reached");
  expect(text("root", 2)).toBe(
    'root "/srv/jail": no such file or directory (build a root file system there first)',
  );
  expect(text("root", 20)).toBe('root "/srv/jail": not a directory (it has to be a directory)');
  expect(text("mount", 30)).toBe(
    'mount proc on "/proc": read-only file system (the root is read-only: make "/proc" in it beforehand)',
  );
  expect(text("mount", 2, 2)).toBe(
    'mount "/data" on "/mnt/data": no such file or directory ("/data" is not there, or "/mnt/data" cannot be made in the root)',
  );
  expect(text("hostname", 1)).toContain('hostname "box": operation not permitted');
});

test("stages that are none of the jail's are left to whoever knows them", () => {
  for (const stage of ["exec", "chdir", "setuid", "request"]) expect(text(stage, 2)).toBeNull();
});

test("a step that is not known is still a mount", () => {
  expect(text("mount", 2, 99)).toBe("mount: no such file or directory");
});
