/**
 * The texts of the instance in reeve's log that people search for, in one table. Those that uWSGI writes too keep
 * its words. Pure; escaping is the line format's work.
 */
export const MESSAGES = {
  reloading: () => "...gracefully reloading",
  reloadExit: () => "exit-on-reload: stopping instead of reloading",
  goodbye: () => "goodbye to reeve",
} as const;
