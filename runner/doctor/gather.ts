/** Finds out what `vmtest doctor` judges. What cannot be read is not known; only the signal stops it. */
import { access, readFile } from 'node:fs/promises';
import { availableParallelism, machine, release } from 'node:os';
import { join } from 'node:path';
import { findQemu } from '../engine/qemu/binary.js';
import { versionText } from '../engine/qemu/version.js';
import { VmtestError } from '../errors.js';
import { ARCHITECTURES, type Architecture } from '../images/kernels/architecture.js';
import { agentOf, findInstallation } from '../installation.js';
import { budgetOf, type HostLimits, hostLimits } from '../schedule/host-budget.js';
import type { Facts, MemoryFacts, QemuFacts } from './facts.js';
import { gatherKvm } from './gather-kvm.js';
import { gatherClock, gatherContainer } from './gather-machine.js';
import { gatherCache, gatherDisks } from './gather-storage.js';
import { cpuOf } from './proc.js';
import { type Read, wholeMib } from './read.js';
import { missingTools } from './tools.js';

export interface GatherOptions {
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Where /proc, /sys, /etc and /dev are. Default: `/`. */
  root?: string;
}

export async function gather({ env, signal, root = '/' }: GatherOptions): Promise<Facts> {
  const read: Read = (path) => readFile(join(root, path), 'utf8').catch(() => '');
  const installation = findInstallation(env);
  const limits = await hostLimits(root);
  const [cpuinfo, kvm, x86, arm, disks, cache, container, clock, tools] = await Promise.all([
    read('proc/cpuinfo'),
    gatherKvm({ vmm: installation.vmm, read, root, env, signal }),
    gatherQemu('x86_64', env, signal),
    gatherQemu('aarch64', env, signal),
    gatherDisks(env),
    gatherCache(env),
    gatherContainer({ read, root, env, vmm: installation.vmm, limits, signal }),
    gatherClock(read),
    missingTools(env),
  ]);
  signal.throwIfAborted();
  return {
    vmtest: installation.version,
    node: process.versions.node,
    machine: machine(),
    kernel: release(),
    uid: process.geteuid?.() ?? -1,
    cpu: { ...cpuOf(cpuinfo), count: availableParallelism() },
    kvm,
    qemu: { x86_64: x86, aarch64: arm },
    agents: await gatherAgents(env),
    memory: memoryOf(limits),
    disks,
    cache,
    container,
    clock,
    missingTools: tools,
  };
}

async function gatherQemu(arch: Architecture, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<QemuFacts> {
  try {
    const { path, version } = await findQemu(arch, { env, signal });
    return { path, version: versionText(version) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof VmtestError) return { code: error.code, message: error.message };
    return { code: 'VMTEST_QEMU_BROKEN', message: (error as Error).message };
  }
}

async function gatherAgents(env: NodeJS.ProcessEnv): Promise<Facts['agents']> {
  const isBuilt = async (arch: Architecture): Promise<boolean> => {
    try {
      await access(agentOf(arch, env));
      return true;
    } catch {
      return false;
    }
  };
  const built = await Promise.all(ARCHITECTURES.map(async (arch) => [arch, await isBuilt(arch)] as const));
  return Object.fromEntries(built) as Facts['agents'];
}

function memoryOf(limits: HostLimits): MemoryFacts {
  const budget = budgetOf(limits);
  return {
    availableMib: wholeMib(limits.available),
    groupsMib: wholeMib(limits.groups),
    forGuestsMib: Number.isFinite(budget.memory) ? budget.memory : null,
    guestCpus: budget.cpus,
  };
}
