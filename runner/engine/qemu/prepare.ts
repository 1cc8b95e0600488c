/** Everything about QEMU on this machine that its guests of one architecture have in common. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { AgentClient } from '../../agent/index.js';
import { createCleanup } from '../../cleanup.js';
import { VmtestError } from '../../errors.js';
import { type Cache, cacheRoot } from '../../images/cache.js';
import type { Architecture } from '../../images/kernels/architecture.js';
import type { CreateGuest } from '../guest.js';
import { loadAddon } from '../native/addon.js';
import { findQemu } from './binary.js';
import { createQemuGuest } from './guest.js';
import { knownSlowdown, measureSlowdown } from './slowdown.js';

export interface PrepareOptions {
  /** Of the guests. */
  arch: Architecture;
  host: Architecture;
  /** Absolute path of `vmtest-vmm`. */
  vmm: string;
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal;
}

/** The measurement takes 20 ms; this is for a machine that hangs. */
const TSC_LIMIT_MS = 10_000;

type OnReady = (agent: AgentClient, signal?: AbortSignal) => Promise<void>;

/** What its guests of one architecture have in common. */
export interface PreparedQemu {
  timeScale: number;
  timeScaleIsMeasured: boolean;
  create: CreateGuest;
  onReady?: OnReady;
}

/** Throws `VMTEST_QEMU_MISSING`, `VMTEST_QEMU_TOO_OLD`, `VMTEST_QEMU_BROKEN`, or `VMTEST_PROBE`. */
export async function prepareQemu(options: PrepareOptions): Promise<PreparedQemu> {
  const { arch, host, vmm, env } = options;
  await using cleanup = createCleanup();
  const cache: Cache = { root: cacheRoot(env), cleanup };
  const [{ path: qemu, version }, tscKhz] = await Promise.all([
    findQemu(arch, { ...options, cache }),
    arch === 'x86_64' && host === 'x86_64' ? measureTsc(vmm, options.signal) : undefined,
  ]);
  const addon = loadAddon(env);
  // Empty is as good as not set.
  const cpu = env['VMTEST_QEMU_CPU'] || undefined;
  const key = { arch, version, cpu };
  const { factor, measured } = await knownSlowdown(key, env);
  return {
    timeScale: factor,
    timeScaleIsMeasured: measured,
    create: (spec, events, request) => createQemuGuest(spec, { addon, qemu, vmm, events, tscKhz, cpu }, request),
    ...(measured ? {} : { onReady: once((agent, signal) => measureSlowdown(agent, key, { env, signal })) }),
  };
}

/** One guest is enough; that it could not be measured is no reason to fail. */
function once(measure: (agent: AgentClient, signal?: AbortSignal) => Promise<unknown>): OnReady {
  let begun = false;
  return async (agent, signal) => {
    if (begun) return;
    begun = true;
    await measure(agent, signal).catch(() => signal?.throwIfAborted());
  };
}

/** kHz. */
async function measureTsc(vmm: string, signal?: AbortSignal): Promise<number> {
  const options = { timeout: TSC_LIMIT_MS, ...(signal === undefined ? {} : { signal }) };
  const { stdout } = await promisify(execFile)(vmm, ['--tsc-khz'], options).catch((cause: Error) => {
    signal?.throwIfAborted();
    throw tscUnknown(cause.message, cause);
  });
  const khz = Number(stdout.trim());
  if (Number.isSafeInteger(khz) && khz > 0) return khz;
  throw tscUnknown(`${vmm} printed ${JSON.stringify(stdout.slice(0, 100))}`);
}

function tscUnknown(why: string, cause?: Error): VmtestError {
  return new VmtestError('VMTEST_PROBE', `cannot measure the time stamp counter: ${why}`, { cause });
}
