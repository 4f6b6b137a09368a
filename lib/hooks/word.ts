/**
 * The hidden first word with which reeve executes itself for one hook action (hooks/child.ts). In a file of
 * its own: the command line asks for it at every start and must not load the hooks for that.
 */
export const HOOK_WORD = "__hook";
