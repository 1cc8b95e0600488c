/** How facts are read. */

/** The text of a file below the root that is looked at; empty where it cannot be read. */
export type Read = (path: string) => Promise<string>;

const MIB = 2 ** 20;

/** MiB, rounded down; null for no limit and for what is no number. */
export const wholeMib = (bytes: number): number | null => (Number.isFinite(bytes) ? Math.floor(bytes / MIB) : null);
