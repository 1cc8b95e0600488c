import { describe, expect, it } from 'vitest';
import { kernelCommandLine } from './command-line.js';

const own = (line: string): string[] => line.split(' ').filter((word) => /^(vmtest|rdinit)/.test(word));

describe('kernelCommandLine', () => {
  it('says nothing of a root where there is none', () => {
    expect(own(kernelCommandLine({ arch: 'x86_64', ownInitrd: false }))).toEqual([]);
    expect(own(kernelCommandLine({ arch: 'x86_64', ownInitrd: true }))).toEqual(['rdinit=/vmtest/agent']);
  });

  it('tells the agent where the root is, what it is, and whether it may be written', () => {
    const root = { fstype: 'squashfs', writable: false } as const;
    expect(own(kernelCommandLine({ arch: 'x86_64', ownInitrd: false, root }))).toEqual([
      'vmtest.root=serial:vmtest-root',
      'vmtest.rootfstype=squashfs',
      'vmtest.rootflags=ro',
    ]);
    const disk = { fstype: 'ext4', partition: 14, writable: true } as const;
    expect(own(kernelCommandLine({ arch: 'x86_64', ownInitrd: false, root: disk }))).toEqual([
      'vmtest.root=serial:vmtest-root:14',
      'vmtest.rootfstype=ext4',
      'vmtest.rootflags=rw',
    ]);
  });

  it("puts the user's arguments last, as the last of equal ones wins", () => {
    const root = { fstype: 'erofs', writable: false } as const;
    expect(kernelCommandLine({ arch: 'x86_64', ownInitrd: false, root, append: 'loglevel=7 x' })).toMatch(
      /rootflags=ro loglevel=7 x$/,
    );
  });
});
