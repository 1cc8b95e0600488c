/**
 * Makes an image out of Debian's packages, for any architecture, without running a program of it.
 *
 * Equal packages and an equal agent give an equal image: its files are copies, its lists are sorted, and
 * nothing says when or where it was made.
 */
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Cache, withScratch } from '../cache.js';
import { type FetchOptions, fetchPackage } from '../debian.js';
import { type Architecture, hostArchitecture } from '../kernels/architecture.js';
import { BUSYBOX_PACKAGE, busyboxIn, finishBusybox, finishKernel, kernelPackage } from '../packages.js';
import { putImage } from '../store/images.js';
import type { ManifestPart, ManifestRoles } from '../store/manifest.js';
import { buildDebianRoot } from './debian-root.js';
import { agentPart, debianPart, describeFiles } from './describe.js';
import type { DebianRoot, Recipe } from './recipe.js';
import { stageModules } from './stage-modules.js';

export interface BuildInput {
  recipe: Recipe;
  arch: Architecture;
  /** Static `vmtest-agent` of that architecture, and its version. */
  agent: string;
  version: string;
}

/** What a kind of root adds to the image. */
interface Userland {
  roles: Partial<ManifestRoles>;
  parts: ManifestPart[];
}

/** Makes the image and stores it; returns the digest of its manifest. */
export async function buildImage(cache: Cache, input: BuildInput, options: FetchOptions): Promise<string> {
  const { recipe, arch } = input;
  const kernelName = kernelPackage(recipe.kernel, arch);
  const kernel = await fetchPackage(cache, kernelName, { ...options, arch, finish: finishKernel });
  const release = kernel.package.replace('linux-image-', '');
  return withScratch(cache, async (scratch) => {
    const staging = join(scratch, 'image');
    await mkdir(staging);
    await copyFile(join(kernel.root, 'boot', `vmlinuz-${release}`), join(staging, 'kernel'));
    await copyFile(input.agent, join(staging, 'agent'));
    await stageModules(join(kernel.root, 'lib/modules', release), join(staging, 'modules', release));
    const { root } = recipe;
    const userland =
      root.kind === 'busybox'
        ? await stageBusybox(cache, staging, arch, options)
        : await stageDebian({ root, label: recipe.name, staging, scratch, arch, kernelRoot: kernel.root }, options);
    const files = await describeFiles(staging);
    const manifest = {
      schema: 1 as const,
      name: recipe.name,
      version: recipe.version,
      arch,
      kernelRelease: release,
      roles: { kernel: 'kernel', agent: 'agent', modules: `modules/${release}`, ...userland.roles },
      files,
      parts: [debianPart(kernel), agentPart(input.version), ...userland.parts],
    };
    return await putImage(cache, manifest, new Map(files.map(({ path }) => [path, join(staging, path)])));
  });
}

async function stageBusybox(
  cache: Cache,
  staging: string,
  arch: Architecture,
  options: FetchOptions,
): Promise<Userland> {
  // Its list of applets is asked of the host's: a program of another architecture is not run.
  const own = await fetchPackage(cache, BUSYBOX_PACKAGE, { ...options, finish: finishBusybox });
  const busybox = arch === hostArchitecture() ? own : await fetchPackage(cache, BUSYBOX_PACKAGE, { ...options, arch });
  await copyFile(await busyboxIn(busybox.root), join(staging, 'busybox'));
  await copyFile(join(dirname(own.root), 'applets'), join(staging, 'applets'));
  return { roles: { busybox: 'busybox', applets: 'applets' }, parts: [debianPart(busybox)] };
}

interface DebianInput {
  root: DebianRoot;
  label: string;
  staging: string;
  scratch: string;
  arch: Architecture;
  kernelRoot: string;
}

async function stageDebian({ staging, ...input }: DebianInput, options: FetchOptions): Promise<Userland> {
  const packages = await buildDebianRoot(join(staging, 'root.img'), input, options);
  return {
    roles: { root: { path: 'root.img', fstype: 'squashfs' } },
    parts: packages.map((stanza) =>
      debianPart({
        package: stanza.get('Package') ?? '',
        version: stanza.get('Version') ?? '',
        source: stanza.get('Source'),
      }),
    ),
  };
}
