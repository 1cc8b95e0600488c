/** What a parser keeps at most: a guest writes what it wants, and gigabytes of it. */

/** Bytes of one line; the rest of the line is dropped. */
export const MAX_LINE = 64 * 1024;
/** UTF-16 units of one name of a path. */
export const MAX_NAME = 500;
/** Names of one path. */
export const MAX_DEPTH = 32;
/** UTF-16 units of a message, which is one line. */
export const MAX_MESSAGE = 1000;
/** UTF-16 units of the diagnostics of one case: the first half and the last half of more. */
export const MAX_DIAGNOSTICS = 32 * 1024;
/** Cases of one stream; further ones are counted and not told. */
export const MAX_CASES = 1_000_000;
/** Problems of one stream that are told. */
export const MAX_PROBLEMS = 50;
/** Cases of a plan that never came and are told one by one; more are told as one. */
export const MAX_LISTED = 1000;
/** Cases that wait for the name of their subtest. */
export const MAX_HELD = 1000;
/** UTF-16 units of what they said. */
export const MAX_HELD_TEXT = 1024 * 1024;
/** Bytes of a file that can be read only as a whole. */
export const MAX_WHOLE_FILE = 64 * 1024 * 1024;
