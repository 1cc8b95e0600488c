/** Copies between this host and the real agent, which here runs on the host as well. */
import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FrameBuilder } from '../../agent/codec.js';
import { AgentClient } from '../../agent/index.js';
import { FrameType } from '../../agent/protocol.js';
import { isRoot, startAgent, type TestAgent } from '../../agent/testing/agent-fixture.js';
import { duplexPair } from '../../agent/testing/stream-pair.js';
import { createConsoleLog } from '../console-log.js';
import { copyIn } from './copy-in.js';
import { copyOut } from './copy-out.js';
import { inspectHostDestination } from './host-destination.js';
import type { CopyMachine } from './session.js';

let agent: TestAgent;
let machine: CopyMachine;
let host: string;
let guest: string;
const machineOf = (client: AgentClient, ended: CopyMachine['ended'] = new Promise(() => {})): CopyMachine => ({
  agent: client,
  console: createConsoleLog(),
  ended,
});
beforeAll(async () => {
  agent = await startAgent();
  machine = machineOf(agent.client);
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

const time = new Date('2012-03-04T05:06:07Z');

async function makeTree(root: string): Promise<void> {
  await mkdir(join(root, 'sub'), { recursive: true });
  await writeFile(join(root, 'sub/run.sh'), '#!/bin/sh\n', { mode: 0o755 });
  await writeFile(join(root, 'data'), 'data', { mode: 0o600 });
  await symlink('sub/run.sh', join(root, 'link'));
  await utimes(join(root, 'data'), time, time);
  await utimes(join(root, 'sub'), time, time);
}

async function expectTree(root: string): Promise<void> {
  expect((await readdir(root)).sort()).toEqual(['data', 'link', 'sub']);
  expect((await stat(join(root, 'sub/run.sh'))).mode & 0o7777).toBe(0o755);
  expect(await stat(join(root, 'data'))).toMatchObject({ mtime: time });
  expect((await stat(join(root, 'data'))).mode & 0o7777).toBe(0o600);
  expect((await stat(join(root, 'sub'))).mtime).toEqual(time);
  expect(await readlink(join(root, 'link'))).toBe('sub/run.sh');
}

describe('into the guest', () => {
  test('a directory: under a new name, then into what is there, then its contents', async () => {
    await makeTree(join(host, 'tree'));
    const result = await copyIn(machine, join(host, 'tree'), join(guest, 'new/name'));
    expect(result).toMatchObject({ entries: 5, skipped: [] });
    expect(result.copied).toEqual([
      { source: { path: join(host, 'tree'), kind: 'directory' }, target: join(guest, 'new/name') },
    ]);
    await expectTree(join(guest, 'new/name'));
    await copyIn(machine, join(host, 'tree'), join(guest, 'new'));
    await expectTree(join(guest, 'new/tree'));
    await copyIn(machine, join(host, 'tree'), `${guest}/made/`);
    await expectTree(join(guest, 'made/tree'));
    await mkdir(join(guest, 'empty'));
    await copyIn(machine, `${host}/tree/.`, join(guest, 'empty'));
    await expectTree(join(guest, 'empty'));
  });

  test('a file, and files by pattern', async () => {
    await writeFile(join(host, 'a.txt'), 'a');
    await writeFile(join(host, 'b.txt'), 'b');
    await copyIn(machine, join(host, 'a.txt'), join(guest, 'x/y'));
    expect(await readFile(join(guest, 'x/y'), 'utf8')).toBe('a');
    await copyIn(machine, join(host, '*.txt'), join(guest, 'p/q'));
    expect((await readdir(join(guest, 'p/q'))).sort()).toEqual(['a.txt', 'b.txt']);
    await expect(copyIn(machine, join(host, '*.txt'), join(guest, 'x/y'))).rejects.toMatchObject({
      code: 'VMTEST_COPY',
    });
    await expect(copyIn(machine, host, join(guest, 'x/y'))).rejects.toMatchObject({ code: 'VMTEST_COPY' });
    await expect(copyIn(machine, host, 'x')).rejects.toMatchObject({ code: 'VMTEST_USAGE' });
  });

  test('reports what is no file, under its whole path', async () => {
    await agent.client.exec(['mkfifo', join(host, 'fifo')]).result;
    const { skipped } = await copyIn(machine, host, join(guest, 'x'));
    expect(skipped).toEqual([{ path: join(host, 'fifo'), reason: 'not a file, directory or link' }]);
  });
});

describe('out of the guest', () => {
  test('a directory: under a new name, then into what is there, twice', async () => {
    await makeTree(join(guest, 'tree'));
    await copyOut(machine, join(guest, 'tree'), join(host, 'new/name'));
    await expectTree(join(host, 'new/name'));
    for (const content of ['data', 'more']) {
      await writeFile(join(guest, 'tree/data'), content);
      await copyOut(machine, join(guest, 'tree'), join(host, 'new'));
      expect(await readFile(join(host, 'new/tree/data'), 'utf8')).toBe(content);
    }
    expect((await readdir(join(host, 'new/tree'))).sort()).toEqual(['data', 'link', 'sub']);
    expect((await readdir(join(host, 'new'))).sort()).toEqual(['name', 'tree']);
    await copyOut(machine, `${guest}/tree/.`, join(host, 'new'));
    expect((await readdir(join(host, 'new'))).sort()).toEqual(['data', 'link', 'name', 'sub', 'tree']);
  });

  test('files by pattern, also one whose name looks like a pattern', async () => {
    for (const name of ['a.log', 'b.log', 'c.txt', '.d.log', 'x*', 'q:r']) await writeFile(join(guest, name), name);
    await copyOut(machine, join(guest, '[a-c].*'), join(host, 'some'));
    expect((await readdir(join(host, 'some'))).sort()).toEqual(['a.log', 'b.log', 'c.txt']);
    await copyOut(machine, join(guest, '*.log'), join(host, 'some'));
    await copyOut(machine, join(guest, 'x*'), join(host, 'star'));
    expect(await readFile(join(host, 'star'), 'utf8')).toBe('x*');
    await copyOut(machine, `${guest}/q\\:r`, `${host}/`);
    expect(await readFile(join(host, 'q:r'), 'utf8')).toBe('q:r');
    await writeFile(join(guest, 'a.log'), 'again');
    await copyOut(machine, join(guest, 'a.log'), join(host, 'some/a.log'));
    expect(await readFile(join(host, 'some/a.log'), 'utf8')).toBe('again');
    expect((await readdir(host)).sort()).toEqual(['q:r', 'some', 'star']);
  });

  test('what is not there, and what is nothing to copy', async () => {
    await agent.client.exec(['mkfifo', join(guest, 'fifo')]).result;
    await writeFile(join(guest, Buffer.from([0x62, 0xff]).toString('latin1')), '');
    for (const [source, message] of [
      ['none', 'the guest has no'],
      ['no*', 'nothing in the guest fits the pattern'],
      ['fifo', 'neither a file nor a directory'],
    ] as const) {
      await expect(copyOut(machine, join(guest, source), join(host, 'x'))).rejects.toMatchObject({
        code: 'VMTEST_COPY',
        message: expect.stringContaining(message),
      });
    }
    expect(await readdir(host)).toEqual([]);
  });

  test('links of the host: the one that was named is followed, one that a guest names is replaced', async () => {
    await mkdir(join(host, 'real'));
    await symlink('real', join(host, 'named'));
    await writeFile(join(host, 'precious'), 'mine');
    await symlink('../precious', join(host, 'real/a.log'));
    await writeFile(join(guest, 'a.log'), 'log');
    await copyOut(machine, join(guest, '*.log'), join(host, 'named'));
    expect(await readFile(join(host, 'precious'), 'utf8')).toBe('mine');
    expect(await readFile(join(host, 'real/a.log'), 'utf8')).toBe('log');
    expect((await lstat(join(host, 'real/a.log'))).isFile()).toBe(true);
    // A directory of the guest never goes through a link that lies in its way.
    await mkdir(join(guest, 't/d'), { recursive: true });
    await writeFile(join(guest, 't/d/f'), 'x');
    await mkdir(join(host, 'out/t'), { recursive: true });
    await symlink('../../real', join(host, 'out/t/d'));
    await expect(copyOut(machine, join(guest, 't'), join(host, 'out'))).rejects.toMatchObject({ code: 'VMTEST_COPY' });
    expect(await readdir(join(host, 'real'))).toEqual(['a.log']);
    expect(await readdir(join(host, 'out'))).toEqual(['t']);
  });

  test('a conflict is found before anything is moved', async () => {
    await makeTree(join(guest, 'tree'));
    await mkdir(join(host, 'tree/link'), { recursive: true });
    await expect(copyOut(machine, join(guest, 'tree'), host)).rejects.toThrow('is there and is no file');
    expect(await readdir(join(host, 'tree'))).toEqual(['link']);
    expect(await readdir(host)).toEqual(['tree']);
  });

  test('links out of the tree stay behind and are reported', async () => {
    await symlink('/etc/passwd', join(guest, 'out'));
    await chmod(guest, 0o755);
    const { skipped } = await copyOut(machine, guest, join(host, 'x'));
    expect(skipped).toEqual([{ path: join(guest, 'out'), reason: 'symbolic link out of the tree, to /etc/passwd' }]);
  });

  test('a file of /sys that opens and cannot be read is left out, and the rest comes', async () => {
    const { skipped } = await copyOut(machine, '/sys/class/net/lo/', join(host, 'lo'));
    expect(skipped).toContainEqual({ path: '/sys/class/net/lo/speed', reason: 'EINVAL' });
    expect(await readFile(join(host, 'lo/address'), 'utf8')).toBe('00:00:00:00:00:00\n');
    expect(await readdir(join(host, 'lo'))).not.toContain('speed');
  });
});

describe('destinations on the host', () => {
  test('are looked at before', async () => {
    await writeFile(join(host, 'file'), '');
    expect(await inspectHostDestination(join(host, 'a/b/c'))).toMatchObject({ kind: 'missing', asDirectory: false });
    expect(await inspectHostDestination(`${host}/`)).toMatchObject({ kind: 'directory', asDirectory: true });
    for (const [destination, message] of [
      ['file/', 'is a file'],
      ['file/below', 'not a directory'],
      ['file/be/low', 'not a directory'],
    ] as const) {
      await expect(inspectHostDestination(`${host}/${destination}`)).rejects.toMatchObject({
        code: 'VMTEST_BAD_INPUT',
        message: expect.stringContaining(message),
      });
    }
    await expect(inspectHostDestination('/dev/null')).rejects.toThrow('it is not replaced');
  });

  test.skipIf(isRoot)('must be writable', async () => {
    await mkdir(join(host, 'closed'), { mode: 0o555 });
    await expect(inspectHostDestination(join(host, 'closed/x'))).rejects.toThrow('permission denied');
  });
});

describe('a guest that lies or is gone', () => {
  const match = (path: string, kind = 1): Buffer => new FrameBuilder(FrameType.match).u8(kind).string(path).build();
  const ok = new FrameBuilder(FrameType.ok).build();
  const guestThatSays = (bytes: Buffer, end = true): AgentClient =>
    new AgentClient({
      connect: async () => {
        const [near, far] = duplexPair();
        far.resume();
        far.write(bytes);
        if (end) far.end();
        return near;
      },
    });

  test.each<[string, Buffer[]]>([
    ['a relative path', [match('x.log')]],
    ['an empty path', [match('')]],
    ['a NUL', [match('/x\0.log')]],
    ['a path that is too long', [match(`/${'x/'.repeat(2100)}.log`)]],
    ['a name that was not asked for', [match('/tmp/Makefile')]],
    ['a name that climbs', [match('/tmp/..')]],
    ['a kind that is none', [match('/tmp/x.log', 3)]],
    ['too many', Array.from({ length: 10_001 }, () => match('/x.log'))],
    ['too long in all', Array.from({ length: 400 }, () => match(`/${'x/'.repeat(2000)}x.log`))],
    ['something else', [new FrameBuilder(FrameType.pong).build()]],
    ['half a match', [new FrameBuilder(FrameType.match).u8(1).build()]],
  ])('a match with %s', async (_name, frames) => {
    const liar = machineOf(guestThatSays(Buffer.concat([...frames, ok])));
    await expect(copyOut(liar, '/tmp/*.log', host)).rejects.toMatchObject({ code: 'VMTEST_AGENT_PROTOCOL' });
    expect(await readdir(host)).toEqual([]);
  });

  test('its end is the reason', async () => {
    const end = Promise.resolve({ panicked: true, end: { kind: 'panic' } as const });
    const gone = machineOf(guestThatSays(Buffer.alloc(0)), end);
    await expect(copyOut(gone, '/x', host)).rejects.toMatchObject({ code: 'VMTEST_GUEST_PANIC' });
    await expect(copyIn(gone, host, '/x')).rejects.toMatchObject({ code: 'VMTEST_GUEST_PANIC' });
  });

  test('one that is silent is given up, and so is a copy that nobody wants any more', async () => {
    const silent = machineOf(guestThatSays(Buffer.alloc(0), false));
    await expect(copyOut(silent, '/x', host, { stallMs: 20 })).rejects.toMatchObject({ code: 'VMTEST_AGENT_TIMEOUT' });
    const controller = new AbortController();
    const waiting = copyOut(silent, '/x', host, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

test('a pattern of the guest: order, limits, directories, what is not there', async () => {
  const glob = async (pattern: string) =>
    (await agent.client.glob(`${guest}/${pattern}`)).map(({ path, kind }) => [
      path.toString().slice(guest.length),
      kind,
    ]);
  await mkdir(join(guest, 'd/e'), { recursive: true });
  for (const name of ['b', 'B', 'a', 'é', 'd/f', 'd/e/f', '[']) await writeFile(join(guest, name), '');
  await symlink('nowhere', join(guest, 'c'));
  expect(await glob('*')).toEqual([
    ['/B', 'file'],
    ['/[', 'file'],
    ['/a', 'file'],
    ['/b', 'file'],
    ['/c', 'other'],
    ['/d', 'directory'],
    ['/é', 'file'],
  ]);
  expect(await glob('*/')).toEqual([['/d', 'directory']]);
  expect(await glob('*/f')).toEqual([['/d/f', 'file']]);
  expect(await glob('d/*/f')).toEqual([['/d/e/f', 'file']]);
  expect(await glob('a/*')).toEqual([]);
  expect(await glob('no/*')).toEqual([]);
  expect(await glob('[')).toEqual([['/[', 'file']]);
  expect(await agent.client.glob(`${guest}/*`, { literal: true })).toEqual([]);
  expect(await agent.client.glob('/*')).not.toEqual([]);
  await agent.client.exec(['sh', '-c', `cd ${guest}/d && seq 10001 | xargs touch`]).result;
  await expect(glob('d/[0-9]*')).rejects.toMatchObject({ code: 'VMTEST_AGENT_IO', context: { errno: 'E2BIG' } });
  expect(await glob('d/[0-8]*')).toHaveLength(8890);
});
