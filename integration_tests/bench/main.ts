/**
 * `npm run bench`: what a guest costs, beside QEMU's microvm in the same run. Prints a table and writes
 * `bench-results/bench.json`. Ratios, exits and bytes mean something on any machine; milliseconds only
 * beside each other. Runs in the lab where this machine's own KVM cannot be used.
 *
 * `--only host`, `engine-qemu` or `native`: one part. `engine-qemu` needs no KVM and no lab (./engine-qemu/measure.ts).
 * `VMTEST_BENCH_PAIRS`: how many pairs of boots, in turn. Default: 5.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { createCleanup } from '../../runner/cleanup.js';
import { probeKvm } from '../../runner/engine/probe.js';
import { findInstallation } from '../../runner/installation.js';
import { launch } from '../../runner/machine/launch.js';
import { planGuest } from '../../runner/machine/plan.js';
import { execRoundTrips, throughputFromGuest, throughputToGuest } from './agent.js';
import { type BootSample, bootNative, bootQemu, prepareSubject } from './boot.js';
import { measureEngineQemu } from './engine-qemu/measure.js';
import { prepareExits } from './exits.js';
import { measureHost } from './host.js';
import { formatTable, median, percentile, type Row } from './table.js';

const PAIRS = Number(process.env['VMTEST_BENCH_PAIRS'] ?? 5);
const EXEC_COUNT = 200;
const STREAM_MIB = 64;

interface BootPairs {
  vmtest: BootSample[];
  qemu: BootSample[];
}

async function measureBoots(pairs: number): Promise<BootPairs> {
  const directory = await mkdtemp(join(tmpdir(), 'vmtest-bench-'));
  await using cleanup = createCleanup();
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const { kernel, initrd = '', cmdline } = (await planGuest({}, cleanup)).guest;
  const subject = await prepareSubject({ kernel, initrd, cmdline }, directory);
  const samples: BootPairs = { vmtest: [], qemu: [] };
  // In turn, so that a slow spell of the host hits both; the first pair only warms the page cache.
  for (let pair = 0; pair <= pairs; pair += 1) {
    const vmtest = await bootNative(subject);
    const qemu = await bootQemu(subject);
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
  await using machine = await launch();
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

async function measure(): Promise<void> {
  await prepareExits();
  const boots = await measureBoots(PAIRS);
  const agent = await measureAgent();
  const plain = (what: string, vmtest: string): Row => ({ what, vmtest, other: '', verdict: '' });
  const rows = [
    ...bootRows(boots),
    plain('exec of `true`, p50', `${agent.execP50Ms.toFixed(1)} ms`),
    plain('exec of `true`, p99', `${agent.execP99Ms.toFixed(1)} ms`),
    plain('to the guest', `${agent.toGuestMibPerS.toFixed(1)} MiB/s`),
    plain('from the guest', `${agent.fromGuestMibPerS.toFixed(1)} MiB/s`),
  ];
  console.log(formatTable(rows));
  await mkdir('bench-results', { recursive: true });
  await writeFile('bench-results/bench.json', `${JSON.stringify({ boots, agent }, null, 2)}\n`);
}

const PARTS = ['host', 'engine-qemu', 'native'] as const;
type Part = (typeof PARTS)[number];

function wantedParts(): readonly Part[] {
  const { only } = parseArgs({ options: { only: { type: 'string' } } }).values;
  if (only === undefined) return PARTS;
  const part = PARTS.find((known) => known === only);
  if (part === undefined) throw new Error(`--only ${only}: the parts are ${PARTS.join(', ')}`);
  return [part];
}

/** The native engine, in the lab where this machine's own KVM cannot be used. */
async function measureNative(inLab: boolean): Promise<void> {
  const probe = await probeKvm(findInstallation().vmm);
  if (probe.status === 'usable') return measure();
  if (inLab) throw new Error(`KVM is not usable in the lab either: ${probe.message}`);
  const command = ['node', process.argv[1] as string, '--only', 'native'];
  const env = { VMTEST_BENCH_IN_LAB: '1' };
  const { exitCode } = await execa('ci/kvm-lab', ['--', ...command], { stdio: 'inherit', env, reject: false });
  process.exitCode = exitCode ?? 1;
}

const inLab = process.env['VMTEST_BENCH_IN_LAB'] !== undefined;
const parts = wantedParts();
// The lab has no network: what the bench boots is fetched out here.
if (!inLab) await execa(process.execPath, ['dist/cli/vmtest.js', 'images', 'fetch'], { stdio: 'inherit' });
if (parts.includes('host')) await measureHost();
if (parts.includes('engine-qemu')) await measureEngineQemu(PAIRS);
if (parts.includes('native')) await measureNative(inLab);
