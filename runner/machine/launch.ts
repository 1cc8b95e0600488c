/** Everything from a kernel's name to a running machine, with the native engine. */
import { type Cleanup, createCleanup } from '../cleanup.js';
import type { DiskSpec, GuestSpec } from '../engine/guest.js';
import { loadAddon } from '../engine/native/addon.js';
import { createNativeGuest } from '../engine/native/vmm.js';
import { requireKvm } from '../engine/probe.js';
import { VmtestError } from '../errors.js';
import { type Cache, cacheRoot } from '../images/cache.js';
import { checkDisk, checkDistinct } from '../images/disk.js';
import type { Feature } from '../images/kernels/requirements.js';
import { type ImageRequest, resolveImages } from '../images/resolve.js';
import { prepareRoot, type Root, type RootRequest } from '../images/roots/root.js';
import { squashfsCompression } from '../images/roots/squashfs-compression.js';
import { isReadOnly } from '../images/roots/superblock.js';
import { findInstallation } from '../installation.js';
import { type BootOptions, bootMachine } from './boot.js';
import { checkCommandLine, kernelCommandLine, ROOT_SERIAL } from './command-line.js';
import type { Machine } from './machine.js';

export interface LaunchOptions
  extends Omit<ImageRequest, 'agent' | 'arch' | 'features' | 'rootFileSystem'>,
    Omit<BootOptions, 'timeoutMs'> {
  /** 1 to 32. Default: 1. */
  cpus?: number;
  /** 64 to 65536. Default: 512. */
  memoryMib?: number;
  /** More kernel arguments, put last. */
  append?: string | undefined;
  disks?: readonly DiskSpec[];
  /** The guest's root, which becomes its first disk. Default: our initial RAM file system. */
  root?: RootRequest | undefined;
  /** A program of the root that becomes PID 1, the agent its service: an absolute path. Default: the agent is PID 1. */
  init?: string | undefined;
  /** Show the virtualization extensions to the guest. Default: false. */
  nested?: boolean;
  /** Unix seconds that the CMOS clock starts from; default: the host's time. */
  rtcBase?: number | undefined;
  /** From the start of the guest until the agent is ready, milliseconds. Default: 120 s. */
  bootTimeoutMs?: number;
  /** Says what takes long: a download, a root to pack. */
  onProgress?: (message: string) => void;
  env?: NodeJS.ProcessEnv;
}

export const DEFAULT_BOOT_TIMEOUT_MS = 120_000;
export const DEFAULT_MEMORY_MIB = 512;

/** Boots a machine; see `bootMachine` for the errors. Disposing it leaves nothing behind. */
export async function launch(options: LaunchOptions = {}): Promise<Machine> {
  const { env = process.env } = options;
  const { vmm } = findInstallation(env);
  await using cleanup = createCleanup();
  const spec = await probeAndPlan(options, env, cleanup);
  const addon = loadAddon();
  const machine = await bootMachine(
    spec,
    (guest, events, request) => createNativeGuest(guest, { addon, vmm, events }, request),
    { ...options, timeoutMs: options.bootTimeoutMs ?? DEFAULT_BOOT_TIMEOUT_MS },
  );
  const owned = cleanup.move();
  return {
    ...machine,
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
async function probeAndPlan(options: LaunchOptions, env: NodeJS.ProcessEnv, cleanup: Cleanup): Promise<GuestSpec> {
  const noKvm = new AbortController();
  const signal = options.signal === undefined ? noKvm.signal : AbortSignal.any([options.signal, noKvm.signal]);
  const probed = requireKvm(findInstallation(env).vmm, options.signal).catch((error: unknown) => {
    noKvm.abort(error);
    throw error;
  });
  const [probe, plan] = await Promise.allSettled([probed, planGuest({ ...options, signal }, env, cleanup)]);
  if (plan.status === 'fulfilled' && probe.status === 'fulfilled') return plan.value;
  // What the user got wrong is wrong on every host; other troubles may come from the one the probe found.
  if (plan.status === 'rejected' && (isBadInput(plan.reason) || probe.status === 'fulfilled')) throw plan.reason;
  throw (probe as PromiseRejectedResult).reason;
}

const isBadInput = (error: unknown): boolean => error instanceof VmtestError && error.code === 'VMTEST_BAD_INPUT';

/** The guest to start: images found or made, disks checked. */
async function planGuest(options: LaunchOptions, env: NodeJS.ProcessEnv, cleanup: Cleanup): Promise<GuestSpec> {
  const { disks = [], init } = options;
  const ownInitrd = options.initrd !== undefined;
  // What is wrong with the arguments is told before a root is packed, which may take long.
  checkCommandLine(kernelCommandLine({ ownInitrd, append: options.append }));
  for (const { path, mode } of disks) await checkDisk(path, mode === 'rw');
  const cache: Cache = { root: cacheRoot(env), cleanup };
  const root = options.root === undefined ? undefined : await prepareRoot(cache, options.root, options);
  if (root !== undefined) await checkDisk(root.path, root.writable);
  const all = root === undefined ? disks : [rootDisk(root), ...disks];
  await checkDistinct(all);
  const cmdline = kernelCommandLine({ ownInitrd, root, init, append: options.append });
  checkCommandLine(cmdline);
  const features = await featuresOf(all, root);
  const request = { ...options, features, agent: findInstallation(env).agent, rootFileSystem: root?.fstype };
  const { kernel, initrd } = await resolveImages(cache, request, options);
  return {
    cpus: options.cpus ?? 1,
    memoryMib: options.memoryMib ?? DEFAULT_MEMORY_MIB,
    kernel: kernel.path,
    initrd,
    labels: { kernel: kernel.label, ...(options.initrd === undefined ? {} : { initrd: options.initrd }) },
    cmdline,
    disks: all,
    nested: options.nested ?? false,
    ...(options.rtcBase === undefined ? {} : { rtcBase: options.rtcBase }),
  };
}

/** What the kernel must be able to do for the disks and the root. */
async function featuresOf(disks: readonly DiskSpec[], root: Root | undefined): Promise<Feature[]> {
  const features: Feature[] = disks.length > 0 ? ['disks'] : [];
  const fstype = root && FILE_SYSTEMS.find((known) => known === root.fstype);
  if (fstype !== undefined) features.push(fstype);
  const compression = root && (await squashfsCompression(root));
  if (compression !== undefined) features.push(compression);
  if (root !== undefined && !root.writable) features.push('overlay');
  return features;
}

const FILE_SYSTEMS = ['ext4', 'squashfs', 'erofs'] as const satisfies readonly Feature[];

/**
 * A file system that can be written gets a disk that can, whose writes are lost: mounted read-only too, it may first
 * have to replay its journal.
 */
function rootDisk({ path, fstype, writable }: Root): DiskSpec {
  return { path, mode: writable ? 'rw' : isReadOnly(fstype) ? 'ro' : 'overlay', serial: ROOT_SERIAL };
}
