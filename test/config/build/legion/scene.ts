/** A legion built from lines of a configuration, for the tests of its options. */
import { expect } from "bun:test";
import { build, fakeSystem, ORDINARY } from "../fake_system.ts";

export const AT = (line: number) => ({ file: "app.ini", line });

export const HOSTS = "127.0.0.1 localhost\n# 1.1.1.1 node1\n10.0.0.2 node2 Node2.example # node9\n" +
  "fe80::2 node3\nnonsense node4\n";

export const system = fakeSystem({ ...ORDINARY, "/etc/hosts": { text: HOSTS } });

export function legionOf(text: string) {
  const { plan, texts } = build(text, system);
  expect(texts).toEqual([]);
  const [legion] = plan.instance.legions;
  if (legion === undefined) throw new Error("no legion");
  return legion;
}

export const SECRET = "hunter2-s3cret";
