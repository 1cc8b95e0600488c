/** Which connections commands run on: with the real agent. */
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { AgentClient } from './client.js';
import { FrameBuilder, FrameDecoder } from './codec.js';
import { execRequest } from './exec-options.js';
import { FrameType } from './protocol.js';
import { startAgent, type TestAgent } from './testing/agent-fixture.js';

let agent: TestAgent;
let client: AgentClient;
let opened: Socket[];
beforeAll(async () => {
  agent = await startAgent();
});
beforeEach(() => {
  opened = [];
  const connect = async (): Promise<Socket> => {
    const socket = await agent.connect();
    opened.push(socket);
    return socket;
  };
  client = new AgentClient({ connect });
});
afterEach(async () => {
  client.closeIdle();
  await agent.expectIdle();
});
afterAll(async () => agent[Symbol.asyncDispose]());

const echo = async (text: string): Promise<string> => (await client.exec(['echo', text]).result).stdout;
const closed = (): number => opened.filter((socket) => socket.destroyed).length;

test('commands one after the other share one', async () => {
  for (const text of ['a', 'b', 'c']) expect(await echo(text)).toBe(`${text}\n`);
  expect(opened.length).toBe(1);
});

test('commands at the same time do not, and four are kept', async () => {
  const texts = ['a', 'b', 'c', 'd', 'e', 'f'];
  expect(await Promise.all(texts.map(echo))).toEqual(texts.map((text) => `${text}\n`));
  expect(opened.length).toBe(6);
  expect(closed()).toBe(2);
  await echo('g');
  expect(opened.length).toBe(6);
});

test('one that breaks while it waits is not used', async () => {
  await echo('a');
  opened[0]?.destroy();
  expect(await echo('b')).toBe('b\n');
  await expect.poll(closed).toBe(1);
  expect(opened.length).toBe(2);
});

test('a command that could not be started leaves none', async () => {
  await expect(client.exec(['/nowhere']).result).rejects.toMatchObject({ code: 'VMTEST_AGENT_EXEC' });
  expect(closed()).toBe(1);
  expect(await echo('a')).toBe('a\n');
});

test('a command that was given up leaves none', async () => {
  await echo('a');
  agent.process.kill('SIGSTOP');
  const limits = { timeoutMs: 20, forceKillAfterMs: 20, lostAfterMs: 20 };
  const { lost } = await client.exec(['true'], limits).result;
  agent.process.kill('SIGCONT');
  expect(lost).toBe(true);
  expect(closed()).toBe(1);
  expect(await echo('b')).toBe('b\n');
});

test('input that a command left over does not reach the next one', async () => {
  for (let i = 0; i < 20; i += 1) {
    await client.exec(['true'], { input: Buffer.alloc(300_000, 'x') }).result;
    expect((await client.exec(['cat'], { input: 'mine' }).result).stdout).toBe('mine');
  }
});

test('nothing follows the end of a command that left input over', async () => {
  const input = new FrameBuilder(FrameType.stdin).raw(Buffer.alloc(65536)).build();
  const afterExit = async (): Promise<number[]> => {
    const socket = await agent.connect();
    const decoder = new FrameDecoder();
    const after: number[] = [];
    let over = false;
    socket.write(execRequest(['sh', '-c', 'head -c 1000 /dev/zero; exec >&- 2>&-; exit 4'], { stdin: 'pipe' }));
    for await (const chunk of socket) {
      decoder.push(chunk as Buffer);
      for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
        if (over) after.push(frame.type);
        if (frame.type === FrameType.started) for (let i = 0; i < 4; i += 1) socket.write(input);
        if (frame.type !== FrameType.exit) continue;
        over = true;
        socket.write(new FrameBuilder(FrameType.ping).build());
      }
    }
    return after;
  };
  for (let i = 0; i < 30; i += 1) {
    const all = await Promise.all(Array.from({ length: 10 }, afterExit));
    expect(all.flat().filter((type) => type !== FrameType.pong)).toEqual([]);
  }
});

test('a source of input that breaks ends the input after what it gave', async () => {
  for (const [size, wait] of [
    [3, 0],
    [600_000, 0.05],
  ] as const) {
    const source = Readable.from(
      (async function* () {
        yield Buffer.alloc(size, 'x');
        throw new Error('the source broke');
      })(),
    );
    const result = await client.exec(['sh', '-c', `sleep ${wait}; wc -c`], { input: source }).result;
    expect(result).toMatchObject({ exitCode: 0, stdout: `${size}\n` });
  }
});

test('the agent drops what was sent to a command that was over', async () => {
  const socket = await agent.connect();
  const decoder = new FrameDecoder();
  const late = [
    new FrameBuilder(FrameType.stdin).raw(Buffer.from('late')).build(),
    new FrameBuilder(FrameType.stdinEof).build(),
    new FrameBuilder(FrameType.window).u8(1).u32(1).build(),
    new FrameBuilder(FrameType.signal).u32(9).build(),
    new FrameBuilder(FrameType.resize).u16(1).u16(1).build(),
  ];
  const exits: number[] = [];
  socket.write(execRequest(['true'], {}));
  for await (const chunk of socket) {
    decoder.push(chunk as Buffer);
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
      if (frame.type !== FrameType.exit) continue;
      exits.push(frame.payload.readUInt32LE(1));
      if (exits.length === 1) socket.write(Buffer.concat([...late, execRequest(['sh', '-c', 'exit 7'], {})]));
      else socket.end();
    }
  }
  expect(exits).toEqual([0, 7]);
});
