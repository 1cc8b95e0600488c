/** What a running guest costs to talk to: round trips of an exec, and bytes over vsock each way. */
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Machine } from '../../runner/machine/machine.js';

const MIB = 1024 * 1024;

/** Milliseconds of `count` execs of `true`, one after the other, sorted. `file`: where it is. Default: it is searched. */
export async function execRoundTrips(machine: Machine, count: number, file = 'true'): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const start = performance.now();
    await machine.exec([file]).result;
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b);
}

/** MiB per second from the host to a program's standard input. */
export async function throughputToGuest(machine: Machine, mib: number): Promise<number> {
  const chunk = Buffer.alloc(64 * 1024);
  const source = Readable.from(
    (function* chunks() {
      for (let sent = 0; sent < mib * MIB; sent += chunk.length) yield chunk;
    })(),
  );
  const start = performance.now();
  await machine.exec(['sh', '-c', 'cat >/dev/null'], { input: source }).result;
  return mib / ((performance.now() - start) / 1000);
}

/** MiB per second from a program's standard output to the host. */
export async function throughputFromGuest(machine: Machine, mib: number): Promise<number> {
  const start = performance.now();
  const process = machine.exec(['dd', 'if=/dev/zero', 'bs=64k', `count=${mib * 16}`], { capture: 'none' });
  process.stderr.resume();
  let received = 0;
  const sink = new Writable({
    write(data: Buffer, _encoding, done) {
      received += data.length;
      done();
    },
  });
  await pipeline(process.stdout, sink);
  await process.result;
  if (received !== mib * MIB) throw new Error(`${received} bytes came instead of ${mib * MIB}`);
  return mib / ((performance.now() - start) / 1000);
}
