/** VM exits as KVM counts them (debugfs, /sys/kernel/debug/kvm): steady figures on a noisy machine. */
import { readFile } from 'node:fs/promises';
import { execa } from 'execa';

const COUNTER = '/sys/kernel/debug/kvm/exits';

/** Needs root: mounts debugfs where it is not mounted yet. */
export async function prepareExits(): Promise<void> {
  const readable = await readFile(COUNTER).then(
    () => true,
    () => false,
  );
  if (!readable) await execa('mount', ['-t', 'debugfs', 'debugfs', '/sys/kernel/debug']);
}

/** All exits of all guests of this host so far. */
export async function countExits(): Promise<number> {
  return Number(await readFile(COUNTER, 'utf8'));
}
