import { expect, test } from "bun:test";
import { Refusals } from "../../../lib/legion/packets/refusals.ts";

function world(): { refusals: Refusals; said: string[] } {
  const said: string[] = [];
  const refusals = new Refusals((text, { from, times }) =>
    said.push(`${text.split(/[ :]/).slice(2, 5).join(" ")} ${from} ${times}`)
  );
  return { refusals, said };
}

test("a refusal is said at once and then once a minute, with how many there were", () => {
  const { refusals, said } = world();
  for (let second = 0; second <= 120; second++) refusals.add("secret", "192.0.2.1", second * 1000);
  expect(said).toEqual([
    "cannot be opened 192.0.2.1 1",
    "cannot be opened 192.0.2.1 60",
    "cannot be opened 192.0.2.1 60",
  ]);
  expect(refusals.counts.secret).toBe(121);
});

test("each reason and each source is said for itself", () => {
  const { refusals, said } = world();
  refusals.add("secret", "a", 0);
  refusals.add("clock", "a", 0);
  refusals.add("secret", "b", 0);
  refusals.add("secret", "a", 1);
  expect(said).toEqual(["cannot be opened a 1", "has a time a 1", "cannot be opened b 1"]);
});

test("a thousand sources of a thousand packets are as many lines as the table is long, and one", () => {
  const { refusals, said } = world();
  for (let source = 0; source < 1000; source++) {
    for (let count = 0; count < 1000; count++) refusals.add("secret", `s${source}`, source);
  }
  expect(said).toHaveLength(33);
  expect(said.at(-1)).toBe("cannot be opened many others 1");
  expect(refusals.counts.secret).toBe(1_000_000);
});

test("a source that has been silent for a minute makes room", () => {
  const { refusals, said } = world();
  for (let source = 0; source < 40; source++) refusals.add("secret", `s${source}`, 0);
  refusals.add("secret", "new", 60_000);
  expect(said.at(-1)).toBe("cannot be opened new 1");
});
