/**
 * The reference page of the control socket's API, made from its table of routes. Run as a program it writes
 * docs/api.md; a test checks that the page is current, another runs its lines.
 */
import type { Level } from "../request.ts";
import type { Route } from "./route.ts";
import { ROUTES } from "./routes.ts";

const INTRODUCTION = `# The API of the control socket

This page is generated from the table of routes: \`bun run lib/control/api/page.ts\` writes it.

An instance answers HTTP/1.1 on the unix socket \`control\` in its run directory (\`/run/reeve/NAME/control\` as root), or
where \`control-path\` says. The wire format is that of pebble, with more in it: pebble's clients work, for services,
changes, signals, notices and health. Who may do what is decided by the user that connects, not by what it sends: root
and reeve's own user may do everything, others what \`control-allow\` gives them: read, operate, admin, each with what
comes before it.

Every answer is an object with \`type\`, \`status-code\` and \`status\`:

- \`"type": "sync"\`: it is done, and \`result\` has what was asked for.
- \`"type": "async"\`: it is under way, and \`change\` is the number of the change; \`/v1/changes/NUMBER/wait\` waits for its end.
- \`"type": "error"\`: \`result\` has a \`message\` for people, a \`kind\` for programs, and where it helps a \`value\`: the names
  that are unknown, the number of the change that is in the way. Kinds: bad-request, permission-denied, not-found,
  method-not-allowed, conflict, dependents, busy, timeout, internal.

A change ends as \`Done\`; as \`Error\`, with \`err\`; or as \`Hold\`, where something else came between, such as a stop of the
instance. It has a task for each daemon, with lines of \`log\` and its \`progress\`. Its number is good over a reload, in which
connections are cut: ask again.

A name in \`names\` or \`services\` is a daemon's, a glob (\`web-*\`, \`?\`, \`[a-z]\`), \`@TAG\` or \`all\`; one that names nothing is an
error. Durations are like \`10s\` or \`1m30s\`, times as RFC 3339 has them. Keys are only ever added.

The lines below are for a shell in which SOCKET is the path of the socket.
`;

const MAY: Readonly<Record<Level, string>> = {
  none: "everybody who can connect",
  read: "read",
  operate: "operate",
  admin: "admin",
};

export function apiPage(): string {
  return INTRODUCTION + ROUTES.map(section).join("");
}

function section({ method, path, level, about, example }: Route): string {
  return `\n## ${method} ${path}\n\n${about}\n\nWho may: ${MAY[level]}.\n\n    ${curlLine(example)}\n`;
}

function curlLine(example: readonly string[]): string {
  const options = example.slice(0, -1).map((word) => /^[\w./-]+$/.test(word) ? word : `'${word}'`);
  return ["curl -s --unix-socket $SOCKET", ...options, `'http://reeve${example.at(-1)}'`].join(" ");
}

if (import.meta.main) {
  await Bun.write(new URL("../../../docs/api.md", import.meta.url), apiPage());
}
