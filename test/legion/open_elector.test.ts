import { expect, test } from "bun:test";
import { nodeName } from "../../lib/legion/open_elector.ts";
import { decodeAnnouncement, encodeAnnouncement } from "../../lib/legion/packets/wire.ts";

test("a node of a host without a name has one that others take", () => {
  expect(nodeName("web1")).toBe("web1");
  const id = { uuid: "a".repeat(36), name: nodeName(""), valor: 1 };
  const counts = { pid: 1, unix: 1, lord: 0, checksum: 0n, lordValor: 0 };
  const said = { legion: "blue", id, ...counts, lordUuid: "", scroll: null, dead: false };
  expect(decodeAnnouncement(encodeAnnouncement(said, null))?.announcement.id).toEqual(id);
});
