import { describe, expect, test } from "bun:test";
import { build, type FakeFile, fakeSystem, ORDINARY } from "../fake_system.ts";

const AT = (line: number) => ({ file: "app.ini", line });
const FILES: Readonly<Record<string, FakeFile>> = {
  ...ORDINARY,
  "/run/netns/blue": {},
  "/run/setns.sock": { kind: "socket" },
  "/proc/7/ns": { kind: "directory" },
};

/** A system with users of its own under some roots. */
function rooted(texts: Readonly<Record<string, string>>) {
  return fakeSystem({
    ...FILES,
    ...Object.fromEntries(Object.entries(texts).map(([path, text]) => [path, { text }])),
  });
}

function jailOf(text: string) {
  const { plan, texts } = build(text, fakeSystem(FILES));
  expect(texts).toEqual([]);
  return plan.instance.jail;
}

describe("namespace", () => {
  test("with a hostname and a keep-mount, as the documentation of uWSGI has it", () => {
    expect(jailOf("namespace = /ns/001/:testns\nnamespace-keep-mount = /dev/pts")).toEqual({
      option: "namespace",
      namespaces: ["pid", "mnt", "uts", "ipc"],
      join: [],
      root: { path: "/ns/001", how: "pivot", keepOld: null },
      hostname: "testns",
      keep: [{ source: "/dev/pts", target: "/dev/pts", origin: AT(2) }],
      bare: false,
      environment: "clean",
      origin: AT(1),
    });
  });

  test("is divided at the first colon, and its root is made absolute and tidy", () => {
    expect(jailOf("ns = .//ns/./1/:a:b")).toMatchObject({
      root: { path: "/home/me/ns/1" },
      hostname: "a:b",
    });
    expect(jailOf("namespace = /")).toMatchObject({ root: null, hostname: null, environment: "clean" });
    expect(jailOf("namespace = /:n")).toMatchObject({ root: null, hostname: "n" });
  });

  test("takes the net namespace, the environment and the bare /dev from their options", () => {
    const all = "namespace = /r\nnamespace-net = yes\nnamespace-bare\nnamespace-env = inherit";
    expect(jailOf(all)).toMatchObject({
      namespaces: ["pid", "mnt", "net", "uts", "ipc"],
      bare: true,
      environment: "inherit",
    });
    expect(jailOf("namespace = /r\nunshare = user,cgroup")?.namespaces).toEqual([
      "pid",
      "mnt",
      "uts",
      "ipc",
      "cgroup",
      "user",
    ]);
  });

  test("may be given by namespace-net alone, with a root", () => {
    expect(jailOf("ns-net = /r:h")).toMatchObject({
      option: "namespace-net",
      root: { path: "/r" },
      hostname: "h",
      namespaces: ["pid", "mnt", "net", "uts", "ipc"],
    });
    expect(build("namespace = /r\nns-net = /s").texts[0]).toContain('its own value, "/s", is not used');
  });

  test("a hostname of 64 bytes is the longest, counted in bytes", () => {
    expect(jailOf(`namespace = /r:${"a".repeat(64)}`)?.hostname).toHaveLength(64);
    expect(build(`namespace = /r:${"ä".repeat(33)}`).texts[0]).toContain("it has 66 bytes");
  });
});

describe("a keep-mount", () => {
  test.each([
    ["/ns/1/data", "/ns/1/data", "/data"],
    ["/ns/1//a/./b/", "/ns/1/a/b", "/a/b"],
    ["/ns/12/data", "/ns/12/data", "/ns/12/data"],
    ["/srv/www:/var/www/", "/srv/www", "/var/www"],
    ["/dev/null:/dev/null", "/dev/null", "/dev/null"],
    ["/ns/1:/self", "/ns/1", "/self"],
    ["/a:/b:c", "/a", "/b:c"],
  ])("%s under /ns/1 is %s on %s", (text, source, target) => {
    expect(jailOf(`namespace = /ns/1\nnamespace-keep-mount = ${text}`)?.keep).toEqual([
      { source, target, origin: AT(2) },
    ]);
  });

  test("twice the same is one; another one on the same place is an error", () => {
    const twice = "namespace = /r\nnamespace-keep-mount = /a\nnamespace-keep-mount = /a:/a";
    expect(jailOf(twice)?.keep).toHaveLength(1);
    expect(build("namespace = /r\nnamespace-keep-mount = /a\nnamespace-keep-mount = /b:/a").texts).toEqual([
      'app.ini:3: cannot use namespace-keep-mount "/b:/a": "/a" is mounted on "/a" already',
    ]);
  });

  test("of /proc is told", () => {
    expect(build("namespace = /r\nnamespace-keep-mount = /proc").texts[0]).toContain(
      'warning: namespace-keep-mount "/proc" puts the host\'s processes in front',
    );
  });
});

describe("without a namespace", () => {
  test("chroot changes the root and no more", () => {
    expect(jailOf("chroot = /srv/c/")).toMatchObject({
      option: "chroot",
      namespaces: [],
      root: { path: "/srv/c", how: "chroot", keepOld: null },
      environment: "clean",
    });
  });

  test("pivot-root has the old root beneath the new one", () => {
    expect(jailOf("pivot_root = /srv/c old\nnamespace-keep-mount = /dev")).toMatchObject({
      option: "pivot-root",
      namespaces: ["mnt"],
      root: { path: "/srv/c", how: "pivot", keepOld: "/old" },
      keep: [{ source: "/dev", target: "/dev" }],
    });
    expect(build("pivot-root = /srv/c /srv/c/old").texts[0]).toContain('did you mean "/old"?');
  });

  test("unshare and unshare2 are one list, with uWSGI's names", () => {
    expect(jailOf("unshare = fs,ipc\nunshare2 = ns,uts")).toMatchObject({
      option: "unshare",
      namespaces: ["mnt", "uts", "ipc"],
      root: null,
      environment: "inherit",
    });
    expect(jailOf("unshare = pid")?.namespaces).toEqual(["pid", "mnt"]);
    expect(build("unshare = files,net").texts[0]).toContain('warning: "files" in unshare has no effect');
  });

  test("setns joins a pid, a namespace file, a directory of them, or what a socket hands out", () => {
    const join = (value: string) => jailOf(`setns = ${value}`)?.join;
    expect(join("7")).toEqual([{ kind: "pid", pid: 7, origin: AT(1) }]);
    expect(join("/run/netns/blue")).toEqual([{ kind: "path", path: "/run/netns/blue", origin: AT(1) }]);
    expect(join("/proc/7/ns")).toMatchObject([{ kind: "path", path: "/proc/7/ns" }]);
    expect(join("/proc/9/ns/net")).toMatchObject([{ kind: "path" }]);
    expect(join("/run/setns.sock")).toMatchObject([{ kind: "socket" }]);
    expect(join("later.sock")).toMatchObject([{ kind: "socket", path: "/home/me/later.sock" }]);
  });

  test("setns-socket hands out the namespaces, but those that are skipped", () => {
    const { plan, texts } = build("setns-socket = /run/s\nsetns-skip = net\nsetns-socket-skip = uts");
    expect(texts).toEqual([]);
    expect(plan.instance.jail).toBeNull();
    expect(plan.instance.setnsServer).toEqual({ path: "/run/s", skip: ["net", "uts"], origin: AT(1) });
  });

  test("what setns-socket-skip misspells would be handed out: an error", () => {
    const { texts } = build("setns-socket = /run/s\nsetns-socket-skip = nett\nsetns-socket-skip = time");
    expect(texts).toEqual(['app.ini:2: unknown namespace "nett" in setns-socket-skip: did you mean "net"?']);
  });

  test("there is none", () => {
    expect(jailOf("attach-daemon = a\nrefork")).toBeNull();
  });
});

test.each([
  ["namespace =", "cannot use namespace: no directory is named"],
  ["namespace = :h", "cannot use namespace: no directory is named"],
  ["namespace = /r:", 'cannot use "" as the hostname of namespace: it is empty'],
  [`namespace = /r:${"x".repeat(65)}`, "it has 65 bytes, and the kernel takes 64"],
  ["namespace = /r:a b", "it holds a blank, a slash or a control character"],
  ["namespace-net = eth0", "write namespace-net = /ROOT[:HOSTNAME]"],
  ["namespace = /r\nchroot = /c", "cannot use chroot with namespace"],
  ["namespace = /r\npivot-root = /c /o", "cannot use pivot-root with namespace"],
  ["chroot = /c\npivot-root = /c /o", "cannot use pivot-root with chroot"],
  ["pivot-root = /c", 'it takes "NEW OLD"'],
  ["pivot-root = /c /", "OLD must be a directory beneath NEW"],
  ["pivot-root = /c ../o", "OLD must be a directory beneath NEW"],
  ["pivot-root = / /o", "the new root is the old one"],
  ["chroot =", "cannot use chroot: no directory is named"],
  ["unshare = fs,nett", 'unknown namespace "nett" in unshare: did you mean "net"?'],
  ["unshare = time", 'unknown namespace "time" in unshare'],
  ["unshare =", 'option "unshare" needs a value'],
  ["setns = 0", 'cannot join the namespaces of "0": that is no pid'],
  ["setns = 99999999", "that is no pid"],
  ["namespace = /r\nnamespace-env = empty", 'namespace-env takes "clean" or "inherit", not "empty"'],
  ["namespace-keep-mount = /a", "needs a root to be mounted in: add namespace = ROOT"],
  ["chroot = /r\nnamespace-keep-mount = /a", "needs a root to be mounted in"],
  ["namespace = /r\nnamespace-keep-mount = a", "the source must be an absolute path"],
  ["namespace = /r\nnamespace-keep-mount = /a:b", "the target must be an absolute path"],
  ["namespace = /r\nnamespace-keep-mount = /a:", 'nothing is behind the ":"'],
  ["namespace = /r\nnamespace-keep-mount = :/a", 'nothing is before the ":"'],
  ["namespace = /r\nnamespace-keep-mount = /a:/b/../c", 'write the target without ".."'],
  ["namespace = /r\nnamespace-keep-mount = /a:/", "the target would be the root itself"],
  ["namespace = /r\nnamespace-keep-mount = /r", "the target would be the root itself"],
])("%j is an error", (text, expected) => {
  const { diagnostics, texts } = build(text);
  expect(texts.join("\n")).toContain(expected);
  expect(diagnostics.hasErrors).toBe(true);
  const lines = text.split("\n").length;
  expect(diagnostics.list.at(-1)?.origin).toEqual(AT(lines));
});

describe("hooks of a jail", () => {
  test("are planned where there is one, in their place", () => {
    const { plan } = build(
      "namespace = /r\nexec-as-root = d\nexec-in-jail = c\nexec-post-jail = b\nexec-pre-jail = a",
    );
    expect(plan.instance.hooks.map(({ phase }) => phase)).toEqual([
      "pre-jail",
      "post-jail",
      "in-jail",
      "as-root",
    ]);
  });

  test("are left out where there is none, with a warning; jailed keeps post-jail", () => {
    const found = build("exec-in-jail = c\nhook-post-jail = print:b");
    expect(found.plan.instance.hooks).toEqual([]);
    expect(found.texts).toEqual([
      "app.ini:2: warning: hook-post-jail is left out, for there is no jail: " +
      "add namespace = ROOT, or use the phase as-root",
      "app.ini:1: warning: exec-in-jail is left out, for there is no jail: " +
      "add namespace = ROOT, or use the phase as-root",
    ]);
    expect(build("jailed\nhook-post-jail = print:b").plan.instance.hooks).toHaveLength(1);
  });
});

describe("users and groups under a root", () => {
  const files = {
    "/r|/etc/passwd": "jailed:x:500:501::/:/bin/sh\nbroken\n::\nx:x:-1:0::/:\n",
    "/r|/etc/group": "jailed:x:501:\nextra:x:502:jailed,nobody\n\0\0\n",
    "/r|/inner/etc/passwd": "inner:x:600:600::/:\n",
    "/d|/etc/passwd": "own:x:700:700::/:\n",
    "/d|/etc/group": "",
  };

  test("of the instance are those of its root", () => {
    for (const line of ["namespace = /r", "chroot = /r", "pivot-root = /r /o"]) {
      const { plan, texts } = build(`${line}\nuid = jailed\nattach-daemon = a`, rooted(files));
      expect(texts).toEqual([]);
      const wanted = { uid: 500, gid: 501, groups: [501, 502], user: "jailed" };
      expect(plan.instance.identity).toMatchObject(wanted);
      expect(plan.daemons[0]?.identity).toMatchObject(wanted);
    }
  });

  test("of a daemon are those of its own root, which lies in the instance's", () => {
    const own = build("attach-daemon2 = cmd=a,root=/d/,uid=own", rooted(files));
    expect(own.texts).toEqual([]);
    expect(own.plan.daemons[0]?.identity).toMatchObject({ uid: 700, gid: 700 });
    const inner = build("namespace = /r\nattach-daemon2 = cmd=a,root=/inner,uid=inner", rooted(files));
    expect(inner.plan.daemons[0]?.identity).toMatchObject({ uid: 600 });
  });

  test("that only the host knows are unknown, and the message names the file", () => {
    expect(build("namespace = /r\nuid = www-data", rooted(files)).texts).toEqual([
      'app.ini:2: unknown user "www-data": it is not in /r/etc/passwd',
    ]);
    expect(build("namespace = /r\nattach-daemon2 = cmd=a,root=/inner,gid=adm", rooted(files)).texts).toEqual([
      'app.ini:2: unknown group "adm": /r/inner/etc/group is absent or empty: give a number',
    ]);
  });

  test("of a root without the files are root and numbers, and others are told so", () => {
    const { plan } = build("namespace = /n\nuid = root\ngid = root\nattach-daemon = a", fakeSystem());
    expect(plan.instance.identity).toMatchObject({ uid: 0, gid: 0 });
    expect(build("namespace = /n\nuid = www-data", fakeSystem()).texts).toEqual([
      'app.ini:2: unknown user "www-data": /n/etc/passwd is absent or empty: give a number',
    ]);
    expect(build("namespace = /r\nuid = root", rooted(files)).diagnostics.hasErrors).toBe(true);
  });

  test("numbers need no file", () => {
    const { plan } = build("namespace = /r\nuid = 7\ngid = 8", fakeSystem());
    expect(plan.instance.identity).toMatchObject({ uid: 7, gid: 8 });
  });
});
