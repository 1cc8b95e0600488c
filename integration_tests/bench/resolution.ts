/** What `vmtest run` does before it starts a guest, when everything is in the cache, and how large micro is. */
import { stat } from 'node:fs/promises';
import { execa } from 'execa';
import { median } from './table.js';

const RUN = ['dist/cli/vmtest.js', 'run', '--dry-run', '--', 'true'];

export interface ResolutionSample {
  /** Wall time of a whole `vmtest run --dry-run`, milliseconds. */
  run: number;
  /** Wall time of a Node that does nothing, milliseconds. */
  node: number;
}

async function timed(args: readonly string[]): Promise<number> {
  const start = performance.now();
  await execa(process.execPath, args, { stdout: 'ignore' });
  return performance.now() - start;
}

/** In turn, so that a slow spell of the host hits both. */
export async function measureResolution(pairs: number): Promise<ResolutionSample[]> {
  await timed(RUN);
  const samples: ResolutionSample[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    samples.push({ run: await timed(RUN), node: await timed(['-e', '0']) });
  }
  return samples;
}

export const overNode = (samples: readonly ResolutionSample[]): number =>
  median(samples.map(({ run, node }) => run - node));

/** Bytes of the initial RAM file system of micro, as it is and compressed. */
export async function measureMicro(): Promise<{ unpacked: number; compressed: number }> {
  const { stdout } = await execa(process.execPath, RUN);
  const { initrd } = JSON.parse(stdout) as { initrd: string };
  const { stdout: archive } = await execa('zstd', ['-19', '--stdout', initrd], { encoding: 'buffer' });
  return { unpacked: (await stat(initrd)).size, compressed: archive.length };
}
