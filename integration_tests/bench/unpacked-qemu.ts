/**
 * QEMU of Debian for arm64 with its libraries, for the lab's outer guest of that architecture: a user land that has none, and no
 * network to install it from. Nothing is installed: the packages come through vmtest's own cache, each checked against its digest.
 */
import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cleanup } from '../../runner/cleanup.js';
import { aptOptions } from '../../runner/images/apt.js';
import { type Cache, cacheRoot, exists } from '../../runner/images/cache.js';
import { fetchPackage, parseStanza } from '../../runner/images/debian.js';
import { runTool } from '../../runner/images/run-tool.js';
import { findPackageRoot } from '../../runner/installation.js';

const PACKAGE = 'qemu-system-arm';
const PROGRAM = 'qemu-system-aarch64';
const LIBRARY_FOLDERS = ['lib/aarch64-linux-gnu', 'usr/lib/aarch64-linux-gnu'];

/** The C library goes with the dynamic loader, which is the user land's. */
const OF_USER_LAND = 'libc6';

const arch = 'aarch64';
const onProgress = (message: string): void => void process.stderr.write(`bench: ${message}\n`);

/** With the folder of its libraries, where the user land has none for it. */
export interface Program {
  path: string;
  libraries?: string;
}

export const unpackedQemu = (folder: string): Program => ({
  path: join(folder, PROGRAM),
  libraries: join(folder, 'lib'),
});

/** Makes the folder for `unpackedQemu`, once: it stays as it is until someone removes it. */
export async function unpackQemu(cleanup: Cleanup): Promise<string> {
  const folder = join(findPackageRoot(), `build/${PROGRAM}`);
  if (await exists(folder)) return folder;
  const cache: Cache = { root: cacheRoot(process.env), cleanup };
  const scratch = `${folder}.${process.pid}`;
  cleanup.defer(() => rm(scratch, { recursive: true, force: true }));
  await mkdir(join(scratch, 'lib'), { recursive: true });
  for (const name of await librariesOf(cache)) {
    const { root } = await fetchPackage(cache, name, { arch, onProgress });
    for (const place of LIBRARY_FOLDERS) await copyLibraries(join(root, place), join(scratch, 'lib'));
  }
  const { root } = await fetchPackage(cache, PACKAGE, { arch, onProgress });
  await cp(join(root, 'usr/bin', PROGRAM), join(scratch, PROGRAM));
  await rename(scratch, folder);
  return folder;
}

/**
 * The packages of what the program is linked with, and of what these are linked with. A guest with a kernel and no card needs no
 * firmware (qemu-system-data), and one that nobody looks at no display (qemu-system-common).
 */
async function librariesOf(cache: Cache): Promise<string[]> {
  const apt = await aptOptions(cache, arch, {});
  const stanza = parseStanza(await runTool(PACKAGE, 'apt-cache', [...apt, 'show', '--no-all-versions', PACKAGE]));
  const direct = namesOf((stanza.get('Depends') ?? '').matchAll(/(?:^|, )([^\s,]+)/g));
  const simulated = await runTool(PACKAGE, 'apt-get', [
    ...apt,
    ...['install', '--simulate', '--no-install-recommends', ...direct],
  ]);
  return namesOf(simulated.matchAll(/^Inst (\S+)/gm));
}

const namesOf = (matches: Iterable<RegExpMatchArray>): string[] =>
  [...matches].map(([, name = '']) => name).filter((name) => name.startsWith('lib') && name !== OF_USER_LAND);

async function copyLibraries(from: string, to: string): Promise<void> {
  if (!(await exists(from))) return;
  for (const name of await readdir(from)) {
    if (name.includes('.so')) await cp(join(from, name), join(to, name), { recursive: true, verbatimSymlinks: true });
  }
}
