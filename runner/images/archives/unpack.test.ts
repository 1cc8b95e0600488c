import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VmtestError } from '../../errors.js';
import { encodeCpio } from '../cpio.js';
import { byteReader } from './byte-reader.js';
import type { ArchiveEntry, ArchiveReader } from './entry.js';
import { readCpio } from './read-cpio.js';
import { readTar } from './tar.js';
import { unpackInto } from './unpack.js';

let directory: string;
let root: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-unpack-'));
  root = join(directory, 'root');
  await mkdir(root);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** In pieces of `size`, so that headers and data are cut everywhere. */
async function* inPieces(data: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

async function unpack(read: ArchiveReader, data: Buffer, size = 1000, wanted = (_: string) => true) {
  await using reader = byteReader(inPieces(data, size));
  await unpackInto(root, read(reader), { wanted });
}

interface Member {
  path: string;
  type?: ArchiveEntry['type'];
  target?: string;
  data?: string;
}

async function* entries(...members: Member[]): AsyncGenerator<ArchiveEntry> {
  for (const { path, type = 'file', target = '', data = '' } of members) {
    yield { path, type, target, executable: false, data: inPieces(Buffer.from(data), 7) as ArchiveEntry['data'] };
  }
}
const all = { wanted: () => true };

/** A tree with long names, all kinds of links, and sizes around the blocks of tar and the padding of cpio. */
async function makeTree(): Promise<string> {
  const tree = join(directory, 'tree');
  const long = `lib/modules/${'long-'.repeat(22)}`;
  await execa(
    'sh',
    [
      '-ec',
      `mkdir -p boot "${long}/deeper/and/deeper" empty
       for n in 0 1 3 4 511 512 513 70000; do head -c $n /dev/zero | tr '\\0' a > boot/size-$n; done
       echo module > "${long}/deeper/and/deeper/${'name-'.repeat(25)}.ko"
       echo script > boot/tool; chmod 4755 boot/tool
       ln boot/tool boot/tool-too; ln -s tool boot/link; ln -s ../boot/size-4 "${long}/../nothing"
       ln -s ../../boot/size-4 lib/modules/four; ln -s "../../${'boot/../'.repeat(16)}boot/size-3" lib/modules/three`,
    ],
    { cwd: await mkdir(tree, { recursive: true }).then(() => tree) },
  );
  return tree;
}

async function expectTree(): Promise<void> {
  for (const n of [0, 1, 3, 4, 511, 512, 513, 70000]) {
    expect(await readFile(join(root, `boot/size-${n}`), 'latin1')).toBe('a'.repeat(n));
  }
  const long = join(root, `lib/modules/${'long-'.repeat(22)}/deeper/and/deeper/${'name-'.repeat(25)}.ko`);
  expect(await readFile(long, 'utf8')).toBe('module\n');
  // May be executed, but never as its owner.
  expect((await stat(join(root, 'boot/tool'))).mode & 0o7777).toBe(0o755);
  expect((await stat(join(root, 'boot/tool-too'))).ino).toBe((await stat(join(root, 'boot/tool'))).ino);
  expect(await readlink(join(root, 'boot/link'))).toBe('tool');
  expect(await readFile(join(root, 'lib/modules/four'), 'utf8')).toBe('aaaa');
  expect(await readFile(join(root, 'lib/modules/three'), 'utf8')).toBe('aaa');
  // A link to nowhere is of no use.
  await expect(lstat(join(root, 'lib/modules/nothing'))).rejects.toThrow('ENOENT');
  expect((await stat(join(root, 'empty'))).isDirectory()).toBe(true);
}

describe('readTar', () => {
  it.each(['gnu', 'v7', 'ustar'])('reads what tar writes as %s', async (format) => {
    const tree = await makeTree();
    // Names of old headers are short.
    const left = format === 'gnu' ? [] : ['--exclude=*long-*', '--exclude=three'];
    const args = ['-c', `--format=${format}`, '--owner=0', '--group=0', ...left, '.'];
    const { stdout } = await execa('tar', args, { cwd: tree, encoding: 'buffer' });
    await unpack(readTar, Buffer.from(stdout));
    if (format === 'gnu') await expectTree();
    else expect(await readFile(join(root, 'boot/tool-too'), 'utf8')).toBe('script\n');
  });

  it('reads the prefix of ustar', async () => {
    const name = `${'d'.repeat(90)}/${'f'.repeat(90)}`;
    await mkdir(join(directory, 'd'.repeat(90)));
    await writeFile(join(directory, name), 'x');
    const { stdout } = await execa('tar', ['-c', '--format=ustar', name], { cwd: directory, encoding: 'buffer' });
    await unpack(readTar, Buffer.from(stdout), 100);
    expect(await readFile(join(root, name), 'utf8')).toBe('x');
  });

  it('says what it cannot read', async () => {
    await writeFile(join(directory, 'file'), 'x'.repeat(600));
    const args = (format: string) => ['-c', `--format=${format}`, 'file'];
    const pax = await execa('tar', args('pax'), { cwd: directory, encoding: 'buffer' });
    await expect(unpack(readTar, Buffer.from(pax.stdout))).rejects.toThrow('PAX');
    const gnu = Buffer.from((await execa('tar', args('gnu'), { cwd: directory, encoding: 'buffer' })).stdout);
    await expect(unpack(readTar, gnu.subarray(0, 700))).rejects.toThrow('ends too early');
    gnu[0] = 0x7a;
    await expect(unpack(readTar, gnu)).rejects.toThrow('wrong checksum');
  });
});

describe('readCpio', () => {
  it.each(['newc', 'crc'])('reads what cpio writes as %s', async (format) => {
    const tree = await makeTree();
    const find = 'find . -depth -print | cpio -o --quiet -H "$0"';
    const { stdout } = await execa('sh', ['-c', find, format], { cwd: tree, encoding: 'buffer' });
    await unpack(readCpio, Buffer.from(stdout), 333);
    await expectTree();
  });

  it('says what it cannot read', async () => {
    const archive = Buffer.concat(encodeCpio(new Map([['file', { type: 'file', data: Buffer.alloc(100) }]])));
    await expect(unpack(readCpio, archive.subarray(0, 150))).rejects.toThrow('ends too early');
    await expect(unpack(readCpio, Buffer.alloc(200))).rejects.toThrow('wrong cpio header');
    await expect(unpack(readCpio, Buffer.concat([Buffer.from('07070X'), archive]))).rejects.toThrow('4 GiB');
  });
});

describe('archives of any bytes', () => {
  it.each([
    ['tar', readTar],
    ['cpio', readCpio],
  ] as const)('as %s end with a message, and write nothing outside', async (format, read) => {
    const tree = await makeTree();
    const command = format === 'tar' ? 'tar -c --format=gnu .' : 'find . | cpio -o --quiet -H newc';
    const { stdout } = await execa('sh', ['-c', command], { cwd: tree, encoding: 'buffer' });
    const whole = Buffer.from(stdout);
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 20 }),
        fc.nat(whole.length),
        async (changes, length) => {
          const data = Buffer.from(whole.subarray(0, length));
          for (const [at, byte] of changes) if (at < length) data[at] = byte;
          await rm(root, { recursive: true });
          await mkdir(root);
          await unpack(read, data, 4096).catch((error: unknown) => {
            if (!(error instanceof VmtestError)) throw error;
          });
          expect((await readdir(directory)).sort()).toEqual(['root', 'tree']);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('unpackInto', () => {
  it.each<[string, Member[]]>([
    ['.., which leads out', [{ path: '../out' }]],
    ['.. on the way', [{ path: 'a/../../out' }]],
    ['.. that stays', [{ path: 'a/../b' }]],
    ['an absolute path', [{ path: '/tmp/out' }]],
    ['no name', [{ path: '' }]],
    ['a NUL', [{ path: 'a\0b' }]],
    ['an absolute link', [{ path: 'a', type: 'symlink', target: '/etc' }]],
    ['a link that climbs out', [{ path: 'a/b', type: 'symlink', target: '../../out' }]],
    ['a link to the parent', [{ path: 'a', type: 'symlink', target: '..' }]],
    ['an empty link', [{ path: 'a', type: 'symlink', target: '' }]],
    [
      'links that climb out together',
      [
        { path: 'a', type: 'symlink', target: '.' },
        { path: 'b', type: 'symlink', target: 'a/a/../..' },
      ],
    ],
    [
      'a file through a link',
      [
        { path: 'a', type: 'symlink', target: 'b' },
        { path: 'a/out', data: 'x' },
      ],
    ],
    [
      'a link through a link',
      [
        { path: 'd', type: 'directory' },
        { path: 'a', type: 'symlink', target: 'd' },
        { path: 'a/b', type: 'symlink', target: '../d' },
      ],
    ],
    ['a hard link outside', [{ path: 'a', type: 'hardlink', target: '../outside' }]],
    ['a hard link to /', [{ path: 'a', type: 'hardlink', target: '/etc/passwd' }]],
    ['a hard link to nothing', [{ path: 'a', type: 'hardlink', target: 'b' }]],
    ['a device', [{ path: 'a', type: 'other' }]],
    ['the same file twice', [{ path: 'a' }, { path: './a' }]],
    ['a link in the place of a file', [{ path: 'a' }, { path: 'a', type: 'symlink', target: 'b' }]],
    ['a file in the place of a directory', [{ path: 'a' }, { path: 'a/b' }]],
    ['a directory in the place of a file', [{ path: 'a' }, { path: 'a', type: 'directory' }]],
    ['a name that is too long', [{ path: 'a'.repeat(300) }]],
  ])('refuses %s', async (_, members) => {
    await writeFile(join(directory, 'outside'), 'mine');
    const unpacking = unpackInto(root, entries(...members), all);
    await expect(unpacking).rejects.toMatchObject({ code: 'VMTEST_ARCHIVE' });
    expect((await readdir(directory)).sort()).toEqual(['outside', 'root']);
    expect(await readFile(join(directory, 'outside'), 'utf8')).toBe('mine');
  });

  it('checks the paths of what is not wanted as well', async () => {
    const none = { wanted: () => false };
    await unpackInto(root, entries({ path: 'a', data: 'x' }, { path: 'b', type: 'symlink', target: '/usr/src' }), none);
    expect(await readdir(root)).toEqual([]);
    await expect(unpackInto(root, entries({ path: '../a' }), none)).rejects.toThrow('leads out');
  });

  it('lets links form a ring, which leads nowhere', async () => {
    const ring: Member[] = [
      { path: 'a', type: 'symlink', target: 'b' },
      { path: 'b', type: 'symlink', target: 'a' },
    ];
    await unpackInto(root, entries(...ring), all);
    expect(await readdir(root)).toEqual([]);
  });
});

describe('byteReader', () => {
  it('has an end', async () => {
    const forever = async function* () {
      for (;;) yield Buffer.alloc(1 << 16);
    };
    await using reader = byteReader(forever(), 1 << 20);
    await expect(reader.skip(2 ** 40)).rejects.toThrow('unpacks to more than');
    await expect(reader.read(2 ** 40)).rejects.toThrow('damaged');
  });
});
