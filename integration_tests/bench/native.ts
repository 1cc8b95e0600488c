/** The native engine on this machine's own KVM, beside QEMU in the same run: with QEMU's leanest board of this architecture. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCleanup } from '../../runner/cleanup.js';
import { hostArchitecture } from '../../runner/images/kernels/architecture.js';
import { launch } from '../../runner/machine/launch.js';
import { planGuest } from '../../runner/machine/plan.js';
import { execRoundTrips, throughputFromGuest, throughputToGuest } from './agent.js';
import { type BootSample, bootNative, bootQemu, prepareSubject, QEMU_BOARDS } from './boot.js';
import { prepareExits } from './exits.js';
import { formatTable, median, percentile, type Row } from './table.js';
import type { Program } from './unpacked-qemu.js';

const arch = hostArchitecture();
const EXEC_COUNT = 200;
const STREAM_MIB = 64;

interface BootPairs {
  vmtest: BootSample[];
  qemu: BootSample[];
}

async function measureBoots(pairs: number, qemuProgram: Program): Promise<BootPairs> {
  const directory = await mkdtemp(join(tmpdir(), 'vmtest-bench-'));
  await using cleanup = createCleanup();
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const { kernel, initrd = '', cmdline } = (await planGuest({ arch }, cleanup)).guest;
  const subject = await prepareSubject({ arch, kernel, initrd, cmdline }, directory);
  const samples: BootPairs = { vmtest: [], qemu: [] };
  // In turn, so that a slow spell of the host hits both; the first pair only warms the page cache.
  for (let pair = 0; pair <= pairs; pair += 1) {
    const vmtest = await bootNative(subject);
    const qemu = await bootQemu(subject, qemuProgram);
    if (pair === 0) continue;
    samples.vmtest.push(vmtest);
    samples.qemu.push(qemu);
    process.stderr.write(
      `pair ${pair}: vmtest ${vmtest.firstExecMs.toFixed(0)} ms, qemu ${qemu.firstExecMs.toFixed(0)} ms\n`,
    );
  }
  return samples;
}

async function measureAgent() {
  await using machine = await launch({ arch, engine: 'native' });
  const times = await execRoundTrips(machine, EXEC_COUNT);
  return {
    execP50Ms: percentile(times, 50),
    execP99Ms: percentile(times, 99),
    toGuestMibPerS: await throughputToGuest(machine, STREAM_MIB),
    fromGuestMibPerS: await throughputFromGuest(machine, STREAM_MIB),
  };
}

type Figure = keyof BootSample;

function bootRows(samples: BootPairs): Row[] {
  const row = (what: string, figure: Figure, format: (value: number) => string, goal: string): Row => {
    const mine = median(samples.vmtest.map((sample) => sample[figure]));
    const other = median(samples.qemu.map((sample) => sample[figure]));
    const ratio = (mine / other).toFixed(2);
    return { what, vmtest: format(mine), other: format(other), verdict: `${ratio} times (${goal})` };
  };
  return [
    row('start to first exec', 'firstExecMs', (value) => `${value.toFixed(0)} ms`, 'goal: at most 0.5'),
    row('VM exits until then', 'exits', (value) => value.toFixed(0), 'goal: below 1'),
    row('memory besides the guest', 'overheadKib', (value) => `${value} KiB`, 'goal: at most 5120 KiB'),
  ];
}

export async function measureNative(pairs: number, qemu: Program = { path: `qemu-system-${arch}` }): Promise<void> {
  await prepareExits();
  const boots = await measureBoots(pairs, qemu);
  const agent = await measureAgent();
  const plain = (what: string, vmtest: string): Row => ({ what, vmtest, other: '', verdict: '' });
  const rows = [
    ...bootRows(boots),
    plain('exec of `true`, p50', `${agent.execP50Ms.toFixed(1)} ms`),
    plain('exec of `true`, p99', `${agent.execP99Ms.toFixed(1)} ms`),
    plain('to the guest', `${agent.toGuestMibPerS.toFixed(1)} MiB/s`),
    plain('from the guest', `${agent.fromGuestMibPerS.toFixed(1)} MiB/s`),
  ];
  console.log(formatTable(rows, `qemu ${QEMU_BOARDS[arch]}`));
  await mkdir('bench-results', { recursive: true });
  await writeFile(`bench-results/bench-${arch}.json`, `${JSON.stringify({ boots, agent }, null, 2)}\n`);
}
