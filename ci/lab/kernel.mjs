// The outer guest's kernel: Debian's generic one, which has 9p and KVM, as a package from apt. It is unpacked
// once per package digest into the cache, and appears there whole or not at all.
import { execFile } from 'node:child_process';
import { access, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What init.sh needs; everything these depend on is found by modprobe. Order matters: 9p before the mounts. */
const MODULES = ['virtio_pci', 'virtio_console', 'virtio-rng', '9pnet_virtio', '9p', 'overlay', 'kvm-amd'];

const META_PACKAGE = 'linux-image-amd64';

/**
 * @typedef {{ vmlinuz: string, modules: string[], release: string }} LabKernel
 * Paths; the modules in the order to load them.
 */

/**
 * @param {string} cache folder that may be shared with other processes
 * @param {(line: string) => void} say
 * @returns {Promise<LabKernel>}
 */
export async function ensureKernel(cache, say) {
  const found = await latestPackage();
  if (!found) {
    const cached = (await listCached(cache)).at(-1);
    if (cached) return openCached(join(cache, cached));
    throw new Error(`apt knows no package ${META_PACKAGE}: run "apt-get update" (the lab's kernel is Debian's)`);
  }
  const folder = join(cache, `kernel-${found.name}_${found.version}_${found.sha256.slice(0, 16)}_${layoutVersion}`);
  if (!(await exists(folder))) {
    say(`fetching the outer guest's kernel, ${found.name} ${found.version}`);
    await fetchInto(folder, cache, found.name);
  }
  return openCached(folder);
}

/** Raise it when what is kept in a cache folder changes. */
const layoutVersion = 1;

/** @param {string} cache */
async function listCached(cache) {
  const names = await readdir(cache).catch(() => []);
  return names.filter((name) => name.startsWith('kernel-') && name.endsWith(`_${layoutVersion}`)).sort();
}

/** The concrete package behind the meta package, or null when apt has no lists. */
async function latestPackage() {
  try {
    const { stdout: depends } = await run('apt-cache', ['depends', '--important', META_PACKAGE]);
    const name = /^ *Depends: (linux-image-\S+)$/m.exec(depends)?.[1];
    if (!name) return null;
    const { stdout: record } = await run('apt-cache', ['show', '--no-all-versions', name]);
    const version = /^Version: (\S+)$/m.exec(record)?.[1];
    const sha256 = /^SHA256: ([0-9a-f]{64})$/m.exec(record)?.[1];
    return version && sha256 ? { name, version: version.replaceAll(':', '.'), sha256 } : null;
  } catch {
    return null;
  }
}

/** @type {(folder: string, cache: string, name: string) => Promise<void>} */
async function fetchInto(folder, cache, name) {
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'fetching-'));
  try {
    // apt verifies the package against its signed lists. The sandbox user could not write here.
    await run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', 'download', name], { cwd: work });
    const [deb] = (await readdir(work)).filter((file) => file.endsWith('.deb'));
    if (!deb) throw new Error(`apt-get download ${name} brought no package`);
    const tree = join(work, 'tree');
    await run('dpkg-deb', ['--extract', join(work, deb), tree]);
    await rename(await keepNeeded(tree, join(work, 'kept')), folder);
  } catch (error) {
    // Another process was faster: what it put there is the same.
    if (!(await exists(folder))) throw error;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** @type {(tree: string, kept: string) => Promise<string>} */
async function keepNeeded(tree, kept) {
  await mkdir(join(kept, 'modules'), { recursive: true });
  const [release] = await readdir(join(tree, 'lib/modules'));
  if (!release) throw new Error('the kernel package has no modules');
  await copyFile(join(tree, 'boot', `vmlinuz-${release}`), join(kept, 'vmlinuz'));
  await run('depmod', ['-b', tree, release]);
  // As an ordinary user modprobe is not on the path of some shells: both live in kmod, in the sbin folders.
  const { stdout } = await run('modprobe', ['-d', tree, '-S', release, '--show-depends', '--all', ...MODULES]);
  const order = [...new Set([...stdout.matchAll(/^insmod (\S+)/gm)].map((match) => match[1] ?? ''))];
  for (const path of order) await copyFile(path, join(kept, 'modules', basename(path)));
  await writeFile(join(kept, 'order'), order.map((path) => `${basename(path)}\n`).join(''));
  await writeFile(join(kept, 'release'), `${release}\n`);
  return kept;
}

/** @param {string} folder @returns {Promise<LabKernel>} */
async function openCached(folder) {
  const order = (await readFile(join(folder, 'order'), 'utf8')).split('\n').filter(Boolean);
  const release = (await readFile(join(folder, 'release'), 'utf8')).trim();
  return { vmlinuz: join(folder, 'vmlinuz'), modules: order.map((name) => join(folder, 'modules', name)), release };
}

/** @param {string} path */
function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
