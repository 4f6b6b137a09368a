/** Endpoints of etcd, and who may use them: users, passwords and certificates, on real servers. */
import { afterAll, describe, expect } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../../e2e/wait.ts";
import { ETCD_MISSING, EtcdServers, etcdTest, makeCertificates } from "./servers.ts";
import { check, endShared, NO_TLS, TestNode, undisturbed } from "./server_scene.ts";

afterAll(endShared);

describe("endpoints", () => {
  check("dead ones in the list are passed over", async () => {
    const etcd = await undisturbed();
    const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const nonsense = Bun.serve({ port: 0, fetch: () => new Response("<html>", { status: 502 }) });
    try {
      const urls = [
        "http://127.0.0.1:1",
        `http://127.0.0.1:${silent.port}`,
        nonsense.url.href.slice(0, -1),
        ...etcd.urls,
      ];
      await using node = new TestNode(urls, "node", { legion: "dead" });
      await node.untilLord();
      expect(node.lines.filter((line) => line.startsWith("warning"))).toEqual([]);
    } finally {
      silent.stop(true);
      await nonsense.stop(true);
    }
  });

  check("each that fails is named with its reason", async () => {
    const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const nonsense = Bun.serve({ port: 0, fetch: () => new Response("<html>", { status: 502 }) });
    try {
      const urls = ["http://127.0.0.1:1", `http://127.0.0.1:${silent.port}`, nonsense.url.href.slice(0, -1)];
      await using node = new TestNode(urls, "node");
      await node.untilLine(
        /waiting for etcd: http:\/\/127.0.0.1:1: connection refused; http:\S+: no answer in 2.0 s; http:\S+: it answers HTTP 502/,
      );
    } finally {
      silent.stop(true);
      await nonsense.stop(true);
    }
  });

  check("a server of another cluster is not asked twice", async () => {
    await using etcd = new EtcdServers(1);
    await using stranger = new EtcdServers(1);
    await etcd.ready();
    await stranger.ready();
    await using node = new TestNode([...etcd.urls, ...stranger.urls], "node");
    await node.untilLord();
    etcd.signal(0, "SIGSTOP");
    await node.untilLine(/it is of another cluster/);
    await until("it has stepped down", () => !node.isLord);
    etcd.signal(0, "SIGCONT");
  });

  check("an answer without an end is cut off", async () => {
    const endless = Bun.serve({
      port: 0,
      fetch: () => new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(1 << 20)) })),
    });
    try {
      await using node = new TestNode([endless.url.href.slice(0, -1)], "node");
      await node.untilLine(/its answer has no end|no answer in/);
    } finally {
      await endless.stop(true);
    }
  });
});

describe("who may", () => {
  const tlsTest = (name: string, body: () => Promise<void>): void =>
    etcdTest(name, ETCD_MISSING ?? (Bun.which("openssl") === null ? `needs "openssl"` : null), body);

  tlsTest(
    "TLS with the authority's certificate, and the client's own, works; without either it is said what is missing",
    async () => {
      const room = new EtcdServers(0);
      const files = makeCertificates(room.directory);
      await using etcd = new EtcdServers(1, {
        tls: { cert: files.cert, key: files.key, ca: files.ca, wantsClient: true },
      });
      const ctl = [`--cacert=${files.ca}`, `--cert=${files.clientCert}`, `--key=${files.clientKey}`];
      await etcd.ready(...ctl);
      try {
        await using good = new TestNode(etcd.urls, "good", {
          tls: { ca: files.ca, cert: files.clientCert, key: files.clientKey },
        });
        await good.untilLord();
        await using unknown = new TestNode(etcd.urls, "unknown", {
          tls: { ...NO_TLS, cert: files.clientCert, key: files.clientKey },
        });
        await unknown.untilLine(/its certificate's authority is not known: name the authority with ca=FILE/);
        await using wrong = new TestNode(etcd.urls, "wrong", {
          tls: { ca: files.strangerCa, cert: files.clientCert, key: files.clientKey },
        });
        await wrong.untilLine(/waiting for etcd: https:\S+: its certificate/);
        await using anonymous = new TestNode(etcd.urls, "anonymous", { tls: { ...NO_TLS, ca: files.ca } });
        await anonymous.untilLine(/waiting for etcd: https/);
        const otherName = etcd.urls[0]!.replace("127.0.0.1", "localhost");
        await using named = new TestNode([otherName], "named", {
          tls: { ca: files.ca, cert: files.clientCert, key: files.clientKey },
        });
        await named.untilLine(/its certificate is for another name/);
        expect([unknown, wrong, anonymous, named].some((node) => node.isLord)).toBe(false);
      } finally {
        await room[Symbol.asyncDispose]();
      }
    },
  );

  check(
    "a user and a password; a wrong one is said, and tried again with what the file says by then",
    async () => {
      await using etcd = new EtcdServers(1);
      await etcd.ready();
      for (
        const words of [
          ["user", "add", "root:secret"],
          ["user", "grant-role", "root", "root"],
          ["user", "add", "reeve:good"],
          ["role", "add", "reeve"],
          ["role", "grant-permission", "reeve", "--prefix=true", "readwrite", "/reeve/test/"],
          ["user", "grant-role", "reeve", "reeve"],
          ["auth", "enable"],
        ]
      ) {
        const run = etcd.ctl(...words);
        if (!run.success && !run.output.includes("role root")) {
          const added = etcd.ctl("role", "add", "root");
          if (!added.success || !etcd.ctl(...words).success) {
            throw new Error(
              `${words.join(" ")}: ${run.output}`,
            );
          }
        }
      }
      const file = join(etcd.directory, "password");
      writeFileSync(file, "bad\n");
      chmodSync(file, 0o600);
      let password = "bad";
      await using node = new TestNode(etcd.urls, "node", {
        user: { name: "reeve", password: () => password },
      });
      await node.untilLine(/wrong password, or no such user "reeve"/);
      await using anonymous = new TestNode(etcd.urls, "anonymous");
      await anonymous.untilLine(/it wants a user: give one with user=NAME:PASSWORD-FILE/);
      password = "good";
      await node.untilLord();
      await using outside = new TestNode(etcd.urls, "outside", {
        user: { name: "reeve", password: () => password },
        legion: "elsewhere",
      });
      await outside.untilLine(/the user "reeve" may not use the keys of the prefix/);
    },
  );
});
