/** The envelope is pebble's, and levels are in order. */
import { expect, test } from "bun:test";
import { answerLater, answerNow, refuse } from "../../lib/control/reply.ts";
import { reaches } from "../../lib/control/request.ts";

test("an answer, a change and a refusal have pebble's envelope", () => {
  expect(answerNow([1])).toEqual({
    status: 200,
    body: { type: "sync", "status-code": 200, status: "OK", result: [1] },
  });
  expect(answerLater("12")).toMatchObject({ status: 202, body: { type: "async", change: "12" } });
  expect(refuse(400, "dependents", 'cannot stop "web"', ["api"])).toMatchObject({
    status: 400,
    body: { type: "error", result: { message: 'cannot stop "web"', kind: "dependents", value: ["api"] } },
  });
});

test("a level has all that is below it", () => {
  expect(reaches("admin", "operate")).toBe(true);
  expect(reaches("read", "operate")).toBe(false);
  expect(reaches("none", "read")).toBe(false);
  expect(reaches("none", "none")).toBe(true);
});
