/** Which instance a configuration is: by its file, not by the file's name alone. */
import { expect } from "bun:test";
import { check, program, reeve, root } from "./need.ts";
import { isAlive } from "./process.ts";

const SETPRIV = program("setpriv", "util-linux");
/** A runtime directory of the test's own, for a reeve that is not root. */
const AS_USER = ["setpriv", "--reuid=54331", "--regid=54331", "--clear-groups"];

check("two files of one name in two directories are two instances, and each is found again", [
  reeve,
  root,
  SETPRIV,
], async (scope) => {
  const runtime = scope.directoryFor("runtime", 0o777);
  const options = { wrap: AS_USER, environment: { XDG_RUNTIME_DIR: runtime } };
  const first = scope.write("pa/uwsgi.ini", "[uwsgi]\nattach-daemon = sleep 78401\n");
  const second = scope.write("pb/uwsgi.ini", "[uwsgi]\nattach-daemon = sleep 78402\n");
  const one = scope.reeve(first, options);
  await one.untilLog(/reeve is up.*instance=uwsgi /);
  const two = scope.reeve(second, options);
  await two.untilLog(/reeve is up.*instance=uwsgi~pb /);
  const left = await scope.untilOne(/^sleep 78402/);
  const again = scope.reeve(second, options);
  expect(await again.untilExit()).toMatchObject({ code: 1 });
  expect(again.log()).toContain("runs this instance");
  expect(isAlive(left)).toBe(true);
  await one.stop();
  await two.stop();
  const third = scope.reeve(second, options);
  await third.untilLog(/reeve is up.*instance=uwsgi~pb /);
  await third.stop();
});

check("two sections of one file are two instances", [reeve, root, SETPRIV], async (scope) => {
  const runtime = scope.directoryFor("runtime", 0o777);
  const options = { wrap: AS_USER, environment: { XDG_RUNTIME_DIR: runtime } };
  const file = scope.write(
    "app.ini",
    "[uwsgi]\nattach-daemon = sleep 78403\n[web]\nattach-daemon = sleep 78404\n",
  );
  const one = scope.reeve(file, options);
  await one.untilLog(/reeve is up.*instance=app /);
  const web = scope.reeve(`${file}:web`, options);
  await web.untilLog(/reeve is up.*instance=app\.web /);
  await one.stop();
  await web.stop();
});

check("a name in any script names the run directory", [reeve, root, SETPRIV], async (scope) => {
  const runtime = scope.directoryFor("runtime", 0o777);
  const file = scope.write("база.ini", "[uwsgi]\nattach-daemon2 = name=служба,cmd=sleep 78405\n");
  const one = scope.reeve(file, { wrap: AS_USER, environment: { XDG_RUNTIME_DIR: runtime } });
  await one.untilLog(/служба: spawning/);
  await one.untilLog(/reeve is up.*instance=база /);
  await one.stop();
});
