import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCleanup } from '../../cleanup.js';
import type { Cache } from '../cache.js';
import { prepareRoot, type RootRequest } from './root.js';
import { readTar } from './tar-read.js';
import { dockerFiles, makeTar, type TestEntry } from './testing/archives.js';

let directory: string;
let cache: Cache;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-hostile-'));
  cache = { root: join(directory, 'cache'), cleanup: createCleanup() };
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function failure(data: Uint8Array, more: Partial<RootRequest> = {}): Promise<unknown> {
  const path = join(directory, 'bad.tar');
  await writeFile(path, data);
  return prepareRoot(cache, { path, ...more }).catch((error: unknown) => error);
}

/** Nothing but the input and an empty cache: an archive must not reach anything else either. */
async function expectNothingLeft(): Promise<void> {
  expect(await readdir(join(cache.root, 'roots')).catch(() => [])).toEqual([]);
  expect(await readdir(join(cache.root, 'tmp')).catch(() => [])).toEqual([]);
  expect((await readdir(directory)).filter((name) => name !== 'cache')).toEqual(['bad.tar']);
}

const good: TestEntry = { name: 'good', data: 'x' };
const many = (count: number): TestEntry[] => Array.from({ length: count }, (_, i) => ({ name: `f${i}` }));
const sparse = (map: string, size: string, data = ''): TestEntry => ({
  name: 'GNUSparseFile.0/s',
  data,
  pax: {
    'GNU.sparse.major': '1',
    'GNU.sparse.minor': '0',
    'GNU.sparse.name': 'thin',
    'GNU.sparse.realsize': size,
    ...(map === '' ? {} : { comment: map }),
  },
});

describe('a hostile archive', () => {
  it.each<[string, TestEntry[], string]>([
    ['an absolute path', [{ name: '/etc/passwd' }], 'entry "/etc/passwd" has an absolute path'],
    ['a way up', [{ name: '../out' }], 'entry "../out" has a path with ".."'],
    ['a way up in the middle', [{ name: 'a/../../out' }], 'entry "a/../../out" has a path with ".."'],
    ['a way up in a pax record', [{ name: 'x', pax: { path: 'a/../b' } }], 'entry "a/../b" has a path with ".."'],
    ['control characters', [{ name: '../\u001b[2J' }], 'entry "../\\u001b[2J" has a path with ".."'],
    ['a name that is not UTF-8', [{ name: 'x', pax: { path: Buffer.from('a\xff', 'latin1') } }], 'that is not UTF-8'],
    ['a long name', [{ name: 'x', pax: { path: 'n'.repeat(256) } }], 'has a name over 255 bytes'],
    ['a long path', [{ name: 'x', pax: { path: 'd/'.repeat(2100) } }], 'has a path over 4095 bytes'],
    [
      'a file as the root',
      [
        { name: './', data: 'x', flag: '0' },
        { name: '.', flag: '2', target: 'x' },
      ],
      'would replace the root itself',
    ],
    [
      'a file behind a link that leads out',
      [
        { name: 'd', flag: '2', target: '/etc' },
        { name: 'd/passwd', data: 'x' },
      ],
      'entry "d/passwd" lies under d, of which "d" is a symbolic link',
    ],
    ['a file in a file', [good, { name: 'good/x' }], 'lies under good, of which "good" is not a directory'],
    ['a hard link to nothing', [{ name: 'l', flag: '1', target: 'none' }], 'is a hard link to something that is not'],
    [
      'a hard link that leads out',
      [{ name: 'l', flag: '1', target: '../x' }],
      'hard link to something that has a path',
    ],
    ['a hard link to /', [{ name: 'l', flag: '1', target: '/etc/shadow' }], 'something that has an absolute path'],
    [
      'a hard link to a directory',
      [
        { name: 'd', flag: '5' },
        { name: 'l', flag: '1', target: 'd' },
      ],
      'to a directory',
    ],
    ['a hard link with data', [good, { name: 'l', flag: '1', target: 'good', data: 'x' }], 'is a hard link with data'],
    ['an unknown kind', [{ name: 's', flag: 'S' }], 'entry "s" is of an unknown kind'],
    ['a bomb of zeros', [{ name: 'big', size: 2 ** 33 - 1 }, ...many(1)], 'holds more than the 1 GiB that a root may'],
    ['a size of exabytes', [{ name: 'x', pax: { size: '9000000000000000' } }], 'holds more than the 1 GiB'],
    ['a negative size', [{ name: 'x', pax: { size: '-512' } }], 'is no tar archive, or a damaged one'],
    ['a sparse bomb', [sparse('', '1000000000000000', '0\n')], 'holds more than the 1 GiB'],
    ['a sparse file of no size', [sparse('', 'NaN', '0\n')], 'entry "thin" has a bad size'],
    ['a sparse map of words', [sparse('', '10', 'all\n')], 'is a sparse file with a map that is not made of numbers'],
    [
      'a sparse map out of range',
      [sparse('', '10', '1\n5\n9\n'.padEnd(600))],
      'a map that is out of order or out of range',
    ],
    ['a sparse map without data', [sparse('', '10', '1\n0\n9\n'.padEnd(512))], 'less data than its map says'],
    ['many files', many(1001), 'holds more than the 1000 files'],
    ['many implied directories', [{ name: 'x', pax: { path: 'd/'.repeat(1500) } }], 'holds more than the 1000 files'],
  ])('%s is one clear error', async (_, entries, message) => {
    const limits = { maxBytes: 2 ** 30, maxEntries: 1000 };
    const error = await failure(makeTar([good, ...entries].slice(entries.length > 1000 ? 1 : 0)), limits);
    expect(error).toMatchObject({ code: 'VMTEST_BAD_INPUT', message: expect.stringContaining(message) });
    expect((error as Error).message).toMatch(/^root .*bad\.tar/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not reach a terminal
    expect((error as Error).message).not.toMatch(/[\x00-\x1f]/);
    await expectNothingLeft();
  });

  it('that is a gzip bomb is refused while it is read', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20));
    const tar = gzipSync(makeTar([{ name: 'x', data: Buffer.alloc(64 * 2 ** 20) }]));
    for (const data of [bomb, tar, makeTar(dockerFiles([{ layers: [tar] }]))]) {
      const error = await failure(data, { maxBytes: 2 ** 20 });
      expect(error).toMatchObject({
        code: 'VMTEST_BAD_INPUT',
        message: expect.stringContaining('more than the 1048576'),
      });
      await expectNothingLeft();
    }
  });

  it('may be cut or damaged anywhere', async () => {
    const tar = makeTar([good, { name: 'd/', flag: '5' }, { name: 'd/file', data: 'y'.repeat(2000) }, good], {
      end: false,
    });
    for (const length of [100, 512 + 100, 3000, tar.length - 1]) {
      const error = await failure(tar.subarray(0, length));
      expect(error).toMatchObject({ code: 'VMTEST_BAD_INPUT' });
      await expectNothingLeft();
    }
    const gzip = gzipSync(tar);
    gzip[gzip.length - 20] = (gzip[gzip.length - 20] ?? 0) ^ 0xff;
    expect(await failure(gzip)).toMatchObject({
      message: expect.stringMatching(/is damaged gzip data|is no tar archive/),
    });
    expect(await failure(gzipSync('no archive'.repeat(100)))).toMatchObject({
      message: expect.stringContaining('is no tar archive'),
    });
  });

  it('never makes the reader hang or throw anything but its own error', async () => {
    const tar = makeTar([
      { name: 'a', data: 'x'.repeat(700), pax: { path: 'long', 'SCHILY.xattr.user.a': 'b' } },
      { name: 'd/', flag: '5' },
      { name: 'l', flag: '2', target: 'a' },
      sparse('', '10', '1\n0\n2\n'.padEnd(514)),
    ]);
    const mutation = fc.record({ at: fc.nat(tar.length - 1), byte: fc.nat(255), keep: fc.nat(tar.length) });
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
        const damaged = Buffer.from(tar);
        for (const { at, byte } of mutations) damaged[at] = byte;
        const cut = damaged.subarray(0, mutations[0]?.keep);
        const read = async () => {
          for await (const { data } of readTar('x', toStream(cut))) for await (const _ of data);
        };
        await read().catch((error: { code?: string }) => expect(error.code).toBe('VMTEST_BAD_INPUT'));
      }),
      { numRuns: 300 },
    );
  });

  async function* toStream(data: Buffer): AsyncGenerator<Buffer> {
    for (let at = 0; at < data.length; at += 1000) yield data.subarray(at, at + 1000);
  }
});

describe('a host in trouble', () => {
  /** A tool that behaves badly, found before the real one. */
  async function withTool<T>(script: string, act: () => Promise<T>): Promise<T> {
    const before = process.env['PATH'];
    const bin = join(directory, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'sqfstar'), `#!/bin/sh\n${script}\n`);
    await chmod(join(bin, 'sqfstar'), 0o755);
    process.env['PATH'] = `${bin}:${before}`;
    try {
      return await act();
    } finally {
      process.env['PATH'] = before;
      await rm(bin, { recursive: true });
    }
  }
  const large = makeTar([{ name: 'x', data: Buffer.alloc(2 ** 22, 'data') }]);

  it.each([
    ['an image that may not grow', 'exec prlimit --fsize=4096 /usr/bin/sqfstar "$@"', /sqfstar: /],
    ['a tool that is killed', 'kill -9 $$', /sqfstar: .*SIGKILL/],
    ['a tool that ends early', 'exit 0', /sqfstar ended before its input did/],
    ['a complaint', 'echo oh >&2; echo "bad \u001b[2J news" >&2; exit 1', /sqfstar: bad {2}?\[2J news/],
    [
      'a full disk',
      'echo "Write failed because No space left on device" >&2; echo FATAL >&2; exit 1',
      /no space left on the/,
    ],
  ])('%s is told, and leaves nothing', async (_, script, message) => {
    const error = await withTool(script, () => failure(large));
    expect(error).toMatchObject({ code: 'VMTEST_PACK', message: expect.stringMatching(message) });
    await expectNothingLeft();
  });

  it('is left as it was when the caller loses patience', async () => {
    const controller = new AbortController();
    const path = join(directory, 'bad.tar');
    await writeFile(path, large);
    const fifo = join(directory, 'started');
    const error = await withTool(`echo > ${fifo}; exec sleep 1000`, async () => {
      const { execa } = await import('execa');
      await execa('mkfifo', [fifo]);
      const preparing = prepareRoot(cache, { path }, { signal: controller.signal }).catch((e: unknown) => e);
      await execa('cat', [fifo]);
      controller.abort(new Error('enough'));
      return preparing;
    });
    await rm(fifo);
    expect(error).toMatchObject({ message: 'enough' });
    await expectNothingLeft();
  });

  it('does not follow links of a layout to what is not there', async () => {
    await mkdir(join(directory, 'layout'));
    await symlink('/nowhere', join(directory, 'layout/oci-layout'));
    const root = prepareRoot(cache, { path: join(directory, 'layout') });
    // A dangling link is no layout: it is a directory like any other.
    expect((await root).fstype).toBe('erofs');
  });
});
