import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { startAgent, type TestAgent } from './testing/agent-fixture.js';

const MIB = 1024 * 1024;

let agent: TestAgent;
beforeAll(async () => {
  agent = await startAgent();
});
afterEach(async () => agent.expectIdle());
afterAll(async () => agent[Symbol.asyncDispose]());

/** Numbered bytes, so that a lost or doubled piece changes the digest. */
function* counted(bytes: number): Generator<Buffer> {
  for (let sent = 0; sent < bytes; ) {
    const chunk = Buffer.alloc(Math.min(40_000, bytes - sent));
    for (let i = 0; i + 4 <= chunk.length; i += 4) chunk.writeUInt32LE((sent + i) >>> 0, i);
    sent += chunk.length;
    yield chunk;
  }
}

function digest(chunks: Iterable<Buffer>): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

test('200 commands, 20 at a time', async () => {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < 200; i = next++) {
      const result = await agent.client.exec(['sh', '-c', `echo ${i}; echo e${i} >&2; exit ${i % 100}`]).result;
      expect(result).toMatchObject({ stdout: `${i}\n`, stderr: `e${i}\n`, exitCode: i % 100 });
    }
  };
  await Promise.all(Array.from({ length: 20 }, worker));
});

test('100 commands at once', async () => {
  const processes = Array.from({ length: 100 }, () => agent.client.exec(['cat'], { stdin: 'pipe' }));
  await Promise.all(processes.map((process) => process.started));
  for (const [i, process] of processes.entries()) process.stdin.end(`${i}`);
  const results = await Promise.all(processes.map((process) => process.result));
  expect(results.map(({ stdout }) => stdout)).toEqual(processes.map((_, i) => `${i}`));
});

test('a stream both ways at once, through a slow reader, while small commands run', async () => {
  const process = agent.client.exec(['cat'], { stdin: 'pipe', capture: 'none' });
  const hash = createHash('sha256');
  let turns = 0;
  const slow = new Transform({
    transform(chunk, _encoding, callback) {
      turns += 1;
      // Now and then it lets everything else run first.
      if (turns % 50 === 0) setImmediate(() => callback(null, chunk));
      else callback(null, chunk);
    },
  });
  const sink = new Writable({
    write(chunk, _encoding, callback) {
      hash.update(chunk);
      callback();
    },
  });
  const small = Array.from({ length: 20 }, (_, i) => agent.client.exec(['echo', `${i}`]).result);
  await Promise.all([
    pipeline(Readable.from(counted(64 * MIB)), process.stdin),
    pipeline(process.stdout, slow, sink),
    ...small.map(async (result, i) => expect((await result).stdout).toBe(`${i}\n`)),
  ]);
  expect((await process.result).exitCode).toBe(0);
  expect(hash.digest('hex')).toBe(digest(counted(64 * MIB)));
});

test('nobody reads stdout: stderr lives, the command waits, a kill arrives', async () => {
  const script = 'i=0; (cat /dev/zero) & while read line; do echo "$line" >&2; done; wait';
  const process = agent.client.exec(['sh', '-c', script], { stdin: 'pipe', capture: 'none' });
  let heard = '';
  process.stderr.setEncoding('utf8').on('data', (text: string) => {
    heard += text;
  });
  for (const word of ['one', 'two', 'three']) {
    process.stdin.write(`${word}\n`);
    while (!heard.includes(word)) await once(process.stderr, 'data');
  }
  expect(process.stdout.readableLength).toBeLessThanOrEqual(128 * 1024);
  process.kill('SIGKILL');
  process.stdout.resume();
  expect((await process.result).signalName).toBe('SIGKILL');
  expect(heard).toBe('one\ntwo\nthree\n');
});

test('a consumer that turns away does not stop the command', async () => {
  const process = agent.client.exec(['sh', '-c', 'head -c 20000000 /dev/zero; exit 9'], { capture: 'none' });
  process.stdout.destroy();
  process.stderr.resume();
  expect((await process.result).exitCode).toBe(9);
});

test('thousands in sequence leave nothing behind', async () => {
  const before = (await agent.client.readFile(`/proc/${agent.pid}/statm`)).toString().split(' ')[1];
  for (let i = 0; i < 1500; i += 1) {
    const { exitCode } = await agent.client.exec(['/bin/true']).result;
    if (exitCode !== 0) throw new Error(`command ${i} ended with ${exitCode}`);
  }
  const after = (await agent.client.readFile(`/proc/${agent.pid}/statm`)).toString().split(' ')[1];
  // Resident pages: a leak of one small object for each command would be a hundred pages.
  expect(Number(after) - Number(before)).toBeLessThan(200);
});
