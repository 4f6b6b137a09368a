import { expect, test } from "bun:test";
import { parseMountInfo } from "../../../lib/sys/host/mount_info.ts";

test("the mount table is read with its escapes and options", () => {
  const text = "36 35 98:0 /mnt1 /mnt\\0402\\134\u00e4 ro,nosuid,relatime master:1 - ext3 /dev/root rw\n";
  expect(parseMountInfo(text)).toEqual([{
    target: "/mnt 2\\\u00e4",
    options: ["ro", "nosuid", "relatime"],
    type: "ext3",
  }]);
});

test("lines that are cut short are passed over", () => {
  expect(parseMountInfo("36 35 98:0 /mnt1 /mnt2\n\n36")).toEqual([]);
});
