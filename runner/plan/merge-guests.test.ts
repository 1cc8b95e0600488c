import { expect, it } from 'vitest';
import { mergeGuests } from './merge-guests.js';

it('replaces values, joins arguments of the kernel and lists', () => {
  const disk = (path: string) => ({ path, mode: 'overlay' as const });
  const parts = [
    { cpus: 1, memoryMib: 512, append: 'quiet', load: ['ext4'], disks: [disk('/a')] },
    { cpus: 4, append: 'debug' },
    { load: ['xfs', 'ext4'], disks: [disk('/b')], root: { path: '/r', writable: false } },
  ];
  const before = structuredClone(parts);
  expect(mergeGuests(parts)).toEqual({
    cpus: 4,
    memoryMib: 512,
    append: 'quiet debug',
    load: ['ext4', 'xfs'],
    disks: [disk('/a'), disk('/b')],
    root: { path: '/r', writable: false },
  });
  expect(parts).toEqual(before);
});
