/** Guest options, one upon the other. Pure. */
import type { GuestOptions } from './guest-options.js';

/**
 * A later part replaces what an earlier one says, but for `append`, whose texts are joined by blanks, and `load`,
 * `disks` and `mounts`, whose lists are joined. A module is loaded once.
 */
export function mergeGuests(parts: readonly GuestOptions[]): GuestOptions {
  const merged: GuestOptions = {};
  for (const part of parts) {
    const { append, load, disks, mounts, ...rest } = part;
    Object.assign(merged, rest);
    if (append !== undefined) merged.append = merged.append === undefined ? append : `${merged.append} ${append}`;
    if (load !== undefined) merged.load = [...new Set([...(merged.load ?? []), ...load])];
    if (disks !== undefined) merged.disks = [...(merged.disks ?? []), ...disks];
    if (mounts !== undefined) merged.mounts = [...(merged.mounts ?? []), ...mounts];
  }
  return merged;
}
