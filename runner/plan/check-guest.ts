/** What a guest's options must not say together; the parts of a cell come from many places. Pure. */
import { MAX_DISKS } from '../machine/defaults.js';
import type { GuestOptions } from './guest-options.js';

/** One line that says what is wrong, if anything is. */
export function guestProblem({ image, initrd, init, root, disks = [] }: GuestOptions): string | undefined {
  if (image !== undefined && initrd !== undefined) return 'initrd goes with kernel and not with image, which has one';
  if (init !== undefined && root === undefined && image === undefined)
    return 'init needs root or image, whose init it names';
  const most = root === undefined ? MAX_DISKS : MAX_DISKS - 1;
  if (disks.length > most) {
    return `${disks.length} disks are more than the ${most} that a guest can have${root === undefined ? '' : ' beside a root'}`;
  }
  return undefined;
}
