/** From what the user asked for to the two files that a guest boots from. */
import { constants } from 'node:fs';
import { access, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { VmtestError } from '../errors.js';
import { type Cache, exists } from './cache.js';
import { type FetchOptions, fetchPackage, findPackage, runTool, type UnpackedPackage } from './debian.js';
import { sha256 } from './digest.js';
import { buildInitramfs, type InitramfsInput } from './initramfs.js';
import { type Kernel, prepareKernel, reasonOf } from './kernel.js';
import { findModules, readModuleSet } from './modules.js';

/** Debian's kernels: `cloud` is small and made for guests, `generic` has every driver. */
export type Flavour = 'cloud' | 'generic';
export const FLAVOURS: readonly Flavour[] = ['cloud', 'generic'];

const KERNEL_PACKAGES: Readonly<Record<Flavour, string>> = {
  cloud: 'linux-image-cloud-amd64',
  generic: 'linux-image-amd64',
};
const BUSYBOX_PACKAGE = 'busybox-static';

export interface ImageRequest {
  /** Path of a bzImage or vmlinux, or a flavour of Debian's. Default: `cloud`. */
  kernel?: string | undefined;
  /** Path of an initial RAM file system that the agent is added to. Default: our own. */
  initrd?: string | undefined;
  /** `lib/modules/RELEASE` of the kernel. Default: searched beside the kernel, then on the host. */
  modules?: string | undefined;
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
  const [kernel, busybox] = await Promise.all([
    resolveKernel(cache, request.kernel ?? 'cloud', options),
    request.initrd === undefined ? resolveBusybox(cache, options) : undefined,
  ]);
  const modules = await modulesOf(kernel, request.modules);
  const input: InitramfsInput = { agent: request.agent, modules };
  if (request.initrd !== undefined) input.base = request.initrd;
  if (busybox !== undefined) input.busybox = busybox;
  return { kernel, initrd: await buildInitramfs(cache, input) };
}

/** Fetches a kernel and busybox, whether or not an older one is there; what for machines without a network. */
export async function prefetch(cache: Cache, flavour: Flavour, options: FetchOptions): Promise<UnpackedPackage> {
  const kernel = await fetchPackage(cache, KERNEL_PACKAGES[flavour], { ...options, finish: finishKernel });
  await fetchPackage(cache, BUSYBOX_PACKAGE, { ...options, finish: finishBusybox });
  await resolveKernel(cache, flavour, options);
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

async function resolveKernel(cache: Cache, kernel: string, options: FetchOptions): Promise<Kernel> {
  if (!isFlavour(kernel)) return prepareKernel(cache, kernel);
  const unpacked = await findOrFetch(cache, KERNEL_PACKAGES[kernel], { ...options, finish: finishKernel });
  const release = unpacked.package.replace('linux-image-', '');
  // Written by finishKernel: the package is never changed, so the file need not be hashed on each run.
  const digest = await readFile(join(dirname(unpacked.root), 'vmlinuz.sha256'), 'utf8');
  return prepareKernel(cache, join(unpacked.root, 'boot', `vmlinuz-${release}`), digest);
}

async function resolveBusybox(cache: Cache, options: FetchOptions) {
  const unpacked = await findOrFetch(cache, BUSYBOX_PACKAGE, { ...options, finish: finishBusybox });
  const applets = await readFile(join(dirname(unpacked.root), 'applets'), 'utf8');
  return { path: await busyboxIn(unpacked.root), applets: applets.split('\n').filter((applet) => applet !== '') };
}

async function modulesOf(kernel: Kernel, directory: string | undefined) {
  if (directory !== undefined) return readModuleSet(directory);
  const found = kernel.release === undefined ? undefined : await findModules(kernel.label, kernel.release);
  // A kernel may have all it needs built in; where it has not, the agent says so on the console.
  return found === undefined ? undefined : readModuleSet(found);
}

/** `dpkg -x` brings no modules.dep: the package's scripts would have made it. */
async function finishKernel(root: string): Promise<void> {
  for (const release of await readdir(join(root, 'lib/modules'))) {
    await runTool(release, 'depmod', ['-b', root, release]);
    await writeFile(join(dirname(root), 'vmlinuz.sha256'), await sha256(join(root, 'boot', `vmlinuz-${release}`)));
  }
}

/** The list of applets is asked for once: running busybox on each start would cost a process. */
async function finishBusybox(root: string): Promise<void> {
  const applets = await runTool(BUSYBOX_PACKAGE, await busyboxIn(root), ['--list-full']);
  const links = applets.split('\n').filter((applet) => applet !== '' && applet !== 'bin/busybox');
  await writeFile(join(dirname(root), 'applets'), `${links.join('\n')}\n`);
}

/** Debian moved it with the merge of /bin and /usr/bin. */
async function busyboxIn(root: string): Promise<string> {
  const old = join(root, 'bin/busybox');
  return (await exists(old)) ? old : join(root, 'usr/bin/busybox');
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
