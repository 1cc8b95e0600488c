/** A kernel that the user named: found, unpacked, and compared with what the guest needs. */
import { open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { VmtestError } from '../errors.js';
import type { Cache } from './cache.js';
import { type FetchOptions, fetchPackage, findPackage, type UnpackedPackage } from './debian.js';
import { compressionOf } from './decompress.js';
import type { Architecture } from './kernels/architecture.js';
import { checkKernel } from './kernels/check-kernel.js';
import { type Kernel, prepareKernel } from './kernels/kernel.js';
import { locateKernel } from './kernels/locate.js';
import type { LocatedKernel } from './kernels/located.js';
import { readyModules } from './kernels/module-tree.js';
import type { Feature } from './kernels/requirements.js';
import { findModules } from './modules.js';
import { type Flavour, finishKernel, isFlavour, kernelPackage } from './packages.js';
import type { ImageRequest, KernelToBoot } from './resolve.js';

export interface UserKernelRequest extends ImageRequest {
  kernel: string;
  arch: Architecture;
}

export async function userKernel(
  cache: Cache,
  request: UserKernelRequest,
  options: FetchOptions,
): Promise<KernelToBoot> {
  const resolved = await resolveKernel(cache, request.kernel, request.arch, options);
  const directory = await modulesOf(cache, resolved, request.modules, options);
  const features = await featuresOf(request);
  return {
    kernel: resolved.kernel,
    directory,
    check: (modules) => checkKernel(cache, { ...resolved, modules, directory, features }),
  };
}

/** Fetches a kernel, whether or not an older one is there; what for machines without a network. */
export async function prefetch(
  cache: Cache,
  flavour: Flavour,
  arch: Architecture,
  options: FetchOptions,
): Promise<UnpackedPackage> {
  const kernel = await fetchPackage(cache, kernelPackage(flavour, arch), { ...options, arch, finish: finishKernel });
  await resolveKernel(cache, flavour, arch, options);
  return kernel;
}

async function findOrFetch(cache: Cache, name: string, options: FetchOptions): Promise<UnpackedPackage> {
  const found = await findPackage(cache, name, options.arch);
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
  const unpacked = await findOrFetch(cache, kernelPackage(name, arch), { ...options, arch, finish: finishKernel });
  const release = unpacked.package.replace('linux-image-', '');
  const image = join(unpacked.root, 'boot', `vmlinuz-${release}`);
  // Written by finishKernel: the package is never changed, so the file need not be hashed on each run.
  const digest = await readFile(join(dirname(unpacked.root), 'vmlinuz.sha256'), 'utf8');
  return { located: { image, label: image, release }, kernel: await prepareKernel(cache, image, { arch, digest }) };
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
