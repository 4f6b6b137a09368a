/** docs/daemons.md has every key as the table has it, with an example that works. */
import { expect, test } from "bun:test";
import { DAEMON_KEYS } from "../../../lib/config/options/daemon_keys.ts";
import { withKeys } from "../../../lib/config/options/keys_page.ts";
import { build, fakeSystem } from "../build/fake_system.ts";

test("docs/daemons.md is current; bun run lib/config/options/keys_page.ts writes its keys", async () => {
  const page = await Bun.file(new URL("../../../docs/daemons.md", import.meta.url)).text();
  expect(page).toBe(withKeys(page));
});

test.each(DAEMON_KEYS.map(({ key, example }) => [key, example] as const))(
  "the example of %s works",
  (key, example) => {
    const system = fakeSystem(undefined, { stat: () => ({ kind: "file", mode: 0o644, uid: 0, gid: 0 }) });
    const rest = key === "command" ? "" : ",cmd=x";
    const pidfile = key === "daemonize" || key === "notifypid" ? ",pidfile=/run/x.pid" : "";
    const legion = key === "legion" ? `legion = ${example} 127.0.0.1:4242 1 bf-cbc:secret\n` : "";
    const { plan, texts } = build(`${legion}attach-daemon2 = ${key}=${example}${rest}${pidfile}`, system);
    expect(texts.filter((text) => !text.includes("legion-node"))).toEqual([]);
    expect(plan.daemons).toHaveLength(1);
  },
);
