/**
 * Makes an image out of Debian's packages, for any architecture, without running a program of it.
 *
 * Equal packages and an equal agent give an equal image: its files are copies, its lists are sorted, and
 * nothing says when or where it was made.
 */
import { copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Cache, withScratch } from '../cache.js';
import { type FetchOptions, fetchPackage, type UnpackedPackage } from '../debian.js';
import { sha256 } from '../digest.js';
import { type Architecture, hostArchitecture } from '../kernels/architecture.js';
import { EAGER_MODULES, inLoadOrder, LAZY_MODULES, readModule, readModuleSet } from '../modules.js';
import { BUSYBOX_PACKAGE, busyboxIn, finishBusybox, finishKernel, kernelPackage } from '../packages.js';
import { putImage } from '../store/images.js';
import type { Manifest, ManifestFile, ManifestPart } from '../store/manifest.js';
import type { Recipe } from './recipe.js';

export interface BuildInput {
  recipe: Recipe;
  arch: Architecture;
  /** Static `vmtest-agent` of that architecture, and its version. */
  agent: string;
  version: string;
}

/** Makes the image and stores it; returns the digest of its manifest. */
export async function buildImage(cache: Cache, input: BuildInput, options: FetchOptions): Promise<string> {
  const { recipe, arch } = input;
  const fetch = { ...options, arch };
  const kernel = await fetchPackage(cache, kernelPackage(recipe.kernel, arch), { ...fetch, finish: finishKernel });
  // Its list of applets is asked of the host's: a program of another architecture is not run.
  const finish = arch === hostArchitecture() ? finishBusybox : undefined;
  const busybox = await fetchPackage(cache, BUSYBOX_PACKAGE, finish === undefined ? fetch : { ...fetch, finish });
  const own =
    arch === hostArchitecture()
      ? busybox
      : await fetchPackage(cache, BUSYBOX_PACKAGE, { ...options, arch: hostArchitecture(), finish: finishBusybox });

  return withScratch(cache, async (staging) => {
    const release = kernel.package.replace('linux-image-', '');
    await copyFile(join(kernel.root, 'boot', `vmlinuz-${release}`), join(staging, 'kernel'));
    await copyFile(input.agent, join(staging, 'agent'));
    await copyFile(await busyboxIn(busybox.root), join(staging, 'busybox'));
    await copyFile(join(dirname(own.root), 'applets'), join(staging, 'applets'));
    await stageModules(join(kernel.root, 'lib/modules', release), join(staging, 'modules', release));
    const files = await describeFiles(staging);
    const manifest: Manifest = {
      schema: 1,
      name: recipe.name,
      version: recipe.version,
      arch,
      kernelRelease: release,
      roles: {
        kernel: 'kernel',
        agent: 'agent',
        modules: `modules/${release}`,
        busybox: 'busybox',
        applets: 'applets',
      },
      files,
      parts: [await partOf(kernel), await partOf(busybox), agentPart(input.version)],
    };
    return putImage(cache, manifest, new Map(files.map(({ path }) => [path, join(staging, path)])));
  });
}

/** The modules that guests need, unpacked, and the lists that say in which order: a small `lib/modules/RELEASE`. */
async function stageModules(from: string, to: string): Promise<void> {
  const set = await readModuleSet(from);
  const wanted = inLoadOrder(set, [...EAGER_MODULES, ...LAZY_MODULES]);
  const names = new Set(wanted.map(({ name }) => name));
  const file = (name: string): string => `kernel/${name}.ko`;
  await mkdir(join(to, 'kernel'), { recursive: true });
  for (const { name, path } of wanted) await writeFile(join(to, file(name)), await readModule(path));
  const dependencies = wanted.map(({ name, needs }) =>
    [`${file(name)}:`, ...needs.filter((need) => names.has(need)).map(file)].join(' '),
  );
  const aliases = set.aliases.filter((line) => names.has((line.split(' ').at(-1) ?? '').replaceAll('-', '_')));
  await writeFile(join(to, 'modules.dep'), lines(dependencies));
  await writeFile(join(to, 'modules.alias'), lines(aliases));
  await writeFile(join(to, 'modules.builtin'), await readFile(join(from, 'modules.builtin')));
}

const lines = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join('');

async function describeFiles(root: string): Promise<ManifestFile[]> {
  const entries = await readdir(root, { withFileTypes: true, recursive: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files = paths.map(async (path) => ({
    path: path.slice(root.length + 1),
    sha256: await sha256(path),
    size: (await stat(path)).size,
  }));
  return (await Promise.all(files)).sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Where Debian keeps the source of a package, and where the package says what may be done with it. */
async function partOf(unpacked: UnpackedPackage): Promise<ManifestPart> {
  const [, source = unpacked.package, version = unpacked.version] =
    /^(\S+)(?: \((.+)\))?$/.exec(unpacked.source ?? '') ?? [];
  return {
    name: unpacked.package,
    version: unpacked.version,
    licence: `see usr/share/doc/${basename(unpacked.package)}/copyright of the package`,
    source: `https://sources.debian.org/src/${source}/${version}/`,
  };
}

function agentPart(version: string): ManifestPart {
  return { name: 'vmtest-agent', version, licence: 'MIT', source: 'native/agent of vmtest' };
}
