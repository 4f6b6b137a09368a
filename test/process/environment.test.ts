import { expect, test } from "bun:test";
import {
  changeEnvironment,
  daemonEnvironment,
  DEFAULT_PATH,
  jailEnvironment,
  userEnvironment,
} from "../../lib/process/environment.ts";

const NONE = { changes: [], reloads: 0, originalName: "/usr/bin/reeve" };

test("daemons get reeve's environment with uWSGI's two variables", () => {
  expect(daemonEnvironment({ ...NONE, own: { PATH: "/bin", HOME: "/root" }, reloads: 3 })).toMatchObject({
    list: ["PATH=/bin", "HOME=/root", "UWSGI_RELOADS=3", "UWSGI_ORIGINAL_PROC_NAME=/usr/bin/reeve"],
    path: "/bin",
  });
});

test("what speaks to reeve alone, and what reeve tells itself, stays out", () => {
  const own = {
    NOTIFY_SOCKET: "/x",
    LISTEN_FDS: "3",
    WATCHDOG_USEC: "5",
    REEVE_INTERNAL_STATE: "7",
    A: "1",
    B: undefined,
  };
  expect(daemonEnvironment({ ...NONE, own }).list.slice(0, -2)).toEqual(["A=1"]);
});

test("env and unenv are applied in order and win over everything else", () => {
  const changes = [
    { name: "A", value: "1" },
    { name: "A", value: null },
    { name: "A", value: "x=y" },
    { name: "UWSGI_RELOADS", value: null },
    { name: "NOTIFY_SOCKET", value: "/mine" },
  ];
  const { list, path } = daemonEnvironment({ ...NONE, own: { NOTIFY_SOCKET: "/x" }, changes });
  expect(list).toEqual(["UWSGI_ORIGINAL_PROC_NAME=/usr/bin/reeve", "A=x=y", "NOTIFY_SOCKET=/mine"]);
  expect(path).toBe(DEFAULT_PATH);
});

test("a hook's putenv comes on top", () => {
  const base = { list: ["A=1=2", "PATH=/bin"], path: "/bin" };
  expect(changeEnvironment(base, [{ name: "PATH", value: "/opt" }])).toMatchObject({
    list: ["A=1=2", "PATH=/opt"],
    path: "/opt",
  });
});

test("a jail begins with a PATH of its own, TERM and LANG: nothing else of the host, all of the configuration", () => {
  const own = {
    PATH: "/root/bin",
    TERM: "xterm",
    LANG: "de_DE.UTF-8",
    HOME: "/root",
    SSH_AUTH_SOCK: "/x",
    LC_ALL: "C",
  };
  expect(jailEnvironment({ own, changes: [] })).toMatchObject({
    list: [`PATH=${DEFAULT_PATH}`, "TERM=xterm", "LANG=de_DE.UTF-8"],
    path: DEFAULT_PATH,
  });
  const changes = [{ name: "HOME", value: "/home/me" }, { name: "PATH", value: "/bin" }, {
    name: "TERM",
    value: null,
  }];
  expect(jailEnvironment({ own: { TERM: "xterm" }, changes })).toMatchObject({
    list: ["PATH=/bin", "HOME=/home/me"],
    path: "/bin",
  });
});

test("a child with a uid has its user's HOME, USER, LOGNAME and SHELL, but for what was said of them", () => {
  const own = { HOME: "/root", USER: "root", LOGNAME: "root", SHELL: "/bin/bash", PATH: "/bin" };
  const identity = { uid: 33, gid: 33, groups: [33], user: "www" };
  const www = { ...identity, login: { name: "www", home: "/srv/www", shell: "/bin/sh" } };
  const variables = (changes: Parameters<typeof changeEnvironment>[1], as: typeof identity = www) => {
    const base = daemonEnvironment({ ...NONE, own, changes });
    return userEnvironment(changeEnvironment(base, []), as).list.filter((entry) =>
      !/^(UWSGI|PATH)/.test(entry)
    );
  };
  expect(variables([])).toEqual(["HOME=/srv/www", "USER=www", "LOGNAME=www", "SHELL=/bin/sh"]);
  expect(variables([{ name: "HOME", value: "/data" }, { name: "USER", value: null }])).toEqual([
    "HOME=/data",
    "LOGNAME=www",
    "SHELL=/bin/sh",
  ]);
  const nobody = { ...identity, login: { name: null, home: "/", shell: null } };
  expect(variables([], nobody)).toEqual(["HOME=/"]);
  expect(variables([], identity)).toEqual(["HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/bash"]);
});
