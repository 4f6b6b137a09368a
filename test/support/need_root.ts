/** For tests that need root: they skip elsewhere and say why; with MUST_WORK=1 they fail instead. */
import { test } from "bun:test";

const isRoot = process.getuid?.() === 0;

export function rootTest(name: string, body: () => void | Promise<void>): void {
  if (isRoot || process.env["MUST_WORK"] === "1") test(name, body);
  else test.skip(`${name} [skipped: needs root]`, () => {});
}
