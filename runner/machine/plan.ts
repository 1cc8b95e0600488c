/** From the options of a launch to the guest to start: images found or made, disks checked. */
import type { Cleanup } from '../cleanup.js';
import { checkCommandLine } from '../engine/check-command-line.js';
import type { DiskSpec, GuestSpec, MountSpec } from '../engine/guest.js';
import { VmtestError } from '../errors.js';
import { ensureImage } from '../images/build/ensure-image.js';
import { type Cache, cacheRoot } from '../images/cache.js';
import { checkDisk, checkDistinct } from '../images/disk.js';
import { type GuestImage, guestImage } from '../images/guest-image.js';
import { type Architecture, defaultArchitecture } from '../images/kernels/architecture.js';
import type { Feature } from '../images/kernels/requirements.js';
import { MOUNT_FILE_SYSTEM } from '../images/modules.js';
import { checkFiles, type ImageRequest, resolveImages } from '../images/resolve.js';
import type { Root, RootRequest } from '../images/roots/root.js';
import { squashfsCompression } from '../images/roots/squashfs-compression.js';
import { isReadOnly } from '../images/roots/superblock.js';
import { agentOf, imageSource } from '../installation.js';
import { type CommandDefaults, commandDefaults } from './command-defaults.js';
import { kernelCommandLine, ROOT_SERIAL } from './command-line.js';
import { DEFAULT_IMAGE, DEFAULT_MEMORY_MIB } from './defaults.js';
import { checkedMounts } from './mounts.js';

export interface PlanOptions extends Omit<ImageRequest, 'agent' | 'features' | 'image' | 'rootFileSystem'> {
  /** Name of an image; gives what `kernel`, `initrd` and `root` do not. Default: `micro`, where something is missing. */
  image?: string | undefined;
  /** 1 to 32. Default: 1. */
  cpus?: number;
  /** 64 to 65536. Default: 512. */
  memoryMib?: number;
  /** More kernel arguments, put last. */
  append?: string | undefined;
  disks?: readonly DiskSpec[];
  /** Live directories of the host in the guest; one on `/` is its root. QEMU alone serves them. Default: none. */
  mounts?: readonly MountSpec[] | undefined;
  /** The guest's root, which becomes its first disk. Default: that of the image, or our initial RAM file system. */
  root?: RootRequest | undefined;
  /** A program of the root that becomes PID 1, the agent its service: an absolute path. Default: the agent is PID 1. */
  init?: string | undefined;
  /** Show the virtualization extensions to the guest. Default: false. */
  nested?: boolean;
  /** aarch64: show the performance monitor to the guest. On x86_64 KVM always does. Default: false. */
  pmu?: boolean;
  /** aarch64: show the scalable vectors to the guest. Default: false. */
  sve?: boolean;
  /** Unix seconds that the CMOS clock starts from; default: the host's time. */
  rtcBase?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Says what takes long: a download, a root to pack. */
  onProgress?: (message: string) => void;
  /** Where the cache and the parts of vmtest are. Default: this process's. */
  env?: NodeJS.ProcessEnv;
}

export interface GuestPlan {
  guest: GuestSpec;
  /** How commands run where they do not say it themselves. */
  command: CommandDefaults;
  /** The image that gave some of its parts; `digest` is the SHA-256 of the manifest. */
  image?: { name: string; digest: string };
}

/** The guest to start. `cleanup` owns what has to last as long as the guest. */
export async function planGuest(options: PlanOptions, cleanup: Cleanup): Promise<GuestPlan> {
  const { disks = [], init, env = process.env } = options;
  const arch = options.arch ?? defaultArchitecture(env);
  const ownInitrd = options.initrd !== undefined;
  // What is wrong with the arguments is told before a root is packed, which may take long.
  const mounts = await checkedMounts(options.mounts ?? [], options);
  checkCommandLine(kernelCommandLine({ arch, ownInitrd, mounts, append: options.append }));
  for (const { path, mode } of disks) await checkDisk(path, mode === 'rw');
  const cache: Cache = { root: cacheRoot(env), cleanup };
  const agent = agentOf(arch, env);
  await checkFiles({ ...options, image: undefined, agent });
  const ownRoot = await ownRootOf(cache, { ...options, arch });
  const image = await imageOf(cache, { ...options, mounts }, arch, env);
  const mountedRoot = mountsRoot(mounts);
  const root = mountedRoot ? undefined : (ownRoot ?? imageRoot(image, options));
  if (init !== undefined && root === undefined && !mountedRoot) {
    throw new VmtestError(
      'VMTEST_BAD_INPUT',
      `--init ${init}: the image ${image?.name ?? ''} has no root that could have it`,
    );
  }
  if (root !== undefined) await checkDisk(root.path, root.writable);
  const all = root === undefined ? disks : [rootDisk(root), ...disks];
  await checkDistinct(all);
  const cmdline = kernelCommandLine({ arch, ownInitrd, root, init, mounts, append: options.append });
  checkCommandLine(cmdline);
  const features = [...(await featuresOf(all, root)), ...featuresOfMounts(mounts)];
  const rootFileSystem = mountedRoot ? MOUNT_FILE_SYSTEM : root?.fstype;
  const request = { ...options, arch, image, features, agent, rootFileSystem };
  const { kernel, initrd } = await resolveImages(cache, request, options);
  const guest: GuestSpec = {
    arch,
    cpus: options.cpus ?? 1,
    memoryMib: options.memoryMib ?? DEFAULT_MEMORY_MIB,
    kernel: kernel.path,
    ...(kernel.bzImage === undefined ? {} : { bzImage: kernel.bzImage }),
    initrd,
    labels: { kernel: kernel.label, ...(options.initrd === undefined ? {} : { initrd: options.initrd }) },
    cmdline,
    disks: all,
    mounts,
    nested: options.nested ?? false,
    ...cpuFeatures(options, arch),
    ...(options.rtcBase === undefined ? {} : { rtcBase: options.rtcBase }),
  };
  const named = image === undefined ? {} : { image: { name: image.name, digest: image.digest } };
  return { guest, command: commandDefaults(root?.config), ...named };
}

/** Throws `VMTEST_BAD_INPUT` for what CPUs of that architecture do not have. */
function cpuFeatures({ pmu = false, sve = false }: PlanOptions, arch: Architecture): Pick<GuestSpec, 'pmu' | 'sve'> {
  if (sve && arch !== 'aarch64') {
    throw new VmtestError(
      'VMTEST_BAD_INPUT',
      `--sve: only CPUs of aarch64 have scalable vectors, this guest is ${arch}`,
    );
  }
  return { ...(pmu && arch === 'aarch64' ? { pmu } : {}), ...(sve ? { sve } : {}) };
}

/** Loaded only when it is wanted: most guests have the root of an image. */
async function ownRootOf(cache: Cache, options: PlanOptions): Promise<Root | undefined> {
  if (options.root === undefined) return undefined;
  const { prepareRoot } = await import('../images/roots/root.js');
  return prepareRoot(cache, options.root, options);
}

/** The image that was named, or the one that gives what is missing. */
async function imageOf(
  cache: Cache,
  options: PlanOptions,
  arch: Architecture,
  env: NodeJS.ProcessEnv,
): Promise<GuestImage | undefined> {
  const hasRoot = options.initrd !== undefined || options.root !== undefined || mountsRoot(options.mounts ?? []);
  const complete = options.kernel !== undefined && hasRoot;
  if (options.image === undefined && complete) return undefined;
  const wanted = { name: options.image ?? DEFAULT_IMAGE, arch };
  return guestImage(cache, await ensureImage(cache, wanted, imageSource(arch, env), options));
}

const mountsRoot = (mounts: readonly MountSpec[]): boolean => mounts.some(({ guest }) => guest === '/');

function imageRoot(image: GuestImage | undefined, { initrd }: PlanOptions): Root | undefined {
  const fstype = FILE_SYSTEMS.find((known) => known === image?.root?.fstype);
  if (image?.root === undefined || initrd !== undefined) return undefined;
  if (fstype === undefined) {
    const message = `image ${image.name}: its root has the file system ${image.root.fstype}, which vmtest cannot mount`;
    throw new VmtestError('VMTEST_IMAGE', message);
  }
  return { path: image.root.path, fstype, label: `of the image ${image.name}`, writable: false };
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

/** What the kernel must be able to do for directories of the host. */
function featuresOfMounts(mounts: readonly MountSpec[]): Feature[] {
  if (mounts.length === 0) return [];
  return mounts.some(({ guest, mode }) => guest === '/' && mode === 'ro') ? ['mounts', 'overlay'] : ['mounts'];
}

const FILE_SYSTEMS = ['ext4', 'squashfs', 'erofs'] as const satisfies readonly Feature[];

/**
 * A file system that can be written gets a disk that can, whose writes are lost: mounted read-only too, it may first
 * have to replay its journal.
 */
function rootDisk({ path, fstype, writable }: Root): DiskSpec {
  return { path, mode: writable ? 'rw' : isReadOnly(fstype) ? 'ro' : 'overlay', serial: ROOT_SERIAL };
}
