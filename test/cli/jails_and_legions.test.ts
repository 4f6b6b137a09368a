/** Configurations of jails and legions as a person checks them, the documentation's examples among them. */
import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Directory, reeve } from "./cli.ts";

/** A check asks who it runs as; these are about the rest. */
const isRoot = process.getuid?.() === 0;

test("uWSGI's example of a dropbear in a namespace is usable as it stands, but for its root", () => {
  using directory = new Directory();
  const root = join(directory.path, "001");
  for (const name of ["etc", "usr/sbin"]) mkdirSync(join(root, name), { recursive: true });
  directory.file("001/etc/passwd", "www-data:x:33:33::/:/bin/sh\n");
  directory.file("001/usr/sbin/dropbear", "\x7fELF");
  const file = directory.file(
    "jail.ini",
    `[uwsgi]\nuid = www-data\nnamespace = ${root}/:testns\nnamespace-keep-mount = /dev/pts\n` +
      "exec-as-root = chown -R www-data /etc/dropbear\n" +
      "attach-daemon = /usr/sbin/dropbear -j -k -p 1022 -E -F -I 300\n",
  );
  const { err, out } = reeve(["check", file]);
  if (!isRoot) {
    expect(err).toContain("cannot make namespace: reeve is not root");
    return;
  }
  expect(err).toContain('cannot run "/usr/sbin/dropbear": it is not executable for user "www-data"');
  expect(err.split("\n").filter((line) => !/note: |^$/.test(line))).toHaveLength(1);
  expect(out).toContain("1 daemon");
});

test("uWSGI's example of a celery beat in a legion is usable as it stands", () => {
  using directory = new Directory();
  const file = directory.file(
    "legion.ini",
    "[uwsgi]\nmaster = true\nlegion-mcast = mylegion 225.1.1.1:9191 90 bf-cbc:mysecret\n" +
      "legion-smart-attach-daemon = mylegion /tmp/celery-beat.pid celery beat --pidfile=/tmp/celery-beat.pid\n",
  );
  const { err } = reeve(["check", file], { env: { PATH: "/nowhere" } });
  expect(err.split("\n").filter((line) => !/note: |^$/.test(line))).toEqual([
    `${file}:4: cannot run "celery": not found in PATH /nowhere`,
  ]);
  expect(err).toContain('note: legion "mylegion" can have a lord on each side of a parted network');
  expect(err).not.toContain("mysecret");
});

test("a cipher that no legion can have is an error that lists those that work", () => {
  const { code, err } = reeve(["check", "--legion", "a :4242 1 rot-13:x"]);
  expect(code).toBe(2);
  expect(err).toContain('cannot use legion "a": there is no cipher "rot-13"');
  expect(err).toContain("aes-256-cbc");
});

test("an arbiter alone is something to run", () => {
  const { code, err } = reeve([
    "check",
    "--legion",
    "a :4242 0 aes-256-cbc:x",
    "--legion-node",
    "a 10.0.0.1:4242",
  ]);
  expect(code).toBe(0);
  expect(err).not.toContain("there is nothing to supervise");
});

test("secrets of a legion are on no output of check, plan and show-config", () => {
  using directory = new Directory();
  const file = directory.file(
    "secret.ini",
    "[uwsgi]\nsec = hunter2-s3cret\nlegion = a :4242 1 aes-256-cbc:%(sec) hunter2-s3cret\nlegion-auth = a %(sec)\n" +
      "legion-attach-daemon = a true\nexit = 0\n",
  );
  for (const words of [["check"], ["plan"], ["plan", "--json"], ["--show-config"]]) {
    const { out, err } = reeve([...words, file]);
    expect(out + err).not.toContain("hunter2");
  }
  expect(reeve(["--show-config", file]).out).toContain("legion = a :4242 1 aes-256-cbc:[hidden]\n");
});

test("the plan says of a legion's smart daemon that it stops with reeve, of another that it outlives it", () => {
  using directory = new Directory();
  const file = directory.file(
    "smart.ini",
    "[uwsgi]\nlegion = l 127.0.0.1:9191 1 aes-256-cbc:s\nlegion-smart-attach-daemon = l /tmp/a.pid sleep 1\n" +
      "smart-attach-daemon = /tmp/b.pid sleep 2\n",
  );
  const kinds = reeve(["plan", file]).out.split("\n").filter((line) => line.startsWith("  kind "));
  expect(kinds[0]).toContain("smart: stops with reeve, writes its pidfile");
  expect(kinds[1]).toContain("smart: outlives reeve, writes its pidfile");
});
