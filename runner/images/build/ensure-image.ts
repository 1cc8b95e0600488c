/** An image by its name: out of the store, pulled, or made for it. */
import { VmtestError } from '../../errors.js';
import type { ImageSource } from '../../installation.js';
import type { Cache } from '../cache.js';
import type { FetchOptions } from '../debian.js';
import type { Architecture } from '../kernels/architecture.js';
import { quotedText } from '../printable.js';
import { findImage, type StoredImage } from '../store/images.js';

export interface EnsureOptions extends FetchOptions {
  /** For npm's settings. Default: this process's. */
  env?: NodeJS.ProcessEnv;
}

/**
 * The image, verified. `name` is NAME, or NAME@DIGEST with the first 12 or more digits of its digest, where no other
 * will do. Throws `VMTEST_BAD_INPUT` for a name that neither the store nor a recipe has, `VMTEST_IMAGE` when what was
 * pulled is not what it says it is or the digest is another one, and `VMTEST_FETCH` where it can be neither pulled nor
 * made.
 */
export async function ensureImage(
  cache: Cache,
  wanted: { name: string; arch: Architecture },
  source: ImageSource,
  options: EnsureOptions,
): Promise<StoredImage> {
  const { name, digest } = parseImageName(wanted.name);
  const { arch } = wanted;
  const image =
    (await findImage(cache, name, arch, { digest })) ??
    // Another one of that name is not made anew: it would most likely be a third one.
    (digest === '' ? undefined : await findImage(cache, name, arch)) ??
    (await get(cache, { name, arch }, source, options));
  if (image.digest.startsWith(digest)) return image;
  const message = `image ${name}: the store has ${image.digest.slice(0, digest.length)}, not ${digest}`;
  throw new VmtestError('VMTEST_IMAGE', `${message}; pull or build the one you mean, or leave "@${digest}" out`);
}

const PINNED = /^(.*)@(?:sha256:)?([0-9a-f]{12,64})$/;

/** Throws `VMTEST_BAD_INPUT`. */
export function parseImageName(text: string): { name: string; digest: string } {
  const [, name = text, digest = ''] = PINNED.exec(text) ?? [];
  if (name.includes('@')) {
    const what = `image ${quotedText(text)}: what stands behind "@" is no digest`;
    throw new VmtestError('VMTEST_BAD_INPUT', `${what}; give 12 to 64 hexadecimal digits in lower case`);
  }
  return { name, digest };
}

async function get(
  cache: Cache,
  { name, arch }: { name: string; arch: Architecture },
  source: ImageSource,
  options: EnsureOptions,
): Promise<StoredImage> {
  // Loaded only when it is wanted: most runs find their image.
  const { getImage } = await import('./get-image.js');
  await getImage(cache, { name, arch }, source, options);
  const made = await findImage(cache, name, arch);
  if (made !== undefined) return made;
  throw new VmtestError('VMTEST_CACHE', `image ${name}: was made, but the cache ${cache.root} does not have it`);
}
