/** The statistics server of a configuration. */
import { describe, expect, test } from "bun:test";
import { build } from "../fake_system.ts";
import { AT, system } from "./scene.ts";

describe("stats", () => {
  test.each([
    [":1717", { kind: "tcp", host: "0.0.0.0", port: 1717 }],
    ["127.0.0.1:1717", { kind: "tcp", host: "127.0.0.1", port: 1717 }],
    ["[::1]:1717", { kind: "tcp", host: "::1", port: 1717 }],
    ["/run/stats", { kind: "unix", path: "/run/stats" }],
    ["./stats", { kind: "unix", path: "/home/me/stats" }],
  ])("%s is an address", (text, address) => {
    const { plan, texts } = build(`stats = ${text}\nstats-min`, system);
    expect(texts).toEqual([]);
    expect(plan.instance.stats).toEqual({ address, http: false, minified: true, origin: AT(1) } as never);
  });

  test("the last one counts, and a wrong one is an error", () => {
    const { plan } = build("stats = :1\nstats-server = :2\nstats-http", system);
    expect(plan.instance.stats).toMatchObject({ address: { port: 2 }, http: true });
    expect(build("stats = 1717", system).texts).toEqual([
      'app.ini:1: cannot serve statistics on "1717": it has no port: ' +
      'write HOST:PORT, or a path with a "/" for a unix socket',
    ]);
  });
});
