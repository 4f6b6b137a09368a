/**
 * An error that the runtime throws for a socket, in the words of the rest of reeve: it puts its own around
 * them. Pure.
 */
import { errnoText } from "../../sys/errno.ts";
import { errorText } from "../../sys/error_text.ts";

export function networkErrorText(error: unknown): string {
  const { errno } = error as { readonly errno?: unknown };
  return typeof errno === "number" ? errnoText(Math.abs(errno)) : errorText(error);
}
