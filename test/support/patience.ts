/**
 * How much longer than on a machine that does nothing else a test may wait: a deadline is there to end a test
 * that fails, and is no measure. Must never be asked where a test measures.
 */
export const PATIENCE = 4;
