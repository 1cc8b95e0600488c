/** An image by its name: out of the store, pulled, or made for it. */
import { VmtestError } from '../../errors.js';
import type { ImageSource } from '../../installation.js';
import type { Cache } from '../cache.js';
import type { FetchOptions } from '../debian.js';
import type { Architecture } from '../kernels/architecture.js';
import { findImage, type StoredImage } from '../store/images.js';

export interface EnsureOptions extends FetchOptions {
  /** For npm's settings. Default: this process's. */
  env?: NodeJS.ProcessEnv;
}

/**
 * The image, verified. Throws `VMTEST_BAD_INPUT` for a name that neither the store nor a recipe has, `VMTEST_IMAGE`
 * when what was pulled is not what it says it is, and `VMTEST_FETCH` where it can be neither pulled nor made.
 */
export async function ensureImage(
  cache: Cache,
  { name, arch }: { name: string; arch: Architecture },
  source: ImageSource,
  options: EnsureOptions,
): Promise<StoredImage> {
  const found = await findImage(cache, name, arch);
  if (found !== undefined) return found;
  // Loaded only when it is wanted: most runs find their image.
  const { getImage } = await import('./get-image.js');
  await getImage(cache, { name, arch }, source, options);
  const made = await findImage(cache, name, arch);
  if (made !== undefined) return made;
  throw new VmtestError('VMTEST_CACHE', `image ${name}: was made, but the cache ${cache.root} does not have it`);
}
