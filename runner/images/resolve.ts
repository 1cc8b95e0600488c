/** From what the user asked for to the two files that a guest boots from. */
import { constants } from 'node:fs';
import { access, open, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { VmtestError } from '../errors.js';
import type { Cache } from './cache.js';
import { type FetchOptions, fetchPackage, findPackage, type UnpackedPackage } from './debian.js';
import { compressionOf } from './decompress.js';
import type { GuestImage } from './guest-image.js';
import { buildInitramfs, type InitramfsInput } from './initramfs.js';
import { type Architecture, hostArchitecture } from './kernels/architecture.js';
import { badKernel } from './kernels/bad-kernel.js';
import { checkKernel } from './kernels/check-kernel.js';
import { type Kernel, prepareKernel } from './kernels/kernel.js';
import { locateKernel } from './kernels/locate.js';
import type { LocatedKernel } from './kernels/located.js';
import { readyModules } from './kernels/module-tree.js';
import type { Feature } from './kernels/requirements.js';
import { checkFileSystem, findModules, type ModuleSet, mountModules, readModuleSet } from './modules.js';
import { FLAVOURS, type Flavour, finishKernel, kernelPackage } from './packages.js';
import { reasonOf } from './reason.js';

export interface ImageRequest {
  /** Gives what the others do not: the kernel with its modules, and busybox. */
  image?: GuestImage | undefined;
  /**
   * Path of a kernel, of a Debian or RPM package, of a build tree, or of a directory with `boot/` and
   * `lib/modules/`; or a flavour of Debian's. Default: that of `image`.
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
  await checkFiles(request);
  const { kernel, directory, check } = await kernelOf(cache, request, options);
  // A kernel may have all it needs built in; where it has not, the agent says so on the console.
  const modules = directory === undefined ? undefined : await readModuleSet(directory);
  await check?.(modules);
  const input: InitramfsInput = { agent: request.agent, modules };
  if (request.rootFileSystem !== undefined) {
    if (modules !== undefined) checkFileSystem(modules, request.rootFileSystem);
    input.mount = mountModules(request.rootFileSystem);
  } else if (request.initrd === undefined) {
    input.busybox = busyboxOf(request.image);
  }
  if (request.initrd !== undefined) input.base = request.initrd;
  return { kernel, initrd: await buildInitramfs(cache, input) };
}

/** Fetches a kernel, whether or not an older one is there; what for machines without a network. */
export async function prefetch(cache: Cache, flavour: Flavour, options: FetchOptions): Promise<UnpackedPackage> {
  const kernel = await fetchPackage(cache, kernelPackage(flavour), { ...options, finish: finishKernel });
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
    const advice = 'run `vmtest images fetch --flavour FLAVOUR` where there is a network, or give --kernel a file';
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

function busyboxOf(image: GuestImage | undefined): NonNullable<GuestImage['busybox']> {
  if (image?.busybox !== undefined) return image.busybox;
  const what = image === undefined ? 'no image' : `the image ${image.name}, which has no busybox`;
  throw new VmtestError(
    'VMTEST_BAD_INPUT',
    `nothing to run programs from: there is ${what}, no --root and no --initrd`,
  );
}

interface KernelToBoot {
  kernel: Kernel;
  /** Its `lib/modules/RELEASE`. */
  directory: string | undefined;
  /** Compares its configuration with what the guest needs. */
  check?: (modules: ModuleSet | undefined) => Promise<void>;
}

async function kernelOf(cache: Cache, request: ImageRequest, options: FetchOptions): Promise<KernelToBoot> {
  const arch = request.arch ?? hostArchitecture();
  const { image } = request;
  if (request.kernel !== undefined) {
    const resolved = await resolveKernel(cache, request.kernel, arch, options);
    const directory = await modulesOf(cache, resolved, request.modules, options);
    const features = await featuresOf(request);
    return {
      kernel: resolved.kernel,
      directory,
      check: (modules) => checkKernel(cache, { ...resolved, modules, directory, features }),
    };
  }
  if (image === undefined) throw new VmtestError('VMTEST_BAD_INPUT', 'neither an image nor a kernel was given');
  const { path, sha256 } = image.kernel;
  const kernel = await prepareKernel(cache, path, { arch, digest: sha256, label: `of the image ${image.name}` });
  const named = request.modules;
  return { kernel, directory: named === undefined ? image.modules : await readyModules(cache, named, options) };
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

/** What is wrong with the user's own files is told before anything is fetched. Throws `VMTEST_BAD_INPUT`. */
export async function checkFiles({ agent, initrd, kernel }: ImageRequest): Promise<void> {
  await checkReadable('agent', agent, 'build it with `npm run build`');
  if (initrd !== undefined) await checkReadable('initrd', initrd);
  if (kernel === undefined || isFlavour(kernel)) return;
  await stat(kernel).catch((cause: unknown) => {
    throw badKernel(kernel, reasonOf(cause), cause);
  });
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
