/** The initial RAM file system of a guest: the agent, the modules that reach it, and busybox. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VmtestError } from '../errors.js';
import { type Cache, cached, keyOf } from './cache.js';
import { type CpioEntry, encodeCpio, padding } from './cpio.js';
import { fileDigest } from './digest.js';
import {
  checkNeeded,
  EAGER_MODULES,
  inLoadOrder,
  LAZY_MODULES,
  type ModuleFile,
  type ModuleSet,
  readModule,
} from './modules.js';
import { reasonOf } from './reason.js';

export interface InitramfsInput {
  /** Static `vmtest-agent`. */
  agent: string;
  modules: ModuleSet | undefined;
  /** More modules to load eagerly: those that mount the root. */
  mount?: readonly string[];
  /** More modules to load eagerly: those that the user named. */
  load?: readonly string[];
  /** The user's own archive; busybox is then his business. */
  base?: string;
  /** Static busybox and the paths of its applets, like `bin/sh`; needed where there is neither a `base` nor another root. */
  busybox?: { path: string; applets: readonly string[] };
  /** Digests that are known already, by path. */
  digests?: ReadonlyMap<string, string>;
}

/** Part of every key: raise it when the same input is to give another archive. */
const FORMAT = 1;
const ARCHIVE = 'initramfs.cpio';

const text = (data: string): CpioEntry => ({ type: 'file', data: Buffer.from(data) });

/** The path of the archive in the cache. */
export async function buildInitramfs(cache: Cache, input: InitramfsInput): Promise<string> {
  const digest = async (what: string, path: string): Promise<string> =>
    input.digests?.get(path) ??
    fileDigest(cache, path).catch((cause: unknown) => {
      throw new VmtestError('VMTEST_BAD_INPUT', `${what} ${path}: ${reasonOf(cause)}`, { cause });
    });
  if (input.modules !== undefined) checkNeeded(input.modules);
  const more = [...(input.mount ?? []), ...(input.load ?? [])];
  const eager = input.modules === undefined ? [] : inLoadOrder(input.modules, [...EAGER_MODULES, ...more]);
  // A base image has its own lib/modules, which must stay as it is; behind another root ours are out of sight.
  const noModprobe = input.base !== undefined || input.mount !== undefined;
  const loaded = new Set(eager.map(({ name }) => name));
  const all = noModprobe || input.modules === undefined ? [] : inLoadOrder(input.modules, LAZY_MODULES);
  const lazy = all.filter(({ name }) => !loaded.has(name));
  const digests = (modules: readonly ModuleFile[]) =>
    Promise.all(modules.map(async ({ name, path }) => [name, await digest('module', path)]));
  const key = keyOf(
    FORMAT,
    await digest('agent', input.agent),
    input.base === undefined ? null : await digest('initrd', input.base),
    input.busybox === undefined ? null : [await digest('busybox', input.busybox.path), input.busybox.applets],
    await digests(eager),
    await digests(lazy),
    input.modules?.release ?? null,
  );
  const make = async (scratch: string): Promise<void> => {
    const tree = new Map<string, CpioEntry>();
    await addAgent(tree, input.agent, eager);
    if (input.base === undefined) await addUserland(tree, input);
    if (input.modules !== undefined && lazy.length > 0) await addLazyModules(tree, input.modules, lazy);
    const base =
      input.base === undefined ? [] : await readFile(input.base).then((data) => [data, padding(data.length)]);
    await writeFile(join(scratch, ARCHIVE), [...base, ...encodeCpio(tree)]);
  };
  return join(await cached(cache, 'initramfs', key, make, ARCHIVE), ARCHIVE);
}

async function addAgent(tree: Map<string, CpioEntry>, agent: string, eager: readonly ModuleFile[]): Promise<void> {
  tree.set('vmtest/agent', { type: 'file', data: await readFile(agent), mode: 0o755 });
  const list: string[] = [];
  for (const module of eager) {
    const path = `vmtest/modules/${module.name}.ko`;
    tree.set(path, { type: 'file', data: await readModule(module.path) });
    list.push(`/${path}`);
  }
  tree.set('vmtest/modules.list', text(list.map((path) => `${path}\n`).join('')));
}

async function addUserland(tree: Map<string, CpioEntry>, input: InitramfsInput): Promise<void> {
  for (const name of ['dev', 'proc', 'sys', 'run', 'mnt', 'etc', 'root']) tree.set(name, { type: 'directory' });
  tree.set('root', { type: 'directory', mode: 0o700 });
  tree.set('tmp', { type: 'directory', mode: 0o1777 });
  tree.set('dev/console', { type: 'character-device', major: 5, minor: 1 });
  tree.set('dev/null', { type: 'character-device', major: 1, minor: 3, mode: 0o666 });
  tree.set('init', { type: 'symlink', target: '/vmtest/agent' });
  tree.set('etc/passwd', text('root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'));
  tree.set('etc/group', text('root:x:0:\nnogroup:x:65534:\n'));
  tree.set('etc/hostname', text('vmtest\n'));
  tree.set('etc/hosts', text('127.0.0.1 localhost vmtest\n::1 localhost\n'));
  tree.set('etc/os-release', text('NAME="vmtest guest"\nID=vmtest\nPRETTY_NAME="vmtest guest"\n'));
  if (input.busybox === undefined) return;
  for (const applet of input.busybox.applets) tree.set(applet, { type: 'symlink', target: '/bin/busybox' });
  tree.set('bin/busybox', { type: 'file', data: await readFile(input.busybox.path), mode: 0o755 });
}

/** For busybox's modprobe, which the kernel calls: `request_module` gives an alias like `fs-ext4`. */
async function addLazyModules(
  tree: Map<string, CpioEntry>,
  set: ModuleSet,
  lazy: readonly ModuleFile[],
): Promise<void> {
  const root = `lib/modules/${set.release}`;
  const names = new Set(lazy.map(({ name }) => name));
  const file = (name: string): string => `kernel/${name}.ko`;
  for (const { name, path } of lazy) tree.set(`${root}/${file(name)}`, { type: 'file', data: await readModule(path) });
  const dependencies = lazy.map(({ name, needs }) => {
    const needed = needs.filter((need) => names.has(need)).map((need) => ` ${file(need)}`);
    return `${file(name)}:${needed.join('')}\n`;
  });
  const aliases = set.aliases.filter((line) => names.has((line.split(' ').at(-1) ?? '').replaceAll('-', '_')));
  tree.set(`${root}/modules.dep`, text(dependencies.join('')));
  tree.set(`${root}/modules.alias`, text(aliases.map((line) => `${line}\n`).join('')));
}
