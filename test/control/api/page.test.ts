import { expect, test } from "bun:test";
import { apiPage } from "../../../lib/control/api/page.ts";
import { findRoute } from "../../../lib/control/api/route.ts";
import { ROUTES } from "../../../lib/control/api/routes.ts";

test("docs/api.md is what the table of routes says; bun run lib/control/api/page.ts writes it", async () => {
  const page = await Bun.file(new URL("../../../docs/api.md", import.meta.url)).text();
  expect(page).toBe(apiPage());
});

test("each method of a path is one route, and each route is found by its example", () => {
  const names = ROUTES.map(({ method, path }) => `${method} ${path}`);
  expect(new Set(names).size).toBe(names.length);
  for (const route of ROUTES) {
    const [path = ""] = (route.example.at(-1) ?? "").split("?");
    expect(findRoute(ROUTES, route.method, path).route).toBe(route);
    expect(route.example.includes("--json") || route.example.includes("POST")).toBe(route.method === "POST");
  }
});

test("what only looks needs less than what does something", () => {
  for (const { method, level } of ROUTES) {
    expect(["none", "read"].includes(level)).toBe(method === "GET");
  }
});
