/** `vmtest images fetch`: fills the cache for runs where there is no network. */
import { createCleanup } from '../cleanup.js';
import { cacheRoot } from '../images/cache.js';
import type { Flavour } from '../images/packages.js';
import { prefetch } from '../images/resolve.js';

export async function imagesFetch(flavours: readonly Flavour[], signal: AbortSignal): Promise<number> {
  await using cleanup = createCleanup();
  const cache = { root: cacheRoot(process.env), cleanup };
  for (const flavour of flavours) {
    const onProgress = (message: string) => void process.stderr.write(`vmtest: ${message}\n`);
    const kernel = await prefetch(cache, flavour, { signal, onProgress });
    process.stdout.write(`${flavour}: ${kernel.package} ${kernel.version}\n`);
  }
  return 0;
}
