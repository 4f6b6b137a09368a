import { expect, test } from "bun:test";
import { legionsText } from "../../lib/cli/legion_command.ts";
import { Directory, reeve } from "./cli.ts";

const LEGION = {
  legion: "blue",
  uuid: "aaaa",
  name: "node1",
  valor: 5,
  quorum: 2,
  votes: 2,
  i_am_the_lord: 1_800_000_000,
  since: 1_800_000_000,
  lord_valor: 5,
  lord_uuid: "aaaa",
  problem: null,
  refused: { secret: 3, clock: 0 },
  members: [
    { name: "node2", uuid: "bbbb", valor: 0, last_seen: 1_800_000_100, lord_valor: 5, lord_uuid: "aaaa" },
  ],
};

test("a legion is a line on this node's standing and a table of its nodes", () => {
  expect(legionsText([LEGION])).toBe(
    `legion blue: this node is the lord, since 2027-01-15T08:00:00Z; votes 2, quorum 2
  NODE   VALOR  LAST SEEN             VOTES FOR  UUID
  node1  5      this node             node1      aaaa  lord
  node2  0      2027-01-15T08:01:40Z  node1      bbbb
  packets refused, secret: 3
`,
  );
});

test("of a node that takes no part it says why", () => {
  const text = legionsText([{
    ...LEGION,
    i_am_the_lord: 0,
    problem: "no route",
    lord_uuid: "",
    members: [],
  }]);
  expect(text).toContain("this node is not the lord, since");
  expect(text).toContain("\n  takes no part: no route\n");
  expect(text).toContain("nobody");
});

test("an instance without legions says so", () => {
  expect(legionsText([])).toBe("the instance is in no legion\n");
});

test("what an answer says cannot reach the terminal as it is, and what is no legion does no harm", () => {
  const text = legionsText([
    {
      ...LEGION,
      legion: "\x1b[2J",
      members: [{ name: "\x1b]0;x\x07", uuid: 4, last_seen: 1e300 }, 7, null] as never,
    },
    {},
  ]);
  expect(text).not.toContain("\x1b");
  expect(text).toContain("\\e[2J");
});

test("of a file that cannot be read that is said, and not that it has no stats option", () => {
  using directory = new Directory();
  const { code, err } = reeve(["legion", "gone.ini"], { cwd: directory.path });
  expect(code).toBe(2);
  expect(err).toContain('cannot read "gone.ini": no such file or directory');
  expect(err).not.toContain("stats");
});
