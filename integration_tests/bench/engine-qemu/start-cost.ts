/** From the start of `vmtest run` until it has started QEMU, beside a Node that does nothing. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { median } from '../table.js';

export interface StartSample {
  /** Until QEMU's executable runs, milliseconds. */
  toQemu: number;
  /** Wall time of a Node that does nothing, milliseconds. */
  node: number;
}

/** Stands in QEMU's place: notes when it is started, and ends. Its version is QEMU's own, at QEMU's own cost. */
const program = (qemu: string, stamp: string): string => `#!/bin/sh
[ "$*" != --version ] || exec ${qemu} --version
exec date +%s%N >${stamp}
`;

export async function measureStart(pairs: number, qemu: string, directory: string): Promise<StartSample[]> {
  const stamp = join(directory, 'started-at');
  const file = join(directory, 'qemu-stand-in');
  await writeFile(file, program(qemu, stamp), { mode: 0o755 });
  const samples: StartSample[] = [];
  // In turn, so that a slow spell of the host hits both. The first pairs only warm the cache: what QEMU said of its version
  // is kept once the file is a few seconds old.
  for (const end = performance.now() + WARM_MS; performance.now() < end; ) await timeToQemu(file, stamp);
  for (let pair = 0; pair < pairs; pair += 1) {
    samples.push({ toQemu: await timeToQemu(file, stamp), node: await timeOfNode() });
  }
  return samples;
}

const WARM_MS = 4000;

async function timeToQemu(file: string, stamp: string): Promise<number> {
  const args = ['dist/cli/vmtest.js', 'run', '--engine', 'qemu', '--arch', 'x86_64', '--', 'true'];
  const start = Date.now();
  // It fails: there is no guest.
  await execa(process.execPath, args, { env: { VMTEST_QEMU_X86_64: file }, reject: false });
  return Number(await readFile(stamp, 'utf8')) / 1e6 - start;
}

async function timeOfNode(): Promise<number> {
  const start = performance.now();
  await execa(process.execPath, ['-e', '0']);
  return performance.now() - start;
}

export const overNode = (samples: readonly StartSample[]): number =>
  median(samples.map(({ toQemu, node }) => toQemu - node));
