/** What `reeve plan` shows of jails and legions, and what it must never show. */
import { describe, expect, test } from "bun:test";
import { planToJson } from "../../../lib/cli/plan/json.ts";
import { planToText } from "../../../lib/cli/plan/text.ts";
import { build } from "../../config/build/fake_system.ts";

const plain = { paint: (text: string) => text };

function shown(text: string): { readonly text: string; readonly json: Record<string, never> } {
  const { plan, diagnostics } = build(text);
  expect(diagnostics.hasErrors).toBe(false);
  return {
    text: planToText(plan, plain).replace(/ +/g, " "),
    json: JSON.parse(JSON.stringify(planToJson(plan))),
  };
}

describe("a jail", () => {
  test("is shown with all that makes it, each with its line", () => {
    const { text, json } = shown(
      "namespace = /ns/001:castle\nnamespace-keep-mount = /dev/pts\nnamespace-keep-mount = /srv:/www\nunshare = net\n" +
        "setns-socket = /run/s\nsetns-skip = uts\nsetns = 7\nnamespace-bare",
    );
    for (
      const line of [
        "  jail  namespace  app.ini:1",
        "  root  /ns/001  app.ini:1",
        "  namespaces  pid mnt net uts ipc  app.ini:1",
        "  hostname  castle  app.ini:1",
        "  joins  those of pid 7  app.ini:7",
        "  keeps  /dev/pts  app.ini:2",
        "  keeps  /srv on /www  app.ini:3",
        "  mounts  /proc and what is kept, alone  app.ini:1",
        "  begins with  PATH, TERM and LANG alone  app.ini:1",
        "  hands out  the namespaces on /run/s, but uts  app.ini:5",
      ]
    ) expect(text).toContain(`${line.replace(/ +/g, " ")}\n`);
    expect(json).toMatchObject({
      instance: {
        jail: {
          option: "namespace",
          root: { path: "/ns/001", how: "pivot", keepOld: null },
          keep: [{ source: "/dev/pts", origin: "app.ini:2" }, { target: "/www", origin: "app.ini:3" }],
          origin: "app.ini:1",
        },
        setnsServer: { path: "/run/s", origin: "app.ini:5" },
      },
    });
  });

  test("of one daemon is one line", () => {
    const { text, json } = shown(
      "attach-daemon2 = cmd=a,ns_pid=1,root=/r,hostname=h,keep=/x:/y,tmpfs=/tmp,readonly=1,caps=chown;63,no_new_privs=1",
    );
    expect(text).toContain(
      " namespaces pid mnt uts; root /r; hostname h; keeps /x on /y; tmpfs on /tmp; the rest read-only app.ini:1\n",
    );
    expect(text).toContain(" capabilities kept chown 63 app.ini:1\n");
    expect(json).toMatchObject({
      daemons: [{
        namespaces: { namespaces: ["pid", "mnt", "uts"], keep: [{ origin: "app.ini:1" }] },
        capsBound: ["chown", "63"],
        noNewPrivs: true,
        from: { namespaces: "app.ini:1", noNewPrivs: "app.ini:1" },
      }],
    });
  });
});

describe("a legion", () => {
  const SECRETS = ["Topsecret1", "Topsecret2", "Topsecret3", "Topsecret4", "Topsecret5"];
  const TEXT =
    "legion-mcast = a 225.1.1.1:4242 98 bf-cbc:Topsecret1 Topsecret2\nlegion-auth = a Topsecret3\n" +
    "legion-lord = a cmd:mysql --password=Topsecret4\nlegion-scroll = a token=Topsecret5\nlegion-quorum = a 2\n" +
    "legion-node = a 10.0.0.9:4242\nlegion-mcast-if = a eth0\nlegion-unlord = a signal:sleep HUP\n" +
    "legion-attach-daemon = a sleep 1\nstats = :1717\nstats-min";

  test("is shown with all that makes it, and without its secrets", () => {
    const { text, json } = shown(TEXT);
    for (
      const line of [
        "legion a",
        "  valor  98  app.ini:1",
        "  listens on  225.1.1.1:4242 (multicast)  app.ini:1",
        "  interface  eth0  app.ini:1",
        "  node  225.1.1.1:4242  app.ini:1",
        "  node  10.0.0.9:4242  app.ini:6",
        "  cipher  bf-cbc, secret [hidden], IV [hidden]  app.ini:1",
        "  signed  with the secret [hidden]; unsigned packets are refused  app.ini:1",
        "  quorum  2 votes  app.ini:1",
        "  packets  every 3 s; a node is gone after 15 s of silence  app.ini:1",
        "  on lord  cmd:mysql --password=[hidden]  app.ini:3",
        "  on unlord  signal:sleep HUP  app.ini:8",
        "  legion  a  app.ini:9",
        "  statistics  0.0.0.0:1717, minified  app.ini:10",
      ]
    ) expect(text).toContain(`${line.replace(/ +/g, " ")}\n`);
    expect(json).toMatchObject({
      instance: {
        legions: [{
          name: "a",
          valor: 98,
          transport: {
            kind: "udp",
            secret: "[hidden]",
            iv: "[hidden]",
            authSecret: "[hidden]",
            multicast: true,
          },
          hooks: [
            { event: "lord", action: { kind: "cmd" }, origin: "app.ini:3" },
            { event: "unlord", action: { kind: "signal", daemon: "sleep", signal: "HUP" } },
          ],
          origin: "app.ini:1",
        }],
        stats: { address: { kind: "tcp", port: 1717 }, origin: "app.ini:10" },
      },
      daemons: [{ legion: "a", from: { legion: "app.ini:9" } }],
    });
    for (const secret of SECRETS) {
      expect(text).not.toContain(secret);
      expect(JSON.stringify(json)).not.toContain(secret);
    }
  });

  test("in etcd is shown with its lease", () => {
    const { text, json } = shown(
      "legion-etcd = a https://h1:2379,https://h2:2379 0 ttl=5 user=root:/etc/pw ca=/etc/ca",
    );
    for (
      const line of [
        "  valor  0: an arbiter, never lord  app.ini:1",
        "  etcd  https://h1:2379 https://h2:2379  app.ini:1",
        "  lease  5 s, under /reeve  app.ini:1",
        "  user  root, password in /etc/pw  app.ini:1",
        "  ca  /etc/ca  app.ini:1",
      ]
    ) expect(text).toContain(`${line.replace(/ +/g, " ")}\n`);
    expect(json).toMatchObject({ instance: { legions: [{ transport: { kind: "etcd", ttl: 5 } }] } });
  });
});
