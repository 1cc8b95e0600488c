// The images: made twice, verified, and the kernels that the specs boot besides.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { inParallel, outputOf, root, run } from './process.mjs';
import { noCounts } from './reports.mjs';
import { storeUnderStress } from './store.mjs';

/** @typedef {import('./reports.mjs').Counts} Counts */

const IMAGES = ['micro', 'debian-12', 'debian-12-dev'];
const ARCHITECTURES = ['x86_64', 'aarch64'];
const FLAVOURS = ['cloud', 'generic'];
const VMTEST = ['node', 'dist/cli/vmtest.js'];

/** @returns {Promise<Counts>} */
export async function images() {
  const counts = noCounts();
  /** @type {(what: string, ok: boolean) => void} */
  const settle = (what, ok) => {
    if (ok) counts.passed++;
    else counts.failures.push(`images: ${what}`);
  };
  for (const flavour of FLAVOURS) {
    settle(`fetch ${flavour}`, await run([...VMTEST, 'images', 'fetch', '--flavour', flavour]));
  }
  const builds = IMAGES.flatMap((name) => ARCHITECTURES.map((arch) => ({ name, arch })));
  await inParallel(builds, availableParallelism(), async ({ name, arch }) => {
    const first = await build(name, arch);
    settle(`build ${name} for ${arch}`, first !== undefined);
    if (first === undefined) return;
    // The build of the release, on another machine, is as good as a second one here.
    const second = first === (await releasedDigest(name, arch)) ? first : await build(name, arch);
    settle(`a second build of ${name} for ${arch} gives ${second}, the first one ${first}`, second === first);
  });
  await storeUnderStress(settle);
  settle('verify', await run([...VMTEST, 'images', 'verify']));
  return counts;
}

/** @type {(name: string, arch: string) => Promise<string>} */
async function releasedDigest(name, arch) {
  const manifest = await readFile(join(root, 'guest-images', name, `manifest.${arch}.json`));
  return createHash('sha256').update(manifest).digest('hex');
}

/**
 * The digest that it prints.
 * @type {(name: string, arch: string) => Promise<string | undefined>}
 */
async function build(name, arch) {
  const line = await outputOf([...VMTEST, 'images', 'build', name, '--arch', arch]);
  if (line !== undefined) console.log(`images: ${line}`);
  return line?.split(': ')[1];
}
