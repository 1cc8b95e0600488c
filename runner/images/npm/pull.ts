/** Fetches an image that was packed (pack.ts) and published, into the store. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { VmtestError } from '../../errors.js';
import { type Cache, withScratch } from '../cache.js';
import type { Architecture } from '../kernels/architecture.js';
import { quotedText } from '../printable.js';
import { putImage } from '../store/images.js';
import { packageName, versionRange } from './package-name.js';
import { readPackage } from './read-package.js';
import { openRegistry } from './registry.js';
import type { SettingsOptions } from './settings.js';

export interface PullInput {
  /** Of the image. */
  name: string;
  arch: Architecture;
  /** Of the recipe: any version of the same major will do. */
  version: string;
}

export interface PullOptions extends SettingsOptions {
  signal?: AbortSignal | undefined;
  /** Says what takes long. */
  onProgress?: ((message: string) => void) | undefined;
}

export type PullOutcome =
  /** It is in the store. `digest` is that of its manifest, `version` that of the package. */
  | { kind: 'pulled'; digest: string; version: string }
  /**
   * There is no such package, or no way to it: no network, no permission, npm's settings are bad. `reason` is one
   * line for people. The image can be built.
   */
  | { kind: 'unavailable'; reason: string };

/**
 * Pulls an image through the user's own npm settings. Whatever happens, the store has all of the image or nothing of
 * it, and nothing outside of the cache is written. Throws `VMTEST_IMAGE` where the package is broken or lies,
 * `VMTEST_CACHE` where the cache cannot be written or is full, and the reason of the signal.
 */
export async function pullImage(cache: Cache, input: PullInput, options: PullOptions = {}): Promise<PullOutcome> {
  try {
    return await pull(cache, input, options);
  } catch (error) {
    if (!(error instanceof VmtestError) || error.code !== 'VMTEST_PULL') throw error;
    return { kind: 'unavailable', reason: error.message };
  }
}

async function pull(cache: Cache, { name, arch, version }: PullInput, options: PullOptions): Promise<PullOutcome> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const range = versionRange(version);
  if (range === undefined) {
    throw new VmtestError('VMTEST_RECIPE', `the version ${quotedText(version)} of ${name} is not MAJOR.MINOR.PATCH`);
  }
  return withScratch(cache, async (scratch) => {
    const registry = await openRegistry(options, signal);
    const found = await registry.lookUp(packageName(name, arch), range);
    onProgress?.(`fetching ${found.spec} from ${registry.host}`);
    const tarball = join(scratch, 'package.tgz');
    await registry.download(found, tarball);
    const blobs = join(scratch, 'blobs');
    await mkdir(blobs);
    const content = await readPackage(tarball, blobs, { name, arch, version: found.version }, signal);
    const { manifest, sources, text } = content;
    const digest = await putImage(cache, manifest, sources, { text, move: true });
    return { kind: 'pulled', digest, version: found.version };
  });
}
