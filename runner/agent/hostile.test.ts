/** Malformed frames both ways, and connections that end at every moment. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AgentClient } from './client.js';
import { FrameBuilder, FrameDecoder, frameHeader, PayloadReader } from './codec.js';
import { type Entry, writeEntry } from './entry.js';
import { execRequest } from './exec-options.js';
import { EntryKind, FrameType, PROTOCOL_VERSION } from './protocol.js';
import { startAgent, type TestAgent } from './testing/agent-fixture.js';
import { type Duplex, duplexPair } from './testing/stream-pair.js';

let agent: TestAgent;
beforeAll(async () => {
  agent = await startAgent();
});
afterEach(async () => agent.expectIdle());
afterAll(async () => agent[Symbol.asyncDispose]());

const EMPTY = Buffer.alloc(0);

function entry(kind: number, name: string, target = ''): Buffer {
  const value: Entry = {
    kind,
    name: Buffer.from(name),
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtimeSeconds: 0n,
    mtimeNanoseconds: 0,
    target: Buffer.from(target),
  };
  return writeEntry(value);
}

const frame = (type: number, payload: Buffer = EMPTY) => new FrameBuilder(type).raw(payload).build();
const request = (type: number, path: string) => new FrameBuilder(type).string(path).u8(0).build();
const hole = (bytes: bigint) => new FrameBuilder(FrameType.hole).u64(bytes).build();
const fileEnd = (bytes: bigint) => new FrameBuilder(FrameType.fileEnd).u64(bytes).build();
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

/** Sends bytes, reads until the agent ends its direction, answers the types that came and the error's code. */
async function talk(bytes: Buffer): Promise<{ types: number[]; error: string | undefined }> {
  const socket = await agent.connect();
  const decoder = new FrameDecoder();
  const types: number[] = [];
  let error: string | undefined;
  socket.write(bytes);
  for await (const chunk of socket) {
    decoder.push(chunk as Buffer);
    for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
      types.push(next.type);
      if (next.type === FrameType.error) error = new PayloadReader(next.payload).text();
    }
  }
  return { types, error };
}

const cat = execRequest(['cat'], { stdin: 'pipe' });
const sleep = execRequest(['sleep', '1000'], {});
const root = entry(EntryKind.directory, '');

describe('what the agent refuses', () => {
  test.each<[string, Buffer]>([
    ['an unknown type', frame(0x7f)],
    ['a frame of the agent itself', frame(FrameType.hello)],
    ['a frame that needs a command', frame(FrameType.stdin, Buffer.from('x'))],
    ['a frame that needs a transfer', root],
    ['a length over the limit', frameHeader(FrameType.ping, 65537)],
    ['a length of four gigabytes', frameHeader(FrameType.exec, 0xffffffff)],
    ['an empty exec', frame(FrameType.exec)],
    ['an exec with a count that lies', frame(FrameType.exec, u32(0xffffffff))],
    ['an exec with something behind it', frame(FrameType.exec, Buffer.concat([sleep.subarray(5), Buffer.of(0)]))],
    ['a relative path', request(FrameType.getFile, 'etc')],
    ['an empty path', request(FrameType.putTree, '')],
    ['a path with a NUL', request(FrameType.getTree, '/a\0b')],
    ['a power action that is none', frame(FrameType.power, Buffer.of(3))],
    ['a clock with too many nanoseconds', frame(FrameType.setClock, Buffer.alloc(12, 0x7f))],
    ['a clock that is too short', frame(FrameType.setClock, u32(0))],
  ])('%s', async (_name, bytes) => {
    expect(await talk(bytes)).toEqual({ types: [FrameType.error], error: 'protocol' });
  });

  test.each<[string, Buffer]>([
    ['another request', sleep],
    ['input before it was granted', frame(FrameType.stdin, Buffer.from('x'))],
    ['a signal of number 0', frame(FrameType.signal, u32(0))],
    ['a signal of number 65', frame(FrameType.signal, u32(65))],
    ['half a signal', frame(FrameType.signal, Buffer.of(1))],
    ['a window for its input', new FrameBuilder(FrameType.window).u8(0).u32(1).build()],
    ['a window of nothing', new FrameBuilder(FrameType.window).u8(1).u32(0).build()],
    ['a window over the limit', new FrameBuilder(FrameType.window).u8(1).u32(0x40000000).build()],
    ['a size without a terminal', new FrameBuilder(FrameType.resize).u16(1).u16(1).build()],
    ['an end of input with contents', frame(FrameType.stdinEof, Buffer.of(0))],
    ['a frame that is too long', frameHeader(FrameType.signal, 65537)],
  ])('during a command: %s, which ends it', async (_name, bytes) => {
    const { types, error } = await talk(Buffer.concat([sleep, bytes]));
    expect(types.at(-1)).toBe(FrameType.error);
    expect(error).toBe('protocol');
  });

  test('input beyond the window', async () => {
    const socket = await agent.connect();
    const decoder = new FrameDecoder();
    socket.write(execRequest(['sleep', '1000'], { stdin: 'pipe' }));
    let last = 0;
    for await (const chunk of socket) {
      decoder.push(chunk as Buffer);
      for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
        last = next.type;
        if (next.type !== FrameType.started) continue;
        for (let i = 0; i < 7; i += 1) socket.write(frame(FrameType.stdin, Buffer.alloc(65536)));
      }
    }
    expect(last).toBe(FrameType.error);
  });

  test('the window of its input is not regranted for every piece', async () => {
    const socket = await agent.connect();
    const decoder = new FrameDecoder();
    socket.write(execRequest(['sh', '-c', 'cat >/dev/null'], { stdin: 'pipe' }));
    const grants: Buffer[] = [];
    let last = 0;
    for await (const chunk of socket) {
      decoder.push(chunk as Buffer);
      for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
        last = next.type;
        if (next.type === FrameType.window) grants.push(next.payload);
        if (next.type === FrameType.exit) socket.end();
        if (next.type !== FrameType.started) continue;
        for (let i = 0; i < 64; i += 1) socket.write(frame(FrameType.stdin, Buffer.alloc(4096)));
        socket.write(frame(FrameType.stdinEof));
      }
    }
    expect(last).toBe(FrameType.exit);
    expect(grants.length).toBeLessThanOrEqual(2);
  });

  const tree = (path: string, ...frames: Buffer[]) => Buffer.concat([request(FrameType.putTree, path), ...frames]);

  test.each<[string, Buffer[]]>([
    ['no root', [entry(EntryKind.file, 'a')]],
    ['a root that is a file', [entry(EntryKind.file, '')]],
    ['the name ..', [root, entry(EntryKind.directory, '..')]],
    ['the name .', [root, entry(EntryKind.directory, '.')]],
    ['a name with a slash', [root, entry(EntryKind.file, '../escaped')]],
    ['an absolute name', [root, entry(EntryKind.file, '/tmp/escaped')]],
    ['a name with a NUL', [root, entry(EntryKind.file, 'a\0b')]],
    ['an empty name', [root, entry(EntryKind.file, '')]],
    ['a name of 256 bytes', [root, entry(EntryKind.file, 'n'.repeat(256))]],
    ['a link without a target', [root, entry(EntryKind.symlink, 'l')]],
    ['contents without a file', [root, frame(FrameType.data, Buffer.from('x'))]],
    ['a file inside a file', [root, entry(EntryKind.file, 'a'), entry(EntryKind.file, 'b')]],
    ['a file with the wrong length', [root, entry(EntryKind.file, 'a'), fileEnd(1n)]],
    ['a hole beyond every file', [root, entry(EntryKind.file, 'a'), hole(1n << 62n), hole(1n << 62n)]],
    ['a negative hole', [root, entry(EntryKind.file, 'a'), hole(-1n)]],
    ['a leave with contents', [root, frame(FrameType.leave, Buffer.of(0))]],
    ['a frame that is too long', [root, entry(EntryKind.file, 'a'), frameHeader(FrameType.data, 65537)]],
  ])('in a tree: %s', async (_name, frames) => {
    const path = join(agent.directory, 'tree');
    await mkdir(path);
    expect(await talk(tree(path, ...frames))).toEqual({ types: [FrameType.error], error: 'protocol' });
    expect(await readdir(path)).toEqual([]);
    await rm(path, { recursive: true });
  });

  test('in a tree: a link, then a directory of the same name', async () => {
    const path = join(agent.directory, 'tree');
    const outside = join(agent.directory, 'outside');
    await mkdir(path);
    await mkdir(outside);
    const frames = [root, entry(EntryKind.symlink, 'd', outside), entry(EntryKind.directory, 'd')];
    expect(await talk(tree(path, ...frames, entry(EntryKind.file, 'f')))).toEqual({
      types: [FrameType.error],
      error: 'io',
    });
    expect(await readdir(outside)).toEqual([]);
    await rm(path, { recursive: true });
    await rm(outside, { recursive: true });
  });
});

describe('a host that goes away', () => {
  const putFile = (path: string) =>
    Buffer.concat([
      request(FrameType.putFile, path),
      entry(EntryKind.file, ''),
      frame(FrameType.data, Buffer.alloc(1000)),
      hole(5000n),
      fileEnd(6000n),
    ]);
  const exec = Buffer.concat([cat, frame(FrameType.signal, u32(10)), frame(FrameType.stdinEof)]);

  test('after every byte of a command', async () => {
    for (let length = 0; length <= exec.length; length += 1) {
      const socket = await agent.connect();
      socket.write(exec.subarray(0, length), () => socket.destroy());
    }
    await agent.client.ping();
  });

  test('after every part of a put', async () => {
    const directory = join(agent.directory, 'parts');
    await mkdir(directory);
    const bytes = putFile(join(directory, 'file'));
    for (let length = 0; length < bytes.length; length += 13) {
      const socket = await agent.connect();
      socket.write(bytes.subarray(0, length), () => socket.destroy());
    }
    await agent.expectIdle();
    expect(await readdir(directory)).toEqual([]);
    await rm(directory, { recursive: true });
  });

  test('kills its command, and what that started', async () => {
    const socket = await agent.connect();
    const decoder = new FrameDecoder();
    socket.write(execRequest(['sh', '-c', 'sleep 1000 & echo $!; wait'], {}));
    let pid = 0;
    for await (const chunk of socket) {
      decoder.push(chunk as Buffer);
      for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
        if (next.type === FrameType.stdout) pid = Number(next.payload.toString());
      }
      if (pid > 0) break;
    }
    socket.destroy();
    await expect
      .poll(async () => (await agent.client.exec(['grep', 'State', `/proc/${pid}/status`]).result).stdout)
      .not.toMatch(/[RSD] \(/);
  });

  test('while much output waits', async () => {
    const socket = await agent.connect();
    socket.write(execRequest(['cat', '/dev/zero'], {}));
    await new Promise((resolve) => socket.once('readable', resolve));
    socket.destroy();
  });

  test('the ready stream is dialled again', async () => {
    const dialled = agent.nextDial();
    agent.ready.destroy();
    const ready = await dialled;
    expect((await agent.client.waitReady(ready)).protocol).toBe(PROTOCOL_VERSION);
    agent.ready = ready;
  });
});

describe('what the client refuses', () => {
  /** A guest that answers every connection with these bytes, and then perhaps ends. */
  const guestThatSays = (bytes: Buffer, end = true): AgentClient =>
    new AgentClient({
      connect: async (): Promise<Duplex> => {
        const [near, far] = duplexPair();
        far.resume();
        far.write(bytes);
        if (end) far.end();
        return near;
      },
    });

  const ok = frame(FrameType.ok);
  const started = new FrameBuilder(FrameType.started).u32(1).u32(0).build();

  test.each<[string, Buffer, string]>([
    ['nothing', EMPTY, 'VMTEST_AGENT_LOST'],
    ['half a frame', Buffer.of(1, 0), 'VMTEST_AGENT_LOST'],
    ['only the beginning', started, 'VMTEST_AGENT_LOST'],
    ['a length over the limit', frameHeader(FrameType.stdout, 65537), 'VMTEST_AGENT_PROTOCOL'],
    ['an unknown type', frame(0x7f), 'VMTEST_AGENT_PROTOCOL'],
    ['a short exit', frame(FrameType.exit, u32(0)), 'VMTEST_AGENT_PROTOCOL'],
    ['a long exit', frame(FrameType.exit, Buffer.alloc(8)), 'VMTEST_AGENT_PROTOCOL'],
    ['a malformed error', frame(FrameType.error, u32(9)), 'VMTEST_AGENT_PROTOCOL'],
    [
      'more output than granted',
      Buffer.concat(Array.from({ length: 17 }, () => frame(FrameType.stdout, Buffer.alloc(65536)))),
      'VMTEST_AGENT_PROTOCOL',
    ],
    [
      'output after its end',
      Buffer.concat([frame(FrameType.outputEof, Buffer.of(1)), frame(FrameType.stdout, Buffer.from('x'))]),
      'VMTEST_AGENT_PROTOCOL',
    ],
  ])('in a command: %s', async (_name, bytes, code) => {
    const process = guestThatSays(bytes).exec(['x'], { capture: 'none' });
    await expect(process.result).rejects.toMatchObject({ code });
  });

  test.each<[string, Buffer[]]>([
    ['no root', [ok]],
    ['a root that is a link', [entry(EntryKind.symlink, '', 'x')]],
    ['the name ..', [root, entry(EntryKind.directory, '..')]],
    ['a name with a slash', [root, entry(EntryKind.file, 'a/../../x'), fileEnd(0n)]],
    ['an absolute name', [root, entry(EntryKind.file, '/tmp/escaped'), fileEnd(0n)]],
    ['a name with a NUL', [root, entry(EntryKind.directory, 'a\0')]],
    ['an empty name', [root, entry(EntryKind.directory, '')]],
    ['contents without a file', [root, frame(FrameType.data, Buffer.from('x'))]],
    ['a wrong length', [root, entry(EntryKind.file, 'a'), fileEnd(7n)]],
    ['a hole beyond 2^53', [root, entry(EntryKind.file, 'a'), hole(1n << 60n)]],
    ['an end that is none', [root, frame(FrameType.leave), frame(FrameType.leave)]],
  ])('in a tree: %s', async (_name, frames) => {
    const path = join(agent.directory, 'hostile');
    const got = guestThatSays(Buffer.concat(frames)).getTree('/x', join(path, 'in'));
    await expect(got).rejects.toMatchObject({ code: 'VMTEST_AGENT_PROTOCOL' });
    expect((await readdir(path).catch(() => [])).filter((name) => name !== 'in')).toEqual([]);
    await rm(path, { recursive: true, force: true });
  });

  test('in a tree: a link, then a directory or file of the same name', async () => {
    for (const kind of [EntryKind.directory, EntryKind.file]) {
      const path = join(agent.directory, 'hostile');
      const outside = join(agent.directory, 'outside');
      await mkdir(outside);
      const frames = [root, entry(EntryKind.symlink, 'd', outside), entry(kind, 'd'), entry(EntryKind.file, 'f')];
      const got = guestThatSays(Buffer.concat(frames)).getTree('/x', path, { symlinks: 'keep' });
      await expect(got).rejects.toMatchObject({ code: 'VMTEST_AGENT_IO' });
      expect(await readdir(outside)).toEqual([]);
      await rm(path, { recursive: true });
      await rm(outside, { recursive: true });
    }
  });

  test('another version', async () => {
    const hello = new FrameBuilder(FrameType.hello)
      .u32(PROTOCOL_VERSION - 1)
      .string('9')
      .build();
    const [near, far] = duplexPair();
    far.write(hello);
    await expect(agent.client.waitReady(near)).rejects.toMatchObject({ code: 'VMTEST_AGENT_VERSION' });
  });

  test('a guest that never answers', async () => {
    const silent = guestThatSays(EMPTY, false);
    await expect(silent.ping({ timeoutMs: 20 })).rejects.toMatchObject({ code: 'VMTEST_AGENT_TIMEOUT' });
    const stuck = silent.exec(['x'], { timeoutMs: 10, forceKillAfterMs: 10, lostAfterMs: 10 });
    expect(await stuck.result).toMatchObject({ timedOut: true, lost: true, failed: true, exitCode: undefined });
    const controller = new AbortController();
    const never = new AgentClient({
      connect: (signal) =>
        new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
    });
    const waiting = never.ping({ signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'VMTEST_AGENT_CANCELED' });
    expect(await never.exec(['x'], { timeoutMs: 10 }).result).toMatchObject({ timedOut: true });
  });

  test('a guest that cannot be reached', async () => {
    const away = new AgentClient({ connect: () => Promise.reject(new Error('refused')) });
    await expect(away.ping()).rejects.toMatchObject({ code: 'VMTEST_AGENT_LOST' });
    await expect(away.exec(['x']).result).rejects.toMatchObject({ code: 'VMTEST_AGENT_LOST' });
  });
});
