/** What a root may cost: an archive of a few kilobytes can stand for petabytes. */
import { badRoot } from './bad-root.js';

export interface RootLimits {
  /** Bytes, unpacked and over all layers. Default: 16 GiB. */
  maxBytes?: number | undefined;
  /** Files, directories and so on, over all layers. Default: 2 000 000. */
  maxEntries?: number | undefined;
}

export const DEFAULT_MAX_BYTES = 16 * 2 ** 30;
export const DEFAULT_MAX_ENTRIES = 2_000_000;

/** Counts what is still allowed; throws `VMTEST_BAD_INPUT` when that is used up. */
export interface Budget {
  addBytes(count: number): void;
  addEntry(): void;
}

export function createBudget(label: string, limits: RootLimits): Budget {
  const { maxBytes = DEFAULT_MAX_BYTES, maxEntries = DEFAULT_MAX_ENTRIES } = limits;
  let bytes = 0;
  let entries = 0;
  return {
    addBytes(count) {
      bytes += count;
      if (bytes > maxBytes) throw badRoot(label, `holds more than the ${inGiB(maxBytes)} that a root may have`);
    },
    addEntry() {
      entries += 1;
      if (entries > maxEntries) throw badRoot(label, `holds more than the ${maxEntries} files that a root may have`);
    },
  };
}

const inGiB = (bytes: number): string => (bytes % 2 ** 30 === 0 ? `${bytes / 2 ** 30} GiB` : `${bytes} bytes`);
