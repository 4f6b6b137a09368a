import { expect, test } from "bun:test";
import { errorText, faultPlace } from "../../lib/sys/error_text.ts";

test("anything thrown has a text", () => {
  expect([errorText(new Error("a")), errorText("b"), errorText(null)]).toEqual(["a", "b", "null"]);
});

test("a fault has its first place, and what is no fault has none", () => {
  const fault = new Error("x");
  fault.stack = "Error: x\n    at Mi (/$bunfs/root/chunk-0b2bsst2.js:219:10765)\n    at /$bunfs/root/a:5:1";
  expect(faultPlace(fault)).toBe("chunk-0b2bsst2.js:219:10765");
  fault.stack = "Error: x\n    at /$bunfs/root/reeve:5:1";
  expect(faultPlace(fault)).toBe("reeve:5:1");
  fault.stack = "cannot load the native part";
  expect([faultPlace(fault), faultPlace("x")]).toEqual([null, null]);
});
