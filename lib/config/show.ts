/** show-config: the flattened configuration in the words of uWSGI, so that both can be compared line by line. Pure. */
import type { RawOption } from "./origin.ts";

/** uWSGI prints "true" for an option without a value on the command line, which is what its value is here. */
export function showConfiguration(shown: readonly RawOption[]): string {
  const lines = shown.map(({ name, value }) => `${name} = ${value}\n`);
  return `\n;uWSGI instance configuration\n[uwsgi]\n${lines.join("")};end of configuration\n\n`;
}
