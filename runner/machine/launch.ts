/** Everything from a kernel's name to a running machine, with the native engine. */
import { type Cleanup, createCleanup } from '../cleanup.js';
import { loadAddon } from '../engine/native/addon.js';
import { createNativeGuest } from '../engine/native/vmm.js';
import { requireKvm } from '../engine/probe.js';
import { VmtestError } from '../errors.js';
import { findInstallation } from '../installation.js';
import { type BootOptions, bootMachine } from './boot.js';
import { withDefaults } from './command-defaults.js';
import { DEFAULT_BOOT_TIMEOUT_MS } from './defaults.js';
import type { Machine } from './machine.js';
import { type GuestPlan, type PlanOptions, planGuest } from './plan.js';

export interface LaunchOptions extends PlanOptions, Omit<BootOptions, 'timeoutMs' | 'signal'> {
  /** From the start of the guest until the agent is ready, milliseconds. Default: 120 s. */
  bootTimeoutMs?: number;
  /** KVM is known to be usable: it is not probed again. Default: false. */
  kvmIsUsable?: boolean;
  /** Called when everything is found and made, and the guest is about to be started. */
  onStart?: (plan: GuestPlan) => void;
}

/** Boots a machine; see `bootMachine` for the errors. Disposing it leaves nothing behind. */
export async function launch(options: LaunchOptions = {}): Promise<Machine> {
  const { env = process.env } = options;
  const { vmm } = findInstallation(env);
  await using cleanup = createCleanup();
  const plan = await probeAndPlan(options, env, cleanup);
  const { guest: spec, command } = plan;
  const addon = loadAddon();
  options.onStart?.(plan);
  const machine = await bootMachine(
    spec,
    (guest, events, request) => createNativeGuest(guest, { addon, vmm, events }, request),
    { ...options, timeoutMs: options.bootTimeoutMs ?? DEFAULT_BOOT_TIMEOUT_MS },
  );
  const owned = cleanup.move();
  return {
    ...machine,
    exec: (argv, execOptions) => machine.exec(argv, withDefaults(execOptions ?? {}, command)),
    async [Symbol.asyncDispose]() {
      try {
        await machine[Symbol.asyncDispose]();
      } finally {
        await owned[Symbol.asyncDispose]();
      }
    },
  };
}

/** The probe runs a small guest of its own: side by side with the work on the images it costs no time. */
async function probeAndPlan(options: LaunchOptions, env: NodeJS.ProcessEnv, cleanup: Cleanup): Promise<GuestPlan> {
  const noKvm = new AbortController();
  const signal = options.signal === undefined ? noKvm.signal : AbortSignal.any([options.signal, noKvm.signal]);
  const probe = async (): Promise<void> => {
    if (options.kvmIsUsable === true) return;
    await requireKvm(findInstallation(env).vmm, options.signal);
  };
  const probed = probe().catch((error: unknown) => {
    noKvm.abort(error);
    throw error;
  });
  const [kvm, plan] = await Promise.allSettled([probed, planGuest({ ...options, signal }, cleanup)]);
  if (plan.status === 'fulfilled' && kvm.status === 'fulfilled') return plan.value;
  // What the user got wrong is wrong on every host; other troubles may come from the one the probe found.
  if (plan.status === 'rejected' && (isBadInput(plan.reason) || kvm.status === 'fulfilled')) throw plan.reason;
  throw (kvm as PromiseRejectedResult).reason;
}

const isBadInput = (error: unknown): boolean => error instanceof VmtestError && error.code === 'VMTEST_BAD_INPUT';
