/** A small `lib/modules/RELEASE`: what the initial RAM file systems of guests are made of. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  EAGER_MODULES,
  inLoadOrder,
  LAZY_MODULES,
  MOUNT_MODULES,
  mountModules,
  readModule,
  readModuleSet,
} from '../modules.js';

/** File systems that a root may have, on whatever image the kernel is of. */
const ROOT_FILE_SYSTEMS = ['ext4', 'squashfs', 'erofs'];

/** The modules that guests need, unpacked, and the lists that say in which order. */
export async function stageModules(from: string, to: string): Promise<void> {
  const set = await readModuleSet(from);
  const names = [...EAGER_MODULES, ...LAZY_MODULES, ...MOUNT_MODULES, ...ROOT_FILE_SYSTEMS.flatMap(mountModules)];
  const wanted = inLoadOrder(set, names);
  const staged = new Set(wanted.map(({ name }) => name));
  const file = (name: string): string => `kernel/${name}.ko`;
  await mkdir(join(to, 'kernel'), { recursive: true });
  for (const { name, path } of wanted) await writeFile(join(to, file(name)), await readModule(path));
  const dependencies = wanted.map(({ name, needs }) =>
    [`${file(name)}:`, ...needs.filter((need) => staged.has(need)).map(file)].join(' '),
  );
  const aliases = set.aliases.filter((line) => staged.has((line.split(' ').at(-1) ?? '').replaceAll('-', '_')));
  await writeFile(join(to, 'modules.dep'), textOf(dependencies));
  await writeFile(join(to, 'modules.alias'), textOf(aliases));
  await writeFile(join(to, 'modules.builtin'), await readFile(join(from, 'modules.builtin')));
}

const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
