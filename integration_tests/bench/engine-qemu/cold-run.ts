/**
 * `vmtest run -- true` beside a bare QEMU, each from its start to its exit.
 *
 * - Same in both: QEMU, its board, CPU, memory and kernel, with the same command line.
 * - The bare one has a serial port and no other device, and an archive of busybox alone whose first program powers off.
 * - Ours, on top: Node, the image out of the cache, modules, agent, vsock, the command and its result; then it is killed.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { execa } from 'execa';
import type { Cleanup } from '../../../runner/cleanup.js';
import type { GuestSpec } from '../../../runner/engine/guest.js';
import { qemuArguments } from '../../../runner/engine/qemu/arguments.js';
import { byteReader } from '../../../runner/images/archives/byte-reader.js';
import { readCpio } from '../../../runner/images/archives/read-cpio.js';
import { encodeCpio } from '../../../runner/images/cpio.js';
import { planGuest } from '../../../runner/machine/plan.js';

export interface ColdSample {
  /** Milliseconds. */
  vmtest: number;
  bare: number;
}

export interface ColdOptions {
  qemu: string;
  tscKhz: number | undefined;
  directory: string;
  cleanup: Cleanup;
}

const INIT = `#!/bin/busybox sh
exec /bin/busybox poweroff -f
`;

/** In turn, so that a slow spell of the host hits both; the first pair only warms the page cache. */
export async function measureColdRun(pairs: number, options: ColdOptions): Promise<ColdSample[]> {
  const args = await bareArguments(options);
  const samples: ColdSample[] = [];
  for (let pair = 0; pair <= pairs; pair += 1) {
    const vmtest = await timed(process.execPath, RUN);
    const bare = await timed(options.qemu, args);
    if (pair > 0) samples.push({ vmtest, bare });
  }
  return samples;
}

const RUN = ['dist/cli/vmtest.js', 'run', '--engine', 'qemu', '--arch', 'x86_64', '--', 'true'];

async function timed(file: string, args: readonly string[]): Promise<number> {
  const start = performance.now();
  await execa(file, args, { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' });
  return performance.now() - start;
}

/** As the engine has them, where a bare guest has that part too. */
async function bareArguments({ tscKhz, directory, cleanup }: ColdOptions): Promise<string[]> {
  const { guest } = await planGuest({ arch: 'x86_64' }, cleanup);
  const initrd = join(directory, 'bare.cpio');
  await writeFile(initrd, await bareArchive(guest));
  const files = { qmp: 0, console: 0, vsock: 0, kernel: 0, disks: [], mounts: [] };
  const ours = qemuArguments(guest, { files, tscKhz });
  const taken = ['-machine', '-accel', '-cpu', '-smp', '-m', '-append'].flatMap((option) => {
    const value = ours[ours.indexOf(option) + 1] as string;
    return [option, value.replace(',memory-backend=memory', '')];
  });
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', 'stdio'],
    ...[...taken, '-kernel', guest.kernel, '-initrd', initrd],
  ];
}

async function bareArchive(guest: GuestSpec): Promise<Buffer> {
  const archive = await readFile(guest.initrd as string);
  await using reader = byteReader(Readable.from([archive]));
  for await (const { path, data } of readCpio(reader)) {
    if (path !== 'bin/busybox') continue;
    const pieces: Buffer[] = [];
    for await (const piece of data) pieces.push(piece);
    const tree = new Map([
      ['bin/busybox', { type: 'file', data: Buffer.concat(pieces), mode: 0o755 } as const],
      ['init', { type: 'file', data: Buffer.from(INIT), mode: 0o755 } as const],
    ]);
    return Buffer.concat(encodeCpio(tree));
  }
  throw new Error('the image has no busybox');
}
