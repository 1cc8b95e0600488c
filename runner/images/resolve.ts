/** From what the user asked for to the two files that a guest boots from. */
import { constants } from 'node:fs';
import { access, open, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { VmtestError } from '../errors.js';
import type { Cache } from './cache.js';
import { type FetchOptions, fetchPackage, findPackage, type UnpackedPackage } from './debian.js';
import { compressionOf } from './decompress.js';
import { buildInitramfs, type InitramfsInput } from './initramfs.js';
import { type Architecture, hostArchitecture } from './kernels/architecture.js';
import { checkKernel } from './kernels/check-kernel.js';
import { type Kernel, prepareKernel } from './kernels/kernel.js';
import { locateKernel } from './kernels/locate.js';
import type { LocatedKernel } from './kernels/located.js';
import { readyModules } from './kernels/module-tree.js';
import type { Feature } from './kernels/requirements.js';
import { checkFileSystem, findModules, mountModules, readModuleSet } from './modules.js';
import {
  BUSYBOX_PACKAGE,
  busyboxIn,
  FLAVOURS,
  type Flavour,
  finishBusybox,
  finishKernel,
  kernelPackage,
} from './packages.js';
import { reasonOf } from './reason.js';

export interface ImageRequest {
  /**
   * Path of a kernel, of a Debian or RPM package, of a build tree, or of a directory with `boot/` and
   * `lib/modules/`; or a flavour of Debian's. Default: `cloud`.
   */
  kernel?: string | undefined;
  /** What the guest is to be. Default: as this machine. */
  arch?: Architecture | undefined;
  /** What the guest will have besides the least of guests: its kernel is checked for that, too. */
  features?: readonly Feature[] | undefined;
  /** Path of an initial RAM file system that the agent is added to. Default: our own. */
  initrd?: string | undefined;
  /** `lib/modules/RELEASE` of the kernel. Default: searched beside the kernel, then on the host. */
  modules?: string | undefined;
  /** File system of the root that the guest is to mount; it brings a userland of its own, so busybox is left out. */
  rootFileSystem?: string | undefined;
  /** Static `vmtest-agent`. */
  agent: string;
}

export interface BootImages {
  kernel: Kernel;
  /** Path of the finished archive. */
  initrd: string;
}

const isFlavour = (name: string): name is Flavour => FLAVOURS.some((flavour) => flavour === name);

/** Finds, fetches and makes what is needed; all of it is cached. */
export async function resolveImages(cache: Cache, request: ImageRequest, options: FetchOptions): Promise<BootImages> {
  await checkReadable('agent', request.agent, 'build it with `npm run build`');
  if (request.initrd !== undefined) await checkReadable('initrd', request.initrd);
  const arch = request.arch ?? hostArchitecture();
  const [{ kernel, located }, busybox] = await Promise.all([
    resolveKernel(cache, request.kernel ?? 'cloud', arch, options),
    request.initrd === undefined && request.rootFileSystem === undefined ? resolveBusybox(cache, options) : undefined,
  ]);
  const directory = await modulesOf(cache, { kernel, located }, request.modules, options);
  // A kernel may have all it needs built in; where it has not, the agent says so on the console.
  const modules = directory === undefined ? undefined : await readModuleSet(directory);
  await checkKernel(cache, { kernel, located, modules, directory, features: await featuresOf(request) });
  const input: InitramfsInput = { agent: request.agent, modules };
  if (request.rootFileSystem !== undefined) {
    if (modules !== undefined) checkFileSystem(modules, request.rootFileSystem);
    input.mount = mountModules(request.rootFileSystem);
  }
  if (request.initrd !== undefined) input.base = request.initrd;
  if (busybox !== undefined) input.busybox = busybox;
  return { kernel, initrd: await buildInitramfs(cache, input) };
}

/** Fetches a kernel and busybox, whether or not an older one is there; what for machines without a network. */
export async function prefetch(cache: Cache, flavour: Flavour, options: FetchOptions): Promise<UnpackedPackage> {
  const kernel = await fetchPackage(cache, kernelPackage(flavour), { ...options, finish: finishKernel });
  await fetchPackage(cache, BUSYBOX_PACKAGE, { ...options, finish: finishBusybox });
  await resolveKernel(cache, flavour, hostArchitecture(), options);
  return kernel;
}

async function findOrFetch(cache: Cache, name: string, options: FetchOptions): Promise<UnpackedPackage> {
  const found = await findPackage(cache, name);
  if (found !== undefined) return found;
  try {
    return await fetchPackage(cache, name, options);
  } catch (cause) {
    if (!(cause instanceof VmtestError) || cause.code !== 'VMTEST_FETCH') throw cause;
    const advice = 'run `vmtest images fetch` where there is a network, or give --kernel and --initrd';
    throw new VmtestError('VMTEST_FETCH', `${cause.message}; ${advice}`, { cause });
  }
}

interface ResolvedKernel {
  located: LocatedKernel;
  kernel: Kernel;
}

async function resolveKernel(
  cache: Cache,
  name: string,
  arch: Architecture,
  options: FetchOptions,
): Promise<ResolvedKernel> {
  if (!isFlavour(name)) {
    const located = await locateKernel(cache, name, { ...options, arch });
    return { located, kernel: await prepareKernel(cache, located.image, { arch, label: located.label }) };
  }
  const unpacked = await findOrFetch(cache, kernelPackage(name), { ...options, finish: finishKernel });
  const release = unpacked.package.replace('linux-image-', '');
  const image = join(unpacked.root, 'boot', `vmlinuz-${release}`);
  // Written by finishKernel: the package is never changed, so the file need not be hashed on each run.
  const digest = await readFile(join(dirname(unpacked.root), 'vmlinuz.sha256'), 'utf8');
  return { located: { image, label: image, release }, kernel: await prepareKernel(cache, image, { arch, digest }) };
}

async function resolveBusybox(cache: Cache, options: FetchOptions) {
  const unpacked = await findOrFetch(cache, BUSYBOX_PACKAGE, { ...options, finish: finishBusybox });
  const applets = await readFile(join(dirname(unpacked.root), 'applets'), 'utf8');
  return { path: await busyboxIn(unpacked.root), applets: applets.split('\n').filter((applet) => applet !== '') };
}

/** The `lib/modules/RELEASE` of a kernel, ready to be read; undefined when there is none. */
async function modulesOf(
  cache: Cache,
  { kernel, located }: ResolvedKernel,
  named: string | undefined,
  options: FetchOptions,
): Promise<string | undefined> {
  if (named !== undefined) return readyModules(cache, named, options);
  const own = await located.modules?.(kernel.release);
  const release = kernel.release ?? located.release;
  if (own !== undefined || release === undefined) return own;
  const found = await findModules(located.image, release);
  return found === undefined ? undefined : readyModules(cache, found, options);
}

/** With the compression of the user's initial RAM file system, which the kernel unpacks. */
async function featuresOf({ features = [], initrd }: ImageRequest): Promise<readonly Feature[]> {
  if (initrd === undefined) return features;
  await using file = await open(initrd);
  const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0);
  const compression = compressionOf(buffer);
  return compression === undefined ? features : [...features, compression];
}

async function checkReadable(what: string, path: string, advice?: string): Promise<void> {
  const fail = (reason: string, cause?: unknown) => {
    const hint = advice === undefined ? '' : `; ${advice}`;
    return new VmtestError(
      what === 'agent' ? 'VMTEST_INSTALLATION' : 'VMTEST_BAD_INPUT',
      `${what} ${path}: ${reason}${hint}`,
      { cause },
    );
  };
  const status = await stat(path).catch((cause: unknown) => {
    throw fail(reasonOf(cause), cause);
  });
  if (status.isDirectory()) throw fail('is a directory');
  if (status.size === 0) throw fail('is empty');
  await access(path, constants.R_OK).catch((cause: unknown) => {
    throw fail(reasonOf(cause), cause);
  });
}
