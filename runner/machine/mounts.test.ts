import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MountSpec } from '../engine/guest.js';
import { checkedMounts, mountArguments, mountsProblem } from './mounts.js';

let host: string;
beforeEach(async () => {
  host = await mkdtemp(join(tmpdir(), 'vmtest-mounts-'));
});
afterEach(() => rm(host, { recursive: true, force: true }));

const on = (guest: string, mode: MountSpec['mode'] = 'ro', directory = '/h'): MountSpec => ({
  host: directory,
  guest,
  mode,
});
const disks = (count: number) => Array.from({ length: count }, () => ({}));

describe('mountsProblem', () => {
  it.each([
    [[], {}, undefined],
    [[on('/'), on('/a'), on('/a/b')], {}, undefined],
    [[on('a')], {}, '"a" is no absolute path of the guest'],
    [[on('/a', 'ro', '')], {}, 'the mount on /a names no directory of the host'],
    [[on('/a\0')], {}, 'a path of a mount contains a NUL character'],
    [[on('/x/../proc/')], {}, "/proc is the guest's own, nothing can be mounted on it"],
    [[on('/a/'), on('//a')], {}, 'there are two mounts on /a'],
    [[on('/.')], { root: {} }, 'there are two roots: root, and a mount on /'],
    [[on('/')], { initrd: '/i' }, 'a mount on / does not go with initrd, which has a root of its own'],
    [[on('/a')], { root: {}, initrd: '/i' }, undefined],
    [Array.from({ length: 4 }, (_, i) => on(`/${i}`)), { disks: disks(16) }, undefined],
    [
      Array.from({ length: 5 }, (_, i) => on(`/${i}`)),
      { disks: disks(16) },
      '22 disks and mounts, the root included, are more than the 21 that a guest can have',
    ],
  ])('%j beside %j', (mounts, context, problem) => expect(mountsProblem(mounts, context)).toBe(problem));
});

describe('checkedMounts', () => {
  it('puts what lies in another one behind it', async () => {
    const mounts = [on('/a/b/', 'ro', host), on('/a', 'rw', host), on('/', 'ro', host)];
    expect((await checkedMounts(mounts, {})).map(({ guest }) => guest)).toEqual(['/a', '/', '/a/b']);
  });

  it('says what is wrong with a directory of the host', async () => {
    const file = join(host, 'file');
    await writeFile(file, '');
    await expect(checkedMounts([on('/a', 'ro', join(host, 'none'))], {})).rejects.toMatchObject({
      code: 'VMTEST_BAD_INPUT',
      message: expect.stringContaining(`--mount ${host}/none: `),
    });
    await expect(checkedMounts([on('/a', 'ro', file)], {})).rejects.toThrow('is no directory; --copy-in is for files');
    await expect(checkedMounts([on('a', 'ro', host)], {})).rejects.toMatchObject({ code: 'VMTEST_BAD_INPUT' });
  });

  it('wants to be allowed what the guest is', async (context) => {
    if (process.getuid?.() === 0) return context.skip('root is allowed everything');
    await chmod(host, 0o555);
    await expect(checkedMounts([on('/a', 'rw', host)], {})).rejects.toThrow('cannot be written');
    expect(await checkedMounts([on('/a', 'ro', host)], {})).toHaveLength(1);
  });
});

describe('mountArguments', () => {
  it("tells the agent the root, and the others in words without the kernel line's own signs", () => {
    expect(mountArguments([on('/'), on('/a b"%ü', 'rw'), on('/etc/x-1.d:0')])).toEqual([
      'vmtest.root=9p:vmtest0 vmtest.rootflags=ro',
      'vmtest.mount=vmtest1:rw:/a%20b%22%25%c3%bc',
      'vmtest.mount=vmtest2:ro:/etc/x-1.d:0',
    ]);
  });
});
