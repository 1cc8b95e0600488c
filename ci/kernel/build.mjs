// From the package of the sources to two build trees.
import { access, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { execute } from './commands.mjs';
import { unmet } from './config.mjs';
import { SOURCE_PACKAGE } from './inputs.mjs';

/** @typedef {import('./commands.mjs').Shop} Shop */

/** Half of the sources, of which no file is compiled here. Kconfig reads its files everywhere, so those stay. */
const UNUSED = [
  '*/Documentation/*/*',
  ...['*/arch/[!x]*', '*/samples', '*/sound'].map((folder) => `${folder}/*.[chS]`),
  ...['gpu', 'infiniband', 'media', 'net', 'scsi', 'staging'].map((drivers) => `*/drivers/${drivers}/*/*.[chS]`),
  ...['perf', 'testing'].map((tool) => `*/tools/${tool}/*`),
  '*.dts',
  '*.dtsi',
];

/** What a tree is known by and booted from; not vmlinux, which is far larger than the bzImage that has it. */
const KEPT = [
  '.config',
  'Kbuild',
  'Kconfig',
  'Makefile',
  'System.map',
  'arch/x86/boot/bzImage',
  'include/config/auto.conf',
  'include/config/kernel.release',
  'modules.builtin',
  'modules.builtin.modinfo',
  'modules.order',
];

/**
 * Makes `builtin` and `modules` in a folder, and nothing else that stays there.
 * @param {object} what
 * @param {string} what.scratch an empty folder for what is on the way
 * @param {string} what.result where the trees go
 * @param {{ required: string, tiny: string, modules: string }} what.fragments of the configuration: what vmtest asks for,
 *   what it takes besides, and what becomes a module
 * @param {AbortSignal} what.signal
 * @param {(line: string) => void} what.say
 */
export async function buildTrees({ scratch, result, fragments, signal, say }) {
  const source = join(scratch, 'linux');
  const log = join(scratch, 'log');
  const shop = { directory: source, log, signal };
  await mkdir(source);
  say(`fetching ${SOURCE_PACKAGE}`);
  await unpack({ ...shop, directory: scratch });

  await execute(shop, ['make', 'tinyconfig']);
  say('compiling: everything built in');
  await make(shop, `${fragments.required}\n${fragments.tiny}`);
  await keep(shop, join(result, 'builtin'));
  say('compiling: modules');
  await make(shop, fragments.modules);
  await keep(shop, join(result, 'modules'));
}

/** @param {Shop} shop whose directory gets the sources as `linux` */
async function unpack(shop) {
  // apt verifies the package against its signed lists. The sandbox user could not write here.
  await execute(shop, ['apt-get', '-qq', '-o', 'APT::Sandbox::User=root', 'download', SOURCE_PACKAGE]);
  const [deb] = (await readdir(shop.directory)).filter((name) => name.endsWith('.deb'));
  if (!deb) throw new Error(`apt-get download ${SOURCE_PACKAGE} brought no package`);
  const script = `dpkg-deb --fsys-tarfile "$1" | tar -xO ./usr/src/${SOURCE_PACKAGE}.tar.xz | xz -dc -T0 |
    tar -x -C linux --strip-components=1 "\${@:2}"`;
  const exclude = UNUSED.map((pattern) => `--exclude=${pattern}`);
  await execute(shop, ['bash', '-euo', 'pipefail', '-c', script, 'unpack', deb, ...exclude]);
}

/** @type {(shop: Shop, fragment: string) => Promise<void>} */
async function make(shop, fragment) {
  await writeFile(join(shop.directory, 'fragment'), fragment);
  // -n: what no fragment names stays off, whatever its default. So the fragments are shown to be enough.
  await execute(shop, ['scripts/kconfig/merge_config.sh', '-n', '.config', 'fragment']);
  const lacking = unmet(await readFile(join(shop.directory, '.config'), 'utf8'), fragment);
  if (lacking.length > 0) {
    throw new Error(`the configuration did not get ${lacking.join(', ')}: something these depend on is off`);
  }
  const ccache = (await has('/usr/bin/ccache')) ? ['CC=ccache gcc'] : [];
  await execute(shop, ['make', `-j${availableParallelism()}`, ...ccache, 'bzImage', 'modules']);
}

/** @type {(shop: Shop, tree: string) => Promise<void>} */
async function keep(shop, tree) {
  await mkdir(tree, { recursive: true });
  const order = await readFile(join(shop.directory, 'modules.order'), 'utf8');
  const modules = order.split('\n').filter(Boolean);
  await execute(shop, ['cp', '--parents', '--preserve=mode,timestamps', ...KEPT, ...modules, tree]);
}

/** @param {string} path */
function has(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
