/** The QEMU engine on this machine itself: what it adds to QEMU, each beside something without it in the same run. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createCleanup } from '../../../runner/cleanup.js';
import { findQemu } from '../../../runner/engine/qemu/binary.js';
import { hostArchitecture } from '../../../runner/images/kernels/architecture.js';
import { findInstallation } from '../../../runner/installation.js';
import { formatTable, median, percentile, type Row } from '../table.js';
import { type ColdSample, measureColdRun } from './cold-run.js';
import { measureStart, overNode, type StartSample } from './start-cost.js';
import { measureTransport, type TransportSamples } from './transport.js';

const ROUNDS = 3;
const START_PAIRS = 20;
const LEAST_COLD_PAIRS = 10;

export async function measureEngineQemu(pairs: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'vmtest-bench-'));
  await using cleanup = createCleanup();
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const { path: qemu } = await findQemu('x86_64');
  const options = { qemu, tscKhz: await tscKhz(), directory, cleanup };
  const start = await measureStart(START_PAIRS, qemu, directory);
  const cold = await measureColdRun(Math.max(pairs, LEAST_COLD_PAIRS), options);
  const transport = await measureTransport(Math.max(pairs, ROUNDS), options);
  console.log(formatTable([...transportRows(transport), ...hostRows(start, cold)], 'beside it'));
  await mkdir('bench-results', { recursive: true });
  await writeFile('bench-results/engine-qemu.json', `${JSON.stringify({ start, cold, transport }, null, 2)}\n`);
}

async function tscKhz(): Promise<number | undefined> {
  if (hostArchitecture() !== 'x86_64') return undefined;
  return Number((await promisify(execFile)(findInstallation().vmm, ['--tsc-khz'])).stdout.trim());
}

function transportRows({ vmtest, serial, guestAgentMs }: TransportSamples): Row[] {
  const row = (what: string, unit: string, [mine, other]: readonly [number, number], goal: string): Row => ({
    what: `QEMU, ${what}, beside a virtio-serial port`,
    vmtest: `${mine.toFixed(1)} ${unit}`,
    other: `${other.toFixed(1)} ${unit}`,
    verdict: `${(mine / other).toFixed(2)} times (goal: ${goal})`,
  });
  const each = (of: (figures: typeof vmtest) => number): readonly [number, number] => [of(vmtest), of(serial)];
  return [
    row(
      'to the guest',
      'MiB/s',
      each(({ toGuest }) => median(toGuest)),
      'at least 1',
    ),
    row(
      'from the guest',
      'MiB/s',
      each(({ fromGuest }) => median(fromGuest)),
      'at least 1',
    ),
    row(
      'exec of `true`, p50',
      'ms',
      each(({ execMs }) => percentile(execMs, 50)),
      'none',
    ),
    row(
      'exec of `true`, p99',
      'ms',
      each(({ execMs }) => percentile(execMs, 99)),
      'at most 0.5',
    ),
    ...[50, 99].map((percent) => {
      const [mine, other] = [percentile(vmtest.execMs, percent), percentile(guestAgentMs, percent)];
      return {
        what: `QEMU, exec of \`true\`, p${percent}, beside QEMU's guest agent`,
        vmtest: `${mine.toFixed(1)} ms`,
        other: `${other.toFixed(1)} ms`,
        verdict: `${(mine / other).toFixed(2)} times${percent === 99 ? ' (goal: at most 0.5)' : ''}`,
      };
    }),
  ];
}

function hostRows(start: readonly StartSample[], cold: readonly ColdSample[]): Row[] {
  const [mine, bare] = [median(cold.map(({ vmtest }) => vmtest)), median(cold.map((sample) => sample.bare))];
  return [
    {
      what: 'QEMU, `run` to its start, over Node',
      vmtest: `${overNode(start).toFixed(0)} ms`,
      other: '',
      verdict: 'goal: at most 100 ms',
    },
    {
      what: 'QEMU, cold `run -- true`, beside a bare one that powers off',
      vmtest: `${mine.toFixed(0)} ms`,
      other: `${bare.toFixed(0)} ms`,
      verdict: `${(mine / bare).toFixed(2)} times (goal: at most 1.5)`,
    },
  ];
}
