import { describe, expect, test } from "bun:test";
import { build } from "../fake_system.ts";
import { AT, legionOf, SECRET, system } from "./scene.ts";

function udpOf(text: string) {
  const { transport } = legionOf(text);
  if (transport.kind !== "udp") throw new Error("no packets");
  return transport;
}

describe("legion", () => {
  test("has uWSGI's defaults", () => {
    expect(legionOf("legion = mylegion 10.0.0.1:4001 98 bf-cbc:hello")).toEqual({
      name: "mylegion",
      valor: 98,
      transport: {
        kind: "udp",
        listen: { kind: "udp4", address: "10.0.0.1", port: 4001 },
        multicast: false,
        multicastInterface: null,
        broadcast: false,
        nodes: [],
        cipher: "bf-cbc",
        secret: "hello",
        iv: null,
        authSecret: null,
      },
      quorum: 0,
      freq: 3,
      tolerance: 15,
      skewTolerance: 60,
      deathOnLordError: null,
      scroll: null,
      scrollMaxSize: 4096,
      scrollListMaxSize: 32768,
      hookTimeout: 30,
      hooks: [],
      origin: AT(1),
    });
  });

  test("over multicast has the group as a node, as the documentation's celery beat example does", () => {
    const text = "master = true\nlegion-mcast = mylegion 225.1.1.1:9191 90 bf-cbc:mysecret\n" +
      "legion-smart-attach-daemon = mylegion /tmp/celery-beat.pid celery beat --pidfile=/tmp/celery-beat.pid";
    const group = { kind: "udp4", address: "225.1.1.1", port: 9191 };
    expect(udpOf(text)).toMatchObject({
      listen: group,
      multicast: true,
      nodes: [{ address: group, origin: AT(2) }],
      secret: "mysecret",
    });
    expect(build(text, system).plan.daemons).toMatchObject([{
      name: "celery",
      option: "legion-smart-attach-daemon",
      kind: "smart",
      pidfile: "/tmp/celery-beat.pid",
      legion: "mylegion",
    }]);
  });

  test.each([
    ["aes-256-cbc:a:b", "aes-256-cbc", "a:b", null],
    ["AES-256-CBC:secret iv", "aes-256-cbc", "secret", "iv"],
    ["bf-cbc:secret some iv", "bf-cbc", "secret", "some iv"],
    ["bf-cbc::", "bf-cbc", ":", null],
  ])("%s is cipher, secret and IV", (text, cipher, secret, iv) => {
    expect(udpOf(`legion = a :1 1 ${text}`)).toMatchObject({ cipher, secret, iv });
  });

  test.each([
    [":4242", { kind: "udp4", address: "0.0.0.0", port: 4242 }],
    ["localhost:1", { kind: "udp4", address: "127.0.0.1", port: 1 }],
    ["node2.EXAMPLE:65535", { kind: "udp4", address: "10.0.0.2", port: 65535 }],
    ["node3:2", { kind: "udp6", address: "fe80::2", port: 2 }],
    ["[::1]:3", { kind: "udp6", address: "::1", port: 3 }],
    ["[2001:DB8:0::0:1]:3", { kind: "udp6", address: "2001:db8::1", port: 3 }],
    ["[fe80::1%eth0]:3", { kind: "udp6", address: "fe80::1%eth0", port: 3 }],
    ["/tmp/l.sock", { kind: "unix", path: "/tmp/l.sock" }],
    ["./l:1", { kind: "unix", path: "/home/me/l:1" }],
  ])("%s is an address", (text, address) => {
    expect(udpOf(`legion = a ${text} 1 bf-cbc:x`).listen).toEqual(address as never);
  });

  test("at 255.255.255.255 is a broadcast, at ff00::/8 a multicast", () => {
    expect(udpOf("legion-mcast = a 255.255.255.255:1 1 bf-cbc:x")).toMatchObject({
      broadcast: true,
      multicast: false,
    });
    expect(udpOf("legion-mcast = a [ff02::1%eth0]:1 1 bf-cbc:x\nlegion-mcast-if = a eth0")).toMatchObject({
      multicast: true,
      multicastInterface: "eth0",
    });
  });

  test("has a port to itself in each of the two families", () => {
    expect(udpOf("legion = a :1 1 bf-cbc:x\nlegion = b [::]:1 1 bf-cbc:y").listen.kind).toBe("udp4");
  });

  test("takes what other lines say of it, and only of it", () => {
    const text = "legion = a 10.0.0.1:1 0 bf-cbc:x\nlegion = b 10.0.0.1:2 1 bf-cbc:y\n" +
      "legion-node = a 10.0.0.2:1\nlegion-node = a node2:2\nlegion-quorum = a 2\nlegion-auth = a other secret\n" +
      "legion-scroll = a one two\nlegion-lord = b cmd:echo up\nlegion-freq = 0.2\nlegion-tolerance = 900ms\n" +
      "legion-skew-tolerance = 30\nlegion-death-on-lord-error = 5\nlegion-scroll-max-size = 1K\nlegion-hook-timeout = 2";
    const { plan, texts } = build(text, system);
    expect(texts).toEqual([]);
    expect(plan.instance.legions).toMatchObject([
      {
        name: "a",
        valor: 0,
        transport: {
          nodes: [
            { address: { kind: "udp4", address: "10.0.0.2", port: 1 }, origin: AT(3) },
            { address: { kind: "udp4", address: "10.0.0.2", port: 2 }, origin: AT(4) },
          ],
          authSecret: "other secret",
        },
        quorum: 2,
        freq: 0.2,
        tolerance: 0.9,
        skewTolerance: 30,
        deathOnLordError: 5,
        scroll: "one two",
        scrollMaxSize: 1024,
        hookTimeout: 2,
        hooks: [],
      },
      { name: "b", freq: 0.2, scroll: null, hooks: [{ event: "lord" }], transport: { authSecret: null } },
    ]);
    expect(plan.instance.legions[0]).not.toHaveProperty("quorumOrigin");
  });

  test("of unix sockets has unix nodes", () => {
    expect(udpOf("legion = a /tmp/1 1 bf-cbc:x\nlegion-node = a /tmp/2").nodes).toEqual([
      { address: { kind: "unix", path: "/tmp/2" }, origin: AT(2) },
    ]);
  });
});

describe("hooks of a legion", () => {
  test("are commands, log lines and signals, in the order of the configuration", () => {
    const legion = legionOf(
      "attach-daemon2 = cmd=x,name=web\nlegion = a :1 1 bf-cbc:x\nlegion-lord = a cmd:up --password=p1 now\n" +
        "legion-unlord = a exec:down\nlegion-setup = a log:a line\nlegion-death = a signal:web HUP\n" +
        "legion-join = a log:j\nlegion-node-joined = a log:n\nlegion-node-left = a signal:web RTMIN+1",
    );
    expect(legion.hooks.map(({ event, action, shown }) => [event, action, shown])).toEqual([
      ["lord", { kind: "cmd", command: "up --password=p1 now" }, "cmd:up --password=[hidden] now"],
      ["unlord", { kind: "cmd", command: "down" }, "exec:down"],
      ["setup", { kind: "log", text: "a line" }, "log:a line"],
      ["death", { kind: "signal", daemon: "web", signal: 1 }, "signal:web HUP"],
      ["join", { kind: "log", text: "j" }, "log:j"],
      ["node-joined", { kind: "log", text: "n" }, "log:n"],
      ["node-left", { kind: "signal", daemon: "web", signal: 35 }, "signal:web RTMIN+1"],
    ]);
  });
});

describe("daemons of a legion", () => {
  test("have its name in front of the usual text, or as a key", () => {
    const { plan, texts } = build(
      "legion-attach-daemon = a /bin/sleep 1\nlegion = a :1 1 bf-cbc:x\n" +
        "legion-smart-attach-daemon2 = a /tmp/p,3 sleep 2\nattach-daemon2 = cmd=sleep 3,legion=a\nattach-daemon = b",
      system,
    );
    expect(texts).toEqual([]);
    expect(plan.daemons).toMatchObject([
      { legion: "a", kind: "dumb", command: { words: ["/bin/sleep", "1"] }, origins: { legion: AT(1) } },
      { legion: "a", kind: "smart2", pidfile: "/tmp/p", freq: 3, command: { words: ["sleep", "2"] } },
      { legion: "a", option: "attach-daemon2", origins: { legion: AT(4) } },
      { legion: null },
    ]);
  });

  test.each([
    ["legion-attach-daemon = sleep", 'it takes "LEGION COMMAND", and there is no space in it'],
    ["legion-smart-attach-daemon = a", 'it takes "LEGION PIDFILE COMMAND"'],
    ["legion-smart-attach-daemon = a /tmp/p", 'it takes "PIDFILE COMMAND" behind the legion'],
    [
      "legion-attach-daemon = b sleep 1",
      'legion-attach-daemon names the unknown legion "b": did you mean "a"?',
    ],
    ["attach-daemon2 = cmd=x,legion=", "cannot use legion: its value is empty"],
    ["attach-daemon2 = cmd=x,legion=ab", 'the key "legion" names the unknown legion "ab": did you mean "a"?'],
  ])("%s is an error", (line, expected) => {
    const { diagnostics, texts } = build(`legion = a :1 1 bf-cbc:x\n${line}`, system);
    expect(texts.join("\n")).toContain(`app.ini:2: `);
    expect(texts.join("\n")).toContain(expected);
    expect(diagnostics.hasErrors).toBe(true);
  });
});

describe("a wrong line", () => {
  test.each([
    ["legion = a", 'cannot use legion: it takes "NAME ADDRESS VALOR CIPHER:SECRET [IV]"'],
    ["legion = a :1 1", 'it takes "NAME ADDRESS VALOR CIPHER:SECRET [IV]"'],
    [`legion = a :1 bf-cbc:${SECRET}`, 'it takes "NAME ADDRESS VALOR CIPHER:SECRET [IV]"'],
    [`legion = a :1 1 ${SECRET}`, "the last part must be CIPHER:SECRET"],
    ["legion = a :1 1 bf-cbc:", "the last part must be CIPHER:SECRET"],
    [`legion = a :1 1 :${SECRET}`, "the last part must be CIPHER:SECRET"],
    [`legion = a :1 high bf-cbc:${SECRET}`, "the valor must be a number"],
    [`legion = a :1 -1 bf-cbc:${SECRET}`, "the valor must be a number"],
    [`legion = a :1 1.5 bf-cbc:${SECRET}`, "the valor must be a number"],
    [`legion = a :1 99999999999999999 bf-cbc:${SECRET}`, "the valor must be a number"],
    [`legion = a/b :1 1 bf-cbc:${SECRET}`, "the name of a legion has 1 to 255 characters"],
    [`legion = a :x 1 bf-cbc:${SECRET}`, "bad address: the port is no number"],
    [`legion = a :0 1 bf-cbc:${SECRET}`, 'the port "0" is not one of 1 to 65535'],
    [`legion = a :65536 1 bf-cbc:${SECRET}`, "is not one of 1 to 65535"],
    [`legion = a bf-cbc:${SECRET} 1 :4242`, "bad address: the port is no number"],
    [`legion = a ${SECRET} 1 :4242`, "bad address: it has no port"],
    [`legion = a node 1 bf-cbc:${SECRET}`, "it has no port: write HOST:PORT"],
    [
      `legion = a nohost:1 1 bf-cbc:${SECRET}`,
      '"nohost" is no address, and /etc/hosts does not have this name',
    ],
    [`legion = a node1:1 1 bf-cbc:${SECRET}`, "/etc/hosts does not have this name"],
    [`legion = a node9:1 1 bf-cbc:${SECRET}`, "/etc/hosts does not have this name"],
    [`legion = a node4:1 1 bf-cbc:${SECRET}`, "/etc/hosts does not have this name"],
    [`legion = a 10.0.0:1 1 bf-cbc:${SECRET}`, '"10.0.0" is no address'],
    [`legion = a 10.0.0.256:1 1 bf-cbc:${SECRET}`, '"10.0.0.256" is no address'],
    [`legion = a 010.0.0.1:1 1 bf-cbc:${SECRET}`, '"010.0.0.1" is no address'],
    [`legion = a ::1:4242 1 bf-cbc:${SECRET}`, 'written in brackets, as in "[::1]:4242"'],
    [`legion = a [1.2.3.4]:1 1 bf-cbc:${SECRET}`, "is no IPv6 address"],
    [`legion = a [::g]:1 1 bf-cbc:${SECRET}`, "is no IPv6 address"],
    [`legion = a @abstract 1 bf-cbc:${SECRET}`, "abstract sockets are not served"],
    [
      `legion-mcast = a 10.0.0.1:1 1 bf-cbc:${SECRET}`,
      "is no multicast address, so no other node would be heard",
    ],
    [`legion = a :1 1 bf-cbc:${SECRET}\nlegion = a :2 1 bf-cbc:y`, 'legion "a" is defined in line 1 already'],
    [
      `legion = a :1 1 bf-cbc:${SECRET}\nlegion = b :1 1 bf-cbc:y`,
      'where legion "a" does: give it another port',
    ],
    [`legion = a :1 1 bf-cbc:${SECRET}\nlegion = b 10.0.0.1:1 1 bf-cbc:y`, 'where legion "a" does'],
    [
      `legion-mcast = a 225.1.1.1:1 1 bf-cbc:${SECRET}\nlegion-mcast = b 225.1.1.2:1 1 bf-cbc:y`,
      'where legion "a" does',
    ],
    [
      "legion = a /tmp/s 1 bf-cbc:x\nlegion = b /tmp/s 1 bf-cbc:y",
      'would listen on "/tmp/s", where legion "a" does',
    ],
    [
      `legion-quorum = a 2\nlegion = a :1 1 bf-cbc:${SECRET}`,
      'legion-quorum names the legion "a" before its own line',
    ],
    [`legion = a /tmp/${"l".repeat(103)} 1 bf-cbc:${SECRET}`, "the path of a socket has 107 bytes at most"],
    ["legion-quorum = a 2", 'the unknown legion "a": no legion, legion-mcast or legion-etcd is configured'],
    ["legion = a :1 1 bf-cbc:x\nlegion-node = other :1", 'the unknown legion "other": there are "a"'],
    ["legion = a :1 1 bf-cbc:x\nlegion-node = b :1", 'the unknown legion "b": did you mean "a"?'],
    ["legion = alpha :1 1 bf-cbc:x\nlegion-node = alhpa :1", 'did you mean "alpha"?'],
    ["legion = a :1 1 bf-cbc:x\nlegion-node = a", 'it takes "NAME ADDRESS"'],
    ["legion = a :1 1 bf-cbc:x\nlegion-node = a :2", 'cannot use legion-node ":2": it names no host'],
    ["legion = a :1 1 bf-cbc:x\nlegion-node = a [::1]:2", "which is of another kind"],
    ["legion = a /tmp/x 1 bf-cbc:x\nlegion-node = a 10.0.0.1:2", "which is of another kind"],
    ["legion = a :1 1 bf-cbc:x\nlegion-quorum = a most", '"legion-quorum" takes a whole number, not "most"'],
    ["legion = a :1 1 bf-cbc:x\nlegion-quorum = a -1", "is out of range"],
    ["legion = a :1 1 bf-cbc:x\nlegion-mcast-if = a eth0", "this legion has no multicast address"],
    ["legion-mcast = a 225.1.1.1:1 1 bf-cbc:x\nlegion-mcast-if = a a/b", "it takes the name of an interface"],
    ["legion = a :1 1 bf-cbc:x\nlegion-freq = 0.01", "legion-freq must be at least 0.05 s"],
    ["legion = a :1 1 bf-cbc:x\nlegion-freq = 0", "legion-freq must be at least 0.05 s"],
    ["legion = a :1 1 bf-cbc:x\nlegion-tolerance = 3", "must be longer than legion-freq (3 s)"],
    ["legion = a :1 1 bf-cbc:x\nlegion-tolerance = soon", '"legion-tolerance" takes a time'],
    ["legion = a :1 1 bf-cbc:x\nlegion-skew-tolerance = 0.5", "legion-skew-tolerance must be at least 1 s"],
    ["legion = a :1 1 bf-cbc:x\nlegion-hook-timeout = 0", "legion-hook-timeout must be at least 0.05 s"],
    ["legion = a :1 1 bf-cbc:x\nlegion-scroll-max-size = 64K", "must be at most 65535 bytes"],
    [
      "legion = a :1 1 bf-cbc:x\nlegion-scroll-max-size = 3\nlegion-scroll = a four",
      'scroll of legion "a" has 4 bytes',
    ],
    ["legion = a :1 1 bf-cbc:x\nlegion-lord = a up", "an action is written ACTION:ARGUMENTS"],
    ["legion = a :1 1 bf-cbc:x\nlegion-lord = a cmd:", "cmd takes a command"],
    ["legion = a :1 1 bf-cbc:x\nlegion-lord = a cmmd:up", 'unknown action "cmmd": did you mean "cmd"?'],
    ["legion = a :1 1 bf-cbc:x\nlegion-lord = a signal:17", 'write "signal:DAEMON SIGNAL"'],
    ["legion = a :1 1 bf-cbc:x\nlegion-lord = a signal:web", 'signal takes "DAEMON SIGNAL"'],
    ["legion = a :1 1 bf-cbc:x\nlegion-lord = a signal:web HPU", 'unknown signal "HPU"'],
    ["legion = a :1 1 bf-cbc:x\nlegion-lord = a alarm:x y", 'use "cmd:COMMAND"'],
    ["attach-daemon = web\nlegion = a :1 1 bf-cbc:x\nlegion-lord = a signal:wbe HUP", 'did you mean "web"?'],
    ["legion = a :1 1 bf-cbc:x\nlegion-lord = a signal:web HUP", 'unknown daemon "web": there are none'],
  ])("%j is an error, and shows no secret", (text, expected) => {
    const { diagnostics, texts } = build(text, system);
    expect(texts.join("\n")).toContain(expected);
    expect(diagnostics.hasErrors).toBe(true);
    expect(texts.join("\n")).not.toContain(SECRET);
  });

  test("of a legion is one error, whatever names that legion", () => {
    const { texts } = build(
      "legion = a x 1 bf-cbc:x\nlegion-node = a 10.0.0.1:1\nlegion-attach-daemon = a b",
      system,
    );
    expect(texts).toHaveLength(1);
  });

  test.each([
    ["legion = a 225.1.1.1:1 1 bf-cbc:x", "hears others and is heard by none"],
    [
      "legion = a :1 1 bf-cbc:x\nlegion-node = a 10.0.0.2:1\nlegion-quorum = a 3",
      "cannot reach its quorum of 3",
    ],
    ["legion = a :1 1 bf-cbc:x\nlegion-node = a 10.0.0.2:1\nlegion-node = a node2:1", "it counts once"],
    ["legion = a :1 1 bf-cbc:x\nlegion-tolerance = 5", "one lost packet drops a node"],
  ])("%j is a warning", (text, expected) => {
    const { diagnostics, texts } = build(text, system);
    expect(texts).toHaveLength(1);
    expect(texts[0]).toContain(expected);
    expect(diagnostics.hasErrors).toBe(false);
  });
});
