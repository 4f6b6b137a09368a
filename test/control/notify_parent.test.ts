import { expect, test } from "bun:test";
import { ParentNotifier } from "../../lib/control/notify_parent.ts";
import { notify } from "../../lib/sys/socket/notify.ts";

function makeNotifier(address: string | undefined, works = true) {
  const sent: string[] = [];
  const problems: string[] = [];
  const notifier = new ParentNotifier(address, {
    send: (_address, assignments) => {
      sent.push(assignments.join("|"));
      return works;
    },
    monotonic: () => 123n,
    onProblem: (text) => problems.push(text),
  });
  return { notifier, sent, problems };
}

test("the states of an instance are told in sd_notify's words", () => {
  const { notifier, sent } = makeNotifier("@x");
  notifier.ready("5 daemons\nREADY=0");
  notifier.reloading();
  notifier.ready("5 daemons up", 77);
  notifier.stopping();
  expect(sent).toEqual([
    "READY=1|STATUS=5 daemons READY=0",
    "RELOADING=1|MONOTONIC_USEC=123|STATUS=reloading",
    "READY=1|MAINPID=77|STATUS=5 daemons up",
    "STOPPING=1|STATUS=stopping",
  ]);
});

test("without NOTIFY_SOCKET nothing is sent", () => {
  const { notifier, sent, problems } = makeNotifier(undefined);
  notifier.ready("up");
  expect([sent, problems]).toEqual([[], []]);
});

test("an address of another kind and a socket that fails are told once", () => {
  const wrong = makeNotifier("vsock:2:1");
  wrong.notifier.ready("up");
  expect([wrong.sent.length, wrong.problems.length]).toEqual([0, 1]);
  const broken = makeNotifier("/run/none", false);
  broken.notifier.ready("up");
  broken.notifier.stopping();
  expect([broken.sent.length, broken.problems.length]).toEqual([2, 1]);
});

test("a real abstract socket that nobody listens on fails nothing", () => {
  const problems: string[] = [];
  const notifier = new ParentNotifier("@reeve-nobody-listens-here", {
    send: notify,
    monotonic: () => 0n,
    onProblem: (text) => problems.push(text),
  });
  notifier.ready("up");
  expect(problems.length).toBe(1);
});
