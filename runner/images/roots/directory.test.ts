import {
  chmod,
  link,
  lutimes,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCleanup } from '../../cleanup.js';
import type { Cache } from '../cache.js';
import { sha256 } from '../digest.js';
import { prepareRoot, type Root } from './root.js';
import { makeTar } from './testing/archives.js';

let directory: string;
let tree: string;
let cache: Cache;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-directory-'));
  tree = join(directory, 'tree');
  cache = { root: join(directory, 'cache'), cleanup: createCleanup() };
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const prepare = (): Promise<Root> => prepareRoot(cache, { path: tree });
const dump = async (image: string, path: string): Promise<string> =>
  (await execa('dump.erofs', [`--path=${path}`, '--ls', image])).stdout;

async function fill(root: string): Promise<void> {
  await mkdir(join(root, 'bin'), { recursive: true });
  await writeFile(join(root, 'bin/tool'), 'the tool');
  await chmod(join(root, 'bin/tool'), 0o4755);
  await link(join(root, 'bin/tool'), join(root, 'bin/other'));
  await symlink('/proc/self', join(root, 'link'));
  await writeFile(Buffer.from(join(root, 'name-\xff'), 'latin1'), 'bytes');
  await mkdir(join(root, 'empty'));
  const time = new Date('2001-02-03T04:05:06Z');
  for (const name of ['bin/tool', 'bin', 'empty', '']) await utimes(join(root, name), time, time);
  await utimes(Buffer.from(join(root, 'name-\xff'), 'latin1'), time, time);
  await lutimes(join(root, 'link'), time, time);
}

describe('a directory', () => {
  it('becomes an erofs image with its modes, times and links', async () => {
    await fill(tree);
    const root = await prepare();
    expect(root).toEqual({ path: root.path, fstype: 'erofs', label: tree, writable: false });
    await execa('fsck.erofs', [root.path]);
    const tool = await dump(root.path, '/bin/tool');
    expect(tool).toMatch(/Size: 8 .*regular file/);
    expect(tool).toMatch(/Links: 2/);
    expect(tool).toMatch(/Timestamp: 2001-02-03/);
    expect(await dump(root.path, '/')).toMatch(/bin.*empty.*link/s);
    const out = join(directory, 'out');
    await execa('fsck.erofs', [`--extract=${out}`, '--preserve', root.path]);
    // Neither of the two tools shows set-id bits: the mode as it is on the disk (fs/erofs/erofs_fs.h).
    const inode = Number(/NID: (\d+)/.exec(tool)?.[1]) * 32;
    expect((await readFile(root.path)).readUInt16LE(inode + 4)).toBe(0o104755);
    expect(await readFile(join(out, 'bin/tool'), 'utf8')).toBe('the tool');
    expect(await readlink(join(out, 'link'))).toBe('/proc/self');
  });

  it('gives equal bytes for equal trees, and is packed once', async () => {
    await fill(tree);
    const first = await prepare();
    expect(await prepare()).toEqual(first);
    await fill(join(directory, 'copy'));
    const copy = await prepareRoot(cache, { path: join(directory, 'copy') });
    expect(copy.path).not.toBe(first.path);
    expect(await sha256(copy.path)).toBe(await sha256(first.path));
  });

  it('is packed anew after a change, even one that keeps size and time', async () => {
    await fill(tree);
    const before = await prepare();
    const time = new Date('2001-02-03T04:05:06Z');
    await writeFile(join(tree, 'bin/tool'), 'new tool');
    await utimes(join(tree, 'bin/tool'), time, time);
    const after = await prepare();
    expect(await sha256(after.path)).not.toBe(await sha256(before.path));
  });

  it('leaves the cache out that lies in it', async () => {
    await fill(tree);
    cache = { ...cache, root: join(tree, 'cache') };
    const root = await prepare();
    expect(await dump(root.path, '/')).toMatch(/cache/);
    expect(await dump(root.path, '/cache')).not.toMatch(/roots|tmp/);
    expect((await prepare()).path).toBe(root.path);
  });

  it.skipIf(process.getuid?.() !== 0)('has empty directories where others are mounted', async () => {
    await fill(tree);
    const mounted = join(tree, 'empty');
    const root = await execa('mount', ['-t', 'tmpfs', 'none', mounted]).then(
      async () => {
        await writeFile(join(mounted, 'hidden'), 'x');
        return prepare().finally(() => execa('umount', [mounted]));
      },
      // A container may not mount: then /proc in the place of a mount of ours.
      () => undefined,
    );
    if (root === undefined) return;
    expect(await dump(root.path, '/')).toMatch(/empty/);
    expect(await dump(root.path, '/empty')).not.toMatch(/hidden/);
  });

  it('is refused where it cannot be packed', async () => {
    await fill(tree);
    await expect(prepareRoot(cache, { path: tree, writable: true })).rejects.toThrow(
      `root ${tree}: what is packed into an image for the guest cannot be written; leave ",rw" out`,
    );
    await expect(prepareRoot(cache, { path: `${tree}:1` })).rejects.toThrow('":1" chooses nothing in it');
    await expect(prepareRoot(cache, { path: tree, maxEntries: 3 })).rejects.toThrow('more than the 3 files');
    await expect(prepareRoot(cache, { path: tree, maxBytes: 3 })).rejects.toThrow('more than the 3 bytes');
    await expect(prepareRoot(cache, { path: join(tree, 'none') })).rejects.toThrow('none: does not exist');
  });
});

describe('packing', () => {
  it('stores one copy, however many ask at once', async () => {
    await fill(tree);
    const path = join(directory, 'root.tar');
    await writeFile(path, makeTar([{ name: 'x', data: 'data' }]));
    const made = await Promise.all(
      [...Array(8)].map((_, i) => prepareRoot(cache, { path: i % 2 === 0 ? path : tree })),
    );
    expect(new Set(made.map((root) => root.path)).size).toBe(2);
    expect(await readdir(join(cache.root, 'roots'))).toHaveLength(2);
    expect(await readdir(join(cache.root, 'tmp'))).toEqual([]);
  });

  it('that is killed leaves nothing that looks whole', async () => {
    const path = join(directory, 'root.tar');
    await writeFile(path, makeTar([{ name: 'x', data: Buffer.alloc(2 ** 22, 'data') }]));
    // Killed when the cache has room for the image and nothing is in it yet.
    const script = `
      import { prepareRoot } from ${JSON.stringify(join(import.meta.dirname, 'root.ts'))};
      const cache = { root: process.argv[1], cleanup: { defer() {} } };
      await prepareRoot(cache, { path: process.argv[2] }, { onProgress: () => process.kill(process.pid, 'SIGKILL') });`;
    const killed = execa('node', ['--import', 'tsx', '--input-type=module', '-e', script, cache.root, path], {
      reject: false,
    });
    expect((await killed).signal).toBe('SIGKILL');
    expect(await readdir(join(cache.root, 'roots')).catch(() => [])).toEqual([]);
    const root = await prepareRoot(cache, { path });
    await execa('unsquashfs', ['-s', root.path]);
    expect(await readdir(dirname(dirname(root.path)))).toHaveLength(1);
  });
});
