// The store under processes that run at once and processes that are killed: whole builds in a store of their own.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { exitCodeOf, outputOf, root } from './process.mjs';

const VMTEST = ['node', 'dist/cli/vmtest.js', 'images'];
const PATH = [...VMTEST, 'path', 'micro'];
const BUILD = [...VMTEST, 'build', 'micro'];

/** Milliseconds after its start: early, in the middle, and when it may be over. */
const KILL_AFTER = [150, 400, 700, 1000, 1400, 2000];

/** Milliseconds after its start when a build of debian-12, whose kernel is there, unpacks packages. */
const IN_MMDEBSTRAP = 5000;

/**
 * `settle` is told what held and what did not.
 * @param {(what: string, ok: boolean) => void} settle
 */
export async function storeUnderStress(settle) {
  const cache = await mkdtemp(join(tmpdir(), 'vmtest-store-'));
  const env = { VMTEST_CACHE: cache };
  const verifies = async () => (await exitCodeOf([...VMTEST, 'verify'], { env, quiet: true })) === 0;
  try {
    const both = await Promise.all([outputOf(BUILD, env), outputOf(BUILD, env)]);
    settle(`two builds at once give ${both.join(' and ')}`, both[0] !== undefined && both[0] === both[1]);
    settle(
      'two builds at once store one copy',
      (await isExactly(cache, await outputOf(PATH, env))) && (await verifies()),
    );
    for (const delay of KILL_AFTER) {
      await rm(join(cache, 'blobs'), { recursive: true, force: true });
      await rm(join(cache, 'images'), { recursive: true, force: true });
      await endedBuild(['build', 'micro'], env, 'SIGKILL', delay);
      settle(
        `a build killed after ${delay} ms leaves a store that verifies`,
        (await verifies()) && (await blobsAreWhole(cache)),
      );
    }
    // What was killed could not tidy up; the next process does so only when it is old.
    const before = new Set(await readdir(join(cache, 'tmp')));
    await endedBuild(['build', 'debian-12'], env, 'SIGINT', IN_MMDEBSTRAP);
    const left = (await readdir(join(cache, 'tmp'))).filter((name) => !before.has(name));
    settle(`an interrupted build of a root leaves no file, but left: ${left.join(' ')}`, left.length === 0);
    const mounts = await readFile('/proc/self/mounts', 'utf8');
    settle('an interrupted build of a root leaves no mount', !mounts.includes(cache));
    settle('a build after killed ones gives the same', (await outputOf(BUILD, env)) === both[0]);
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}

/**
 * Whether the blobs are those of one image, and nothing half-made is left.
 * @type {(cache: string, manifest: string | undefined) => Promise<boolean>}
 */
async function isExactly(cache, manifest) {
  if (manifest === undefined) return false;
  const { files } = JSON.parse(await readFile(manifest, 'utf8'));
  const wanted = new Set([basename(manifest)]);
  for (const { sha256 } of files) wanted.add(sha256);
  const blobs = await readdir(join(cache, 'blobs'));
  const left = await readdir(join(cache, 'tmp'));
  return left.length === 0 && blobs.length === wanted.size && blobs.every((name) => wanted.has(name));
}

/** @type {(cache: string) => Promise<boolean>} */
async function blobsAreWhole(cache) {
  const directory = join(cache, 'blobs');
  for (const name of await readdir(directory).catch(() => [])) {
    const digest = createHash('sha256')
      .update(await readFile(join(directory, name)))
      .digest('hex');
    if (digest !== name) return false;
  }
  return true;
}

/** @type {(args: string[], env: Record<string, string>, signal: 'SIGINT' | 'SIGKILL', delay: number) => Promise<void>} */
function endedBuild(args, env, signal, delay) {
  return new Promise((resolve) => {
    const [file = '', ...first] = VMTEST;
    const child = spawn(file, [...first, ...args], { cwd: root, env: { ...process.env, ...env }, stdio: 'ignore' });
    const timer = setTimeout(() => child.kill(signal), delay);
    child.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
