import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { staysInside } from './get.js';
import { isRoot, startAgent, type TestAgent } from './testing/agent-fixture.js';

const MIB = 1024 * 1024;

let agent: TestAgent;
let host: string;
let guest: string;
beforeAll(async () => {
  agent = await startAgent();
});
beforeEach(async () => {
  host = join(agent.directory, 'host');
  guest = join(agent.directory, 'guest');
  await mkdir(host);
  await mkdir(guest);
});
afterEach(async () => {
  await agent.expectIdle();
  await rm(host, { recursive: true });
  await rm(guest, { recursive: true });
});
afterAll(async () => agent[Symbol.asyncDispose]());

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

/** A file with data at some places, in bytes; what lies between is a hole. */
async function writeSparse(path: string, size: number, pieces: Record<number, string>): Promise<void> {
  await using file = await open(path, 'w');
  for (const [position, text] of Object.entries(pieces)) await file.write(text, Number(position));
  await file.truncate(size);
}

describe('one file', () => {
  test.each([0, 1, 4096, 65536, 65537, 3 * MIB + 5])('of %i bytes, there and back', async (size) => {
    const bytes = Buffer.alloc(size, 'vmtest agent ');
    await writeFile(join(host, 'a'), bytes);
    const put = await agent.client.putFile(join(host, 'a'), join(guest, 'b'));
    expect(put).toEqual({ entries: 1, bytes: size, skipped: [] });
    const got = await agent.client.getFile(join(guest, 'b'), join(host, 'c'));
    expect(got).toEqual({ entries: 1, bytes: size, skipped: [] });
    expect((await readFile(join(host, 'c'))).equals(bytes)).toBe(true);
    expect((await agent.client.readFile(join(guest, 'b'))).equals(bytes)).toBe(true);
    expect(await readdir(guest)).toEqual(['b']);
  });

  test('mode and time', async () => {
    await writeFile(join(host, 'a'), 'x');
    await chmod(join(host, 'a'), 0o4750);
    const time = new Date('2001-02-03T04:05:06.789Z');
    await utimes(join(host, 'a'), time, time);
    await agent.client.putFile(join(host, 'a'), join(guest, 'b'));
    const there = await stat(join(guest, 'b'));
    expect(there.mode & 0o7777).toBe(0o4750);
    expect(there.mtime).toEqual(time);
    await agent.client.getFile(join(guest, 'b'), join(host, 'c'));
    const back = await stat(join(host, 'c'));
    // The set-id bits of a guest mean nothing here.
    expect(back.mode & 0o7777).toBe(0o750);
    expect(back.mtime).toEqual(time);
  });

  test.runIf(isRoot)('the owner, when asked', async () => {
    await writeFile(join(host, 'a'), 'x');
    await chown(join(host, 'a'), 1234, 2345);
    await agent.client.putFile(join(host, 'a'), join(guest, 'plain'));
    await agent.client.putFile(join(host, 'a'), join(guest, 'owned'), { owner: true });
    expect(await stat(join(guest, 'plain'))).toMatchObject({ uid: 0, gid: 0 });
    expect(await stat(join(guest, 'owned'))).toMatchObject({ uid: 1234, gid: 2345 });
  });

  test('from memory and from a stream', async () => {
    await agent.client.putFile(Buffer.from('bytes'), join(guest, 'a'), { mode: 0o600 });
    expect(await readFile(join(guest, 'a'), 'utf8')).toBe('bytes');
    expect((await stat(join(guest, 'a'))).mode & 0o7777).toBe(0o600);
    await agent.client.putFile(Readable.from([Buffer.alloc(100_000, 'a'), Buffer.from('b')]), join(guest, 'c'));
    expect(await readFile(join(guest, 'c'), 'utf8')).toBe(`${'a'.repeat(100_000)}b`);
  });

  test('into directories that are made, or not', async () => {
    await agent.client.putFile(Buffer.from('x'), join(guest, 'p/q/r'));
    expect(await readFile(join(guest, 'p/q/r'), 'utf8')).toBe('x');
    await expect(agent.client.putFile(Buffer.from('x'), join(guest, 's/t'), { parents: false })).rejects.toMatchObject({
      code: 'VMTEST_AGENT_IO',
      context: { errno: 'ENOENT' },
    });
  });

  test('replaces a file or link, not what the link points to', async () => {
    await writeFile(join(guest, 'target'), 'old');
    await symlink('target', join(guest, 'link'));
    await agent.client.putFile(Buffer.from('new'), join(guest, 'link'));
    expect(await readFile(join(guest, 'target'), 'utf8')).toBe('old');
    expect(await readFile(join(guest, 'link'), 'utf8')).toBe('new');
    expect((await lstat(join(guest, 'link'))).isSymbolicLink()).toBe(false);
  });

  test.each([
    ['a directory', '', 'EISDIR'],
    ['a file below a file', 'file/below', 'ENOTDIR'],
    ['a name that is too long', 'n'.repeat(256), 'EISDIR'],
  ])('put onto %s is refused', async (_name, name, errno) => {
    await writeFile(join(guest, 'file'), '');
    await expect(agent.client.putFile(Buffer.alloc(MIB), `${guest}/${name}`)).rejects.toMatchObject({
      code: 'VMTEST_AGENT_IO',
      context: { errno },
    });
    expect(await readdir(guest)).toEqual(['file']);
  });

  test.each([
    ['nothing', 'none', 'ENOENT'],
    ['a directory', '.', 'EISDIR'],
    ['a FIFO', 'fifo', 'EINVAL'],
  ])('get of %s is refused', async (_name, name, errno) => {
    await agent.client.exec(['mkfifo', join(guest, 'fifo')]).result;
    await expect(agent.client.getFile(`${guest}/${name}`, join(host, 'x'))).rejects.toMatchObject({
      code: 'VMTEST_AGENT_IO',
      context: { errno },
    });
    expect(await readdir(host)).toEqual([]);
  });

  test('a path that is not absolute is refused', async () => {
    await expect(agent.client.readFile('etc/passwd')).rejects.toMatchObject({ code: 'VMTEST_AGENT_PROTOCOL' });
  });

  test('files of /proc, which have no size', async () => {
    expect((await agent.client.readFile('/proc/version')).toString()).toContain('Linux version');
    await agent.client.getFile('/proc/cpuinfo', join(host, 'cpuinfo'));
    expect(await readFile(join(host, 'cpuinfo'), 'utf8')).toContain('processor');
  });

  test('more than may be held in memory', async () => {
    await writeSparse(join(guest, 'a'), 100 * 1024 * MIB, { 0: 'x' });
    await expect(agent.client.readFile(join(guest, 'a'))).rejects.toMatchObject({ code: 'VMTEST_AGENT_IO' });
    await writeFile(join(guest, 'b'), 'four');
    await expect(agent.client.readFile(join(guest, 'b'), { maxBytes: 3 })).rejects.toThrow('more than 3 bytes');
    expect((await agent.client.readFile(join(guest, 'b'), { maxBytes: 4 })).toString()).toBe('four');
  });

  test('256 MiB with equal digests, with little memory', async () => {
    await agent.client.exec(['sh', '-c', `head -c ${256 * MIB} /dev/urandom > ${guest}/big`]).result;
    await agent.client.getFile(join(guest, 'big'), join(host, 'big'));
    await agent.client.putFile(join(host, 'big'), join(guest, 'copy'));
    const digests = await Promise.all([join(guest, 'big'), join(host, 'big'), join(guest, 'copy')].map(digestOf));
    expect(new Set(digests).size).toBe(1);
  });
});

describe('sparse files', () => {
  test.each<[string, number, Record<number, string>]>([
    ['only a hole', 8 * MIB, {}],
    ['data, hole', 8 * MIB, { 0: 'begin' }],
    ['hole, data', 8 * MIB, { [8 * MIB - 3]: 'end' }],
    ['data, hole, data, hole', 16 * MIB, { 0: 'a', [5 * MIB]: 'b', [5 * MIB + 70_000]: 'c' }],
    ['an odd size', 8 * MIB + 1, { [4 * MIB]: 'x' }],
  ])('%s', async (_name, size, pieces) => {
    await writeSparse(join(host, 'a'), size, pieces);
    const blocks = (await stat(join(host, 'a'))).blocks;
    await agent.client.putFile(join(host, 'a'), join(guest, 'b'));
    await agent.client.getFile(join(guest, 'b'), join(host, 'c'));
    for (const path of [join(guest, 'b'), join(host, 'c')]) {
      const status = await stat(path);
      expect(status.size).toBe(size);
      expect(status.blocks).toBeLessThanOrEqual(blocks + 64);
      expect(await digestOf(path)).toBe(await digestOf(join(host, 'a')));
    }
  });

  test('a terabyte of nothing comes at once', async () => {
    await writeSparse(join(guest, 'a'), 1024 * 1024 * MIB, { 0: 'x', [512 * 1024 * MIB]: 'y' });
    const result = await agent.client.getFile(join(guest, 'a'), join(host, 'b'));
    expect(result.bytes).toBeLessThan(MIB);
    expect((await stat(join(host, 'b'))).size).toBe(1024 * 1024 * MIB);
  });
});

async function makeTree(root: string): Promise<void> {
  await mkdir(join(root, 'a/b/c'), { recursive: true });
  await mkdir(join(root, 'empty'), { mode: 0o711 });
  await writeFile(join(root, 'a/file'), 'file');
  await writeFile(join(root, 'a/b/c/deep'), 'deep', { mode: 0o755 });
  await writeFile(Buffer.concat([Buffer.from(`${root}/a/`), Buffer.from([0xff, 0xfe, 0x20])]), 'not UTF-8');
  await symlink('../a/file', join(root, 'empty/link'));
  await symlink('nowhere', join(root, 'a/dangling'));
  await symlink('/etc/passwd', join(root, 'a/absolute'));
  await symlink('../../..', join(root, 'a/b/climbs'));
  await chmod(join(root, 'a/b'), 0o500);
  const time = new Date('2010-01-01T00:00:00Z');
  await utimes(join(root, 'a'), time, time);
}

/** What `find` says: path, type, mode, size of files, time, target. */
async function listing(root: string): Promise<string> {
  const format = '%P %y %m %l\\n';
  const { stdout } = await agent.client.exec([
    'sh',
    '-c',
    `cd ${root} && find . -mindepth 1 -printf '${format}' | sort`,
  ]).result;
  return stdout;
}

describe('trees', () => {
  test('there: modes, links, names that are not UTF-8, times', async () => {
    await makeTree(host);
    const result = await agent.client.putTree(host, join(guest, 'x/y'));
    expect(result).toMatchObject({ entries: 12, skipped: [] });
    expect(await listing(join(guest, 'x/y'))).toBe(await listing(host));
    expect((await stat(join(guest, 'x/y/a'))).mtime).toEqual(new Date('2010-01-01T00:00:00Z'));
    expect(await readlink(join(guest, 'x/y/a/absolute'))).toBe('/etc/passwd');
  });

  test('back: links out of the tree stay behind unless they are wanted', async () => {
    await makeTree(guest);
    const safe = await agent.client.getTree(guest, join(host, 'safe'));
    expect(safe.skipped.map(({ path }) => path).sort()).toEqual(['a/absolute', 'a/b/climbs']);
    expect(await readFile(join(host, 'safe/empty/link'), 'utf8')).toBe('file');
    expect((await stat(join(host, 'safe/a'))).mtime).toEqual(new Date('2010-01-01T00:00:00Z'));
    const kept = await agent.client.getTree(guest, join(host, 'kept'), { symlinks: 'keep' });
    expect(kept).toMatchObject({ entries: 12, skipped: [] });
    // The owner may always enter.
    expect(await listing(join(host, 'kept'))).toBe((await listing(guest)).replace('a/b d 500', 'a/b d 700'));
    const none = await agent.client.getTree(guest, join(host, 'none'), { symlinks: 'skip' });
    expect(none.skipped.length).toBe(4);
  });

  test('what is no file, directory or link is skipped and named', async () => {
    await agent.client.exec(['mkfifo', join(guest, 'fifo'), join(host, 'fifo')]).result;
    const server = createServer().listen(join(guest, 'sock'));
    const got = await agent.client.getTree(guest, join(host, 'got'));
    expect(got.skipped.sort((a, b) => a.path.localeCompare(b.path))).toEqual([
      { path: 'fifo', reason: 'fifo' },
      { path: 'sock', reason: 'socket' },
    ]);
    server.close();
    const put = await agent.client.putTree(host, join(guest, 'put'));
    expect(put.skipped).toEqual([{ path: 'fifo', reason: 'not a file, directory or link' }]);
  });

  test('onto a tree that exists: merged, files replaced, directories keep their mode', async () => {
    await mkdir(join(host, 'd'), { mode: 0o755 });
    await writeFile(join(host, 'd/new'), 'new');
    await writeFile(join(host, 'd/both'), 'host');
    await mkdir(join(guest, 'd'), { mode: 0o711 });
    await writeFile(join(guest, 'd/both'), 'guest');
    await writeFile(join(guest, 'd/old'), 'old');
    await agent.client.putTree(host, guest);
    expect((await readdir(join(guest, 'd'))).sort()).toEqual(['both', 'new', 'old']);
    expect(await readFile(join(guest, 'd/both'), 'utf8')).toBe('host');
    expect((await stat(join(guest, 'd'))).mode & 0o777).toBe(0o711);
  });

  test('never through a link that lies in the way', async () => {
    const outside = join(agent.directory, 'outside');
    await mkdir(outside);
    await mkdir(join(host, 'd'));
    await writeFile(join(host, 'd/file'), 'x');
    await symlink(outside, join(guest, 'd'));
    await expect(agent.client.putTree(host, guest)).rejects.toMatchObject({ context: { errno: 'ENOTDIR' } });
    expect(await readdir(outside)).toEqual([]);
    await rm(outside, { recursive: true });
  });

  test('get overwrites nothing on the host', async () => {
    await writeFile(join(guest, 'a'), 'guest');
    await writeFile(join(host, 'a'), 'host');
    await expect(agent.client.getTree(guest, host)).rejects.toMatchObject({ code: 'VMTEST_AGENT_IO' });
    expect(await readFile(join(host, 'a'), 'utf8')).toBe('host');
  });

  test('a tree that is a file, a root that is missing', async () => {
    await writeFile(join(host, 'file'), '');
    await expect(agent.client.getTree(join(host, 'file'), join(host, 'x'))).rejects.toMatchObject({
      context: { errno: 'ENOTDIR' },
    });
    await expect(agent.client.getTree('/no/such/tree', join(host, 'x'))).rejects.toMatchObject({
      context: { errno: 'ENOENT' },
    });
    for (const [source, errno] of [
      ['none', 'ENOENT'],
      ['file', 'ENOTDIR'],
    ] as const) {
      await expect(agent.client.putTree(join(host, source), guest)).rejects.toMatchObject({
        code: 'VMTEST_HOST_FILE',
        message: expect.stringContaining(join(host, source)),
        context: { errno },
      });
    }
  });

  test('thousands of files', async () => {
    const script = `cd ${guest} && for i in $(seq 40); do mkdir $i; for j in $(seq 50); do echo $i.$j > $i/$j; done; done`;
    await agent.client.exec(['sh', '-c', script]).result;
    expect(await agent.client.getTree(guest, join(host, 'got'))).toMatchObject({ entries: 2041, skipped: [] });
    expect(await agent.client.putTree(join(host, 'got'), join(guest, 'back'))).toMatchObject({ entries: 2041 });
    expect(await readFile(join(guest, 'back/40/50'), 'utf8')).toBe('40.50\n');
  });
});

describe('giving up', () => {
  test('a put that is aborted leaves no temporary file', async () => {
    const controller = new AbortController();
    const endless = (async function* () {
      for (let i = 0; ; i += 1) {
        if (i === 100) controller.abort();
        yield Buffer.alloc(65536);
      }
    })();
    await expect(agent.client.putFile(endless, join(guest, 'a'), { signal: controller.signal })).rejects.toMatchObject({
      code: 'VMTEST_AGENT_CANCELED',
    });
    await agent.expectIdle();
    expect(await readdir(guest)).toEqual([]);
  });

  test('a get that is aborted leaves no temporary file', async () => {
    await expect(
      agent.client.getFile('/dev/null', join(host, 'a'), { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'VMTEST_AGENT_CANCELED' });
    expect(await readdir(host)).toEqual([]);
  });

  test('a file that shrinks while it is read is what was there', async () => {
    await writeFile(join(guest, 'a'), Buffer.alloc(64 * MIB, 1));
    const got = agent.client.getFile(join(guest, 'a'), join(host, 'a'));
    await writeFile(join(guest, 'a'), 'short');
    const { bytes } = await got;
    expect((await stat(join(host, 'a'))).size).toBe(bytes);
  });
});

test.each([
  ['x', 0, true],
  ['a/b', 0, true],
  ['./a/./b', 0, true],
  ['..', 0, false],
  ['..', 1, true],
  ['../x', 1, true],
  ['../../x', 1, false],
  ['/x', 5, false],
  ['a/..', 3, false],
  ['a/../../x', 3, false],
  ['../a/../x', 3, false],
])('a link to %s, %i levels down', (target, depth, inside) => {
  expect(staysInside(target, depth)).toBe(inside);
});
