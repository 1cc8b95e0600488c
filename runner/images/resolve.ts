/** From what the user asked for to the two files that a guest boots from. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { VmtestError } from '../errors.js';
import type { Cache } from './cache.js';
import type { FetchOptions } from './debian.js';
import type { GuestImage } from './guest-image.js';
import { buildInitramfs, type InitramfsInput } from './initramfs.js';
import { type Architecture, hostArchitecture } from './kernels/architecture.js';
import { badKernel } from './kernels/bad-kernel.js';
import { type Kernel, prepareKernel } from './kernels/kernel.js';
import type { Feature } from './kernels/requirements.js';
import {
  checkFileSystem,
  checkModules,
  checkMountModules,
  MOUNT_MODULES,
  type ModuleSet,
  mountModules,
  readModuleSet,
} from './modules.js';
import { isFlavour } from './packages.js';
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
  /** Modules of the kernel to load before anything runs, each with what it needs. Default: those that reach the guest. */
  load?: readonly string[] | undefined;
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

/** Finds, fetches and makes what is needed; all of it is cached. */
export async function resolveImages(cache: Cache, request: ImageRequest, options: FetchOptions): Promise<BootImages> {
  await checkFiles(request);
  const { kernel, directory, check } = await kernelOf(cache, request, options);
  // A kernel may have all it needs built in; where it has not, the agent says so on the console.
  const modules = directory === undefined ? undefined : await readModuleSet(directory);
  await check?.(modules);
  const input: InitramfsInput = { agent: request.agent, modules };
  const load = [...(request.load ?? [])];
  if (request.load !== undefined) {
    // An image keeps the few that guests start with.
    const advice = request.kernel === undefined ? "; `--kernel cloud` or `generic` has all of Debian's" : '';
    checkModules(request.load, modules, { kernel: kernel.label, advice });
  }
  if (request.features?.includes('mounts') === true) {
    if (modules !== undefined) checkMountModules(modules, kernel.label);
    load.push(...MOUNT_MODULES);
  }
  if (load.length > 0) input.load = load;
  if (request.image !== undefined) input.digests = request.image.digests;
  if (request.rootFileSystem !== undefined) {
    if (modules !== undefined) checkFileSystem(modules, request.rootFileSystem);
    input.mount = mountModules(request.rootFileSystem);
  } else if (request.initrd === undefined) {
    input.busybox = busyboxOf(request.image);
  }
  if (request.initrd !== undefined) input.base = request.initrd;
  return { kernel, initrd: await buildInitramfs(cache, input) };
}

function busyboxOf(image: GuestImage | undefined): NonNullable<GuestImage['busybox']> {
  if (image?.busybox !== undefined) return image.busybox;
  const what = image === undefined ? 'no image' : `the image ${image.name}, which has no busybox`;
  throw new VmtestError(
    'VMTEST_BAD_INPUT',
    `nothing to run programs from: there is ${what}, no --root and no --initrd`,
  );
}

/** Of an image or of the user. */
export interface KernelToBoot {
  kernel: Kernel;
  /** Its `lib/modules/RELEASE`. */
  directory: string | undefined;
  /** Compares its configuration with what the guest needs. */
  check?: (modules: ModuleSet | undefined) => Promise<void>;
}

async function kernelOf(cache: Cache, request: ImageRequest, options: FetchOptions): Promise<KernelToBoot> {
  const { image, kernel: named } = request;
  const arch = request.arch ?? hostArchitecture();
  // Loaded only when it is wanted: most runs boot the kernel of an image.
  if (named !== undefined)
    return (await import('./user-kernel.js')).userKernel(cache, { ...request, kernel: named, arch }, options);
  if (image === undefined) throw new VmtestError('VMTEST_BAD_INPUT', 'neither an image nor a kernel was given');
  const { path, sha256 } = image.kernel;
  const kernel = await prepareKernel(cache, path, { arch, digest: sha256, label: `of the image ${image.name}` });
  const { modules } = request;
  if (modules === undefined) return { kernel, directory: image.modules };
  const { readyModules } = await import('./kernels/module-tree.js');
  return { kernel, directory: await readyModules(cache, modules, options) };
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
