import { expect, it } from 'vitest';
import { mergeGuests } from './merge-guests.js';

it('replaces values, joins arguments of the kernel and lists', () => {
  const disk = (path: string) => ({ path, mode: 'overlay' as const });
  const mount = (guest: string) => ({ host: '/h', guest, mode: 'ro' as const });
  const parts = [
    { cpus: 1, memoryMib: 512, append: 'quiet', load: ['ext4'], disks: [disk('/a')] },
    { cpus: 4, append: 'debug', mounts: [mount('/a')] },
    { load: ['xfs', 'ext4'], disks: [disk('/b')], mounts: [mount('/b')], root: { path: '/r', writable: false } },
  ];
  const before = structuredClone(parts);
  expect(mergeGuests(parts)).toEqual({
    cpus: 4,
    memoryMib: 512,
    append: 'quiet debug',
    load: ['ext4', 'xfs'],
    disks: [disk('/a'), disk('/b')],
    mounts: [mount('/a'), mount('/b')],
    root: { path: '/r', writable: false },
  });
  expect(parts).toEqual(before);
});
