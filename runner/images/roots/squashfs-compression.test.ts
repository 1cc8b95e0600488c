import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { squashfsCompression } from './squashfs-compression.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-squashfs-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('squashfsCompression', () => {
  it.each(['gzip', 'lzo', 'xz', 'lz4', 'zstd'])('tells %s', async (compression) => {
    const path = join(directory, 'image');
    await writeFile(join(directory, 'file'), 'text');
    await execa('mksquashfs', [join(directory, 'file'), path, '-comp', compression, '-quiet', '-no-progress']);
    expect(await squashfsCompression({ path, fstype: 'squashfs' })).toBe(`squashfs-${compression}`);
    expect(await squashfsCompression({ path, fstype: 'squashfs', partition: 1 })).toBeUndefined();
    expect(await squashfsCompression({ path, fstype: 'erofs' })).toBeUndefined();
  });

  it('knows nothing of others', async () => {
    const path = join(directory, 'image');
    await writeFile(path, Buffer.concat([Buffer.from('hsqs'), Buffer.alloc(16), Buffer.from([99, 0])]));
    expect(await squashfsCompression({ path, fstype: 'squashfs' })).toBeUndefined();
    await writeFile(path, 'hsqs');
    expect(await squashfsCompression({ path, fstype: 'squashfs' })).toBeUndefined();
  });
});
