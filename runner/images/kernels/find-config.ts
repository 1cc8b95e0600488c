/** Where the configuration of a kernel may be. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Cache } from '../cache.js';
import { remembered } from '../digest.js';
import { type KernelConfig, parseConfig } from './config.js';
import { readIkconfig } from './ikconfig.js';
import type { Kernel } from './kernel.js';
import type { LocatedKernel } from './located.js';

/** Undefined when there is none to be had: then nothing is known, which is no fault of the kernel. */
export async function findConfig(
  cache: Cache,
  located: LocatedKernel,
  { path, release }: Kernel,
): Promise<KernelConfig | undefined> {
  const named = located.config === undefined ? [] : [located.config];
  for (const candidate of [...named, ...besideImage(located.image, release ?? located.release)]) {
    const text = await readFile(candidate, 'utf8').catch(() => undefined);
    if (text !== undefined) return parseConfig(text);
  }
  // Looked for in the unpacked kernel, once: a vmlinux for debuggers has hundreds of megabytes.
  const place = ['ikconfigs', 'config'] as const;
  const text = await remembered(cache, place, path, async () => (await readIkconfig(path)) ?? '');
  return text === '' ? undefined : parseConfig(text);
}

/** Debian's place and, for kernels that are kept with their modules, Fedora's. Pure. */
export function besideImage(image: string, release: string | undefined): string[] {
  if (release === undefined) return [];
  const beside = dirname(image);
  const places = [join(beside, `config-${release}`), join(beside, '../lib/modules', release, 'config')];
  return basename(beside) === release ? [join(beside, 'config'), ...places] : places;
}
