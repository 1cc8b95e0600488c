/** Much data through virtio-vsock while other connections live their lives. */
import { createCipheriv, createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect, test, type Vm } from '../fixtures/index.js';
import { isEmulated } from './support/cli.js';
import { digest, sh } from './support/exec.js';

// An emulated CPU is slow at hashing what comes, that of the lab of aarch64 too.
const MIB = isEmulated || process.arch === 'arm64' ? 64 : 256;
const SIZE = MIB * 2 ** 20;
const CHUNK = 2 ** 20;

/** Bytes that repeat nowhere, so that a lost, doubled or swapped block changes the digest. */
function* noise(): Generator<Buffer> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16, 2));
  for (let done = 0; done < SIZE; done += CHUNK) yield cipher.update(Buffer.alloc(CHUNK));
}

async function smallCommands(machine: Vm, count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    expect((await sh(machine, `echo ${number}`)).stdout).toBe(`${number}\n`);
  }
}

test(`${MIB} MiB to the guest arrive unchanged while 50 commands run`, async ({ bootVm }) => {
  const machine = await bootVm();
  const hash = createHash('sha256');
  const input = Readable.from(noise()).on('data', (chunk: Buffer) => hash.update(chunk));
  const receiver = machine.exec(['sha256sum'], { input });
  const [result] = await Promise.all([receiver.result, smallCommands(machine, 50)]);
  expect(result).toMatchObject({ exitCode: 0, stdout: `${hash.digest('hex')}  -\n` });
});

test(`${MIB} MiB from the guest arrive unchanged while 50 commands run`, async ({ bootVm }) => {
  const machine = await bootVm({ memoryMib: 1024 });
  const made = await sh(machine, `head -c ${MIB}m /dev/urandom > /tmp/noise && sha256sum < /tmp/noise`);
  const sender = machine.exec(['cat', '/tmp/noise'], { capture: 'none' });
  const [received] = await Promise.all([digest(sender.stdout), smallCommands(machine, 50)]);
  expect(received).toEqual({ sha256: made.stdout.slice(0, 64), bytes: SIZE });
  expect((await sender.result).exitCode).toBe(0);
  const { vsock } = await machine.stats();
  expect(vsock.tx_bytes + vsock.rx_bytes).toBeGreaterThan(SIZE);
});

test('a reader that stops does not stop the others, and loses nothing when it goes on', async ({ bootVm }) => {
  const machine = await bootVm();
  const stalled = machine.exec(['sh', '-c', 'yes 0123456789 | head -c 16m'], { capture: 'none' });
  await new Promise((resolve) => stalled.stdout.once('readable', resolve));
  await smallCommands(machine, 20);
  expect((await digest(stalled.stdout)).bytes).toBe(16 * 2 ** 20);
});
