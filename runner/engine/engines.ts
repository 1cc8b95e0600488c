/** The engines of this machine, each found out about once for all guests of a run. */
import type { AgentClient } from '../agent/index.js';
import { VmtestError } from '../errors.js';
import { type Architecture, hostArchitecture } from '../images/kernels/architecture.js';
import { findInstallation } from '../installation.js';
import { type Choice, chooseEngine, type EngineChoice, type EngineName, needsProbe } from './choice.js';
import type { CreateGuest } from './guest.js';
import { loadAddon } from './native/addon.js';
import { type KvmProbe, probeKvm } from './probe.js';

/** An engine that is ready for guests of one architecture. */
export interface Engine extends Choice {
  /** How many times slower than this machine its guests run: what time limits for a guest are multiplied by. At least 1. */
  timeScale: number;
  /** Otherwise it is assumed, with something to spare. */
  timeScaleIsMeasured: boolean;
  /** To be called with a guest that has just booted, and waited for. */
  onReady?: (agent: AgentClient, signal?: AbortSignal) => Promise<void>;
  create: CreateGuest;
}

export interface Engines {
  /**
   * Throws `VMTEST_ENGINE`, `VMTEST_NO_KVM` or `VMTEST_QEMU_*` when the engine that was asked for cannot serve the guest,
   * and `VMTEST_NO_ENGINE` when none can.
   */
  for(wanted: EngineChoice, arch: Architecture, options?: EngineRequest): Promise<Engine>;
}

export interface EngineRequest {
  /** Whether the guest has directories of the host. Default: false. */
  mounts?: boolean;
  signal?: AbortSignal;
}

export interface EnginesOptions {
  /** Where the parts of vmtest and QEMU are. Default: that of this process. */
  env?: NodeJS.ProcessEnv;
}

export function createEngines({ env = process.env }: EnginesOptions = {}): Engines {
  const host = hostArchitecture();
  const { vmm } = findInstallation(env);
  const kvm = keepSuccess((signal) => probeKvm(vmm, signal));
  const engines: Readonly<
    Record<EngineName, (choice: Choice, arch: Architecture, signal?: AbortSignal) => Promise<Engine>>
  > = {
    native: async (choice) => ({
      ...choice,
      timeScale: 1,
      timeScaleIsMeasured: true,
      create: await nativeFactory(vmm),
    }),
    async qemu(choice, arch, signal) {
      const { prepareQemu } = await import('./qemu/prepare.js');
      return {
        ...choice,
        ...(await prepareQemu({ arch, host, vmm, env, ...(signal === undefined ? {} : { signal }) })),
      };
    },
  };
  return {
    async for(wanted, arch, { mounts, signal } = {}) {
      const question = { wanted, guest: arch, host, mounts };
      const probe = needsProbe(question) ? await kvm(signal) : undefined;
      const choice = chooseEngine({ ...question, kvm: probe });
      try {
        return await engines[choice.engine](choice, arch, signal);
      } catch (error) {
        throw wanted === 'auto' ? noEngine(error, arch, choice, probe) : error;
      }
    },
  };
}

async function nativeFactory(vmm: string): Promise<CreateGuest> {
  const { createNativeGuest } = await import('./native/vmm.js');
  const addon = loadAddon();
  return (spec, events, request) => createNativeGuest(spec, { addon, vmm, events }, request);
}

/** One answer for all; a failure, or a caller who gave up, is not kept. */
function keepSuccess(probe: (signal?: AbortSignal) => Promise<KvmProbe>): (signal?: AbortSignal) => Promise<KvmProbe> {
  let known: Promise<KvmProbe> | undefined;
  return (signal) => {
    const asked = known ?? probe(signal);
    known = asked;
    asked.catch(() => {
      if (known === asked) known = undefined;
    });
    return asked;
  };
}

/** Where neither works, both reasons are told. */
function noEngine(error: unknown, arch: Architecture, { reason }: Choice, kvm: KvmProbe | undefined): unknown {
  if (!(error instanceof VmtestError) || !error.code.startsWith('VMTEST_QEMU_')) return error;
  const hint = kvm === undefined || kvm.hint === '' ? '' : ` (${kvm.hint})`;
  const message = `no engine can run a guest for ${arch} here: ${reason}${hint}, and ${error.message}`;
  return new VmtestError('VMTEST_NO_ENGINE', message, { cause: error, context: { ...error.context } });
}
