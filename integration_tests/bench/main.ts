/**
 * `npm run bench`: what a guest costs, beside QEMU in the same run. Prints tables and writes them to `bench-results/`. Ratios,
 * exits and bytes mean something on any machine; milliseconds only beside each other.
 *
 * `--only host`, `engine-qemu`, `native` or `native-aarch64`: one part. `engine-qemu` needs no KVM and no lab
 * (./engine-qemu/measure.ts). `native` is this machine's architecture, in the lab where its own KVM cannot be used (./labs.ts).
 * `VMTEST_BENCH_PAIRS`: how many pairs of boots, in turn. Default: 5.
 */
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { probeKvm } from '../../runner/engine/probe.js';
import { type Architecture, hostArchitecture } from '../../runner/images/kernels/architecture.js';
import { findInstallation } from '../../runner/installation.js';
import { measureEngineQemu } from './engine-qemu/measure.js';
import { measureHost } from './host.js';
import { IN_LAB, measureInLab, QEMU_FOLDER } from './labs.js';
import { measureNative } from './native.js';
import { unpackedQemu } from './unpacked-qemu.js';

const PAIRS = Number(process.env['VMTEST_BENCH_PAIRS'] ?? 5);

const PARTS = ['host', 'engine-qemu', 'native', 'native-aarch64'] as const;
type Part = (typeof PARTS)[number];

function wantedParts(): readonly Part[] {
  const { only } = parseArgs({ options: { only: { type: 'string' } } }).values;
  if (only === undefined) return PARTS;
  const part = PARTS.find((known) => known === only);
  if (part === undefined) throw new Error(`--only ${only}: the parts are ${PARTS.join(', ')}`);
  return [part];
}

/** The native engine of an architecture: on this machine where it can run there, else in the lab. */
async function measureNativeOf(arch: Architecture): Promise<void> {
  // The lab has no network: what the bench boots is fetched out here.
  await fetchImages(arch);
  if (arch === hostArchitecture()) {
    const probe = await probeKvm(findInstallation().vmm);
    if (probe.status === 'usable') return measureNative(PAIRS);
  }
  await measureInLab(arch);
}

const fetchImages = (arch: Architecture) =>
  execa(process.execPath, ['dist/cli/vmtest.js', 'images', 'fetch', '--arch', arch], { stdio: 'inherit' });

/** What `measureInLab` asks of the bench inside. */
async function measureHere(): Promise<void> {
  const probe = await probeKvm(findInstallation().vmm);
  if (probe.status !== 'usable') throw new Error(`KVM is not usable in the lab either: ${probe.message}`);
  const folder = process.env[QEMU_FOLDER];
  await measureNative(PAIRS, folder === undefined ? undefined : unpackedQemu(folder));
}

async function measureParts(parts: readonly Part[]): Promise<void> {
  if (parts.includes('host') || parts.includes('engine-qemu')) await fetchImages(hostArchitecture());
  if (parts.includes('host')) await measureHost();
  if (parts.includes('engine-qemu')) await measureEngineQemu(PAIRS);
  // On a machine of aarch64 the last two parts are one.
  const native = new Set<Architecture>();
  if (parts.includes('native')) native.add(hostArchitecture());
  if (parts.includes('native-aarch64')) native.add('aarch64');
  for (const arch of native) await measureNativeOf(arch);
}

if (process.env[IN_LAB] === undefined) await measureParts(wantedParts());
else await measureHere();
