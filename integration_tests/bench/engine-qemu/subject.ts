/** What the guests of this part are made of. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cleanup } from '../../../runner/cleanup.js';
import type { GuestSpec } from '../../../runner/engine/guest.js';
import { type CpioTree, encodeCpio, padding } from '../../../runner/images/cpio.js';
import { type PlanOptions, planGuest } from '../../../runner/machine/plan.js';

/** micro, with more in its archive. */
export async function microWith(
  added: CpioTree,
  { directory, cleanup, ...options }: PlanOptions & { directory: string; cleanup: Cleanup },
): Promise<GuestSpec> {
  const { guest } = await planGuest({ arch: 'x86_64', ...options }, cleanup);
  const base = await readFile(guest.initrd as string);
  const initrd = join(directory, 'bench-initramfs.cpio');
  await writeFile(initrd, [base, padding(base.length), ...encodeCpio(added)]);
  return { ...guest, initrd };
}
