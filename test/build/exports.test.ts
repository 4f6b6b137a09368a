/**
 * What a file of lib/ exports is named somewhere else: else it is dead, or nobody's business. Types describe
 * what is exported.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..", "..");
/** Everything of the headers, whoever needs it. */
const GENERATED = "lib/sys/native/constants.ts";

test("every value that a file exports is used by another", () => {
  const texts = new Map<string, string>();
  const users = new Map<string, Set<string>>();
  for (const file of new Bun.Glob("{main,build}.ts").scanSync(ROOT)) texts.set(file, "");
  for (const file of new Bun.Glob("{lib,test,bench,build,native}/**/*.ts").scanSync(ROOT)) {
    texts.set(file, "");
  }
  for (const file of texts.keys()) {
    const text = readFileSync(join(ROOT, file), "utf8");
    texts.set(file, text);
    for (const [word] of text.matchAll(/\w+/g)) users.set(word, (users.get(word) ?? new Set()).add(file));
  }
  const exported = /^export (?:abstract )?(?:async )?(?:function\*?|const|class) (\w+)/gm;
  const unused = [...texts].filter(([file]) => file.startsWith("lib/") && file !== GENERATED)
    .flatMap(([file, text]) => [...text.matchAll(exported)].map(([, name = ""]) => `${name} of ${file}`))
    .filter((line) => (users.get(line.split(" ")[0] ?? "")?.size ?? 0) < 2);
  expect(unused).toEqual([]);
});
