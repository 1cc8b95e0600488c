/** Kernel modules for an initial RAM file system: which files, in which order. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { VmtestError } from '../errors.js';
import { exists } from './cache.js';
import { compressionOf, decompress } from './decompress.js';

/** Loaded by the agent before anything else, in this order; panics should be told from the first moment on. */
export const EAGER_MODULES = ['pvpanic-mmio', 'virtio_mmio', 'vmw_vsock_virtio_transport', 'virtio_blk', 'virtio_rng'];
/** Without these no guest can be reached; the others may be missing. */
const NEEDED_MODULES = new Set(['virtio_mmio', 'vmw_vsock_virtio_transport']);
/** Checks the metadata of most file systems. They ask for it by name only, so modules.dep does not lead to it. */
const CHECKSUM_MODULES = ['crc32c_intel', 'crc32c_generic'];
/** What mounts a root of this type, read only under an overlay. */
export const mountModules = (fstype: string): string[] => [...CHECKSUM_MODULES, fstype, 'overlay'];
/** The file system of a directory of the host. */
export const MOUNT_FILE_SYSTEM = '9p';
/** What mounts a directory of the host. */
export const MOUNT_MODULES = ['9pnet_virtio', MOUNT_FILE_SYSTEM];
/** Loaded by the kernel itself when they are asked for, so that a boot without them stays fast. */
export const LAZY_MODULES = [...CHECKSUM_MODULES, 'ext4'];

export interface ModuleFile {
  /** With underscores, as `lsmod` shows it. */
  name: string;
  /** Where it is on the host. */
  path: string;
  /** Names of the modules that must be loaded before, nearest first. */
  needs: readonly string[];
}

/** The modules of one kernel. */
export interface ModuleSet {
  release: string;
  byName: ReadonlyMap<string, ModuleFile>;
  builtin: ReadonlySet<string>;
  /** Lines of `modules.alias`. */
  aliases: readonly string[];
}

const nameOf = (path: string): string =>
  basename(path)
    .replace(/\.ko(?:\.\w+)?$/, '')
    .replaceAll('-', '_');

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

/** Reads what depmod wrote in `lib/modules/RELEASE`. */
export async function readModuleSet(directory: string): Promise<ModuleSet> {
  const read = (name: string) => readFile(join(directory, name), 'utf8');
  const dependencies = await read('modules.dep').catch((cause: unknown) => {
    throw new VmtestError(
      'VMTEST_BAD_INPUT',
      `modules ${directory}: no modules.dep there; run \`depmod -b BASE ${basename(directory)}\``,
      { cause },
    );
  });
  const byName = new Map<string, ModuleFile>();
  for (const line of lines(dependencies)) {
    const [path, needs] = line.split(':');
    if (path === undefined || needs === undefined) continue;
    const needed = needs.split(' ').filter((need) => need !== '');
    byName.set(nameOf(path), { name: nameOf(path), path: join(directory, path), needs: needed.map(nameOf) });
  }
  const builtin = new Set(lines(await read('modules.builtin').catch(() => '')).map(nameOf));
  const aliases = lines(await read('modules.alias').catch(() => ''));
  return { release: basename(directory), byName, builtin, aliases };
}

/** The files of these modules and all they need, each after what it needs. Built-in ones are left out. */
export function inLoadOrder(set: ModuleSet, names: readonly string[]): ModuleFile[] {
  const ordered: ModuleFile[] = [];
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const module = set.byName.get(name);
    if (module === undefined) return;
    // depmod lists every dependency, direct or not, in the reverse order of loading.
    for (const need of [...module.needs].reverse()) visit(need);
    ordered.push(module);
  };
  for (const name of names) visit(name.replaceAll('-', '_'));
  return ordered;
}

/** Throws when a module that every guest needs is neither there nor built in. */
export function checkNeeded(set: ModuleSet): void {
  const missing = [...NEEDED_MODULES].filter((name) => !set.byName.has(name) && !set.builtin.has(name));
  if (missing.length === 0) return;
  throw new VmtestError('VMTEST_BAD_INPUT', `kernel ${set.release}: lacks the module ${missing.join(' and ')}`);
}

/** Throws when the kernel has no driver for the file system of the root. */
export function checkFileSystem(set: ModuleSet, fstype: string): void {
  if (set.byName.has(fstype) || set.builtin.has(fstype)) return;
  throw new VmtestError('VMTEST_BAD_INPUT', `kernel ${set.release}: lacks the module ${fstype}, which mounts the root`);
}

/** Throws when the kernel cannot mount a directory of the host; `kernel` is what the user knows it by. */
export function checkMountModules(set: ModuleSet, kernel: string): void {
  const missing = MOUNT_MODULES.filter((name) => !set.byName.has(name) && !set.builtin.has(name));
  if (missing.length === 0) return;
  const message = `--mount: the kernel ${kernel} lacks ${missing.join(' and ')}, without which it mounts no directory of the host; take one that has it, like --kernel generic`;
  throw new VmtestError('VMTEST_BAD_INPUT', message);
}

/** Throws `VMTEST_BAD_INPUT` when a module to load is neither there nor built in. */
export function checkModules(
  names: readonly string[],
  set: ModuleSet | undefined,
  { kernel, advice }: { kernel: string; advice: string },
): void {
  const has = (name: string): boolean => set?.byName.has(name) === true || set?.builtin.has(name) === true;
  const missing = names.find((name) => !has(name.replaceAll('-', '_')));
  if (missing === undefined) return;
  const where = set === undefined ? 'no modules of it were found; give --modules' : `its modules have no "${missing}"`;
  throw new VmtestError('VMTEST_BAD_INPUT', `--module ${missing}: kernel ${kernel}: ${where}${advice}`);
}

/** A module as finit_module(2) takes it everywhere: not compressed. */
export async function readModule(path: string): Promise<Uint8Array> {
  const data = await readFile(path);
  const compression = compressionOf(data);
  return compression === undefined ? data : decompress(data, compression);
}

/** Where the modules of a kernel may be: beside it as packages lay them out, then where the host keeps its own. */
export async function findModules(kernel: string, release: string): Promise<string | undefined> {
  const beside = dirname(kernel);
  const bases = [join(beside, '..'), join(beside, '../usr'), beside, '/'];
  const candidates = bases.map((base) => join(base, 'lib/modules', release));
  // Fedora keeps a kernel with its modules.
  if (basename(beside) === release) candidates.unshift(beside);
  for (const candidate of candidates) {
    if ((await exists(join(candidate, 'modules.dep'))) || (await exists(join(candidate, 'kernel')))) return candidate;
  }
  return undefined;
}
