/** What a guest's options must not say together; the parts of a cell come from many places. Pure. */
import { MAX_DISKS } from '../machine/defaults.js';
import { mountsProblem } from '../machine/mounts.js';
import type { GuestOptions } from './guest-options.js';

/** One line that says what is wrong, if anything is. */
export function guestProblem(guest: GuestOptions): string | undefined {
  const { image, initrd, init, root, disks = [], mounts = [] } = guest;
  if (image !== undefined && initrd !== undefined) return 'initrd goes with kernel and not with image, which has one';
  const hasRoot = root !== undefined || image !== undefined || mounts.some((mount) => mount.guest === '/');
  if (init !== undefined && !hasRoot) return 'init needs root or image, whose init it names';
  const most = root === undefined ? MAX_DISKS : MAX_DISKS - 1;
  if (disks.length > most) {
    return `${disks.length} disks are more than the ${most} that a guest can have${root === undefined ? '' : ' beside a root'}`;
  }
  return mountsProblem(mounts, guest);
}
