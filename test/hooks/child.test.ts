/** The process that carries out an action in the user's name, beside others of the same user. Needs root. */
import { describe, expect } from "bun:test";
import { join } from "node:path";
import { needsRoot, run, testUnless } from "../native/build.ts";

const LIB = join(import.meta.dir, "../../lib");
const NOBODY = 65_534;

/** What /proc shows of a process belongs to its user, or to root where that user may not look into it. */
const SCRIPT = `
  const { native } = require("${LIB}/sys/native/native.ts");
  const { HOOK_VARIABLE, packHookRequest, runHookChild } = require("${LIB}/hooks/child.ts");
  const owner = () => require("node:fs").statSync("/proc/self/status").uid;
  native();
  process.setgid(${NOBODY});
  process.setuid(${NOBODY});
  native().reeve_dumpable(1);
  const before = owner();
  const action = { kind: "chdir", path: "/" };
  const context = { cwd: "/", umask: null, root: null };
  const packed = packHookRequest({ action, context, format: { format: "text", date: null, prefix: null, colour: false }, hidden: true });
  runHookChild({ [HOOK_VARIABLE]: packed });
  console.log(before, owner());
`;

describe("a hook's child", () => {
  testUnless(needsRoot(), "cannot be traced, or its descriptors used, by others of its user", () => {
    expect(run([process.execPath, "-e", SCRIPT]).output).toContain(`${NOBODY} 0\n`);
  });
});
