import { expect, test } from "bun:test";
import { lazy } from "../../lib/sys/lazy.ts";

test("a lazy value is made once, when it is first asked for", () => {
  let made = 0;
  const value = lazy(() => {
    made += 1;
    return undefined;
  });
  expect(made).toBe(0);
  expect([value(), value(), made]).toEqual([undefined, undefined, 1]);
});
