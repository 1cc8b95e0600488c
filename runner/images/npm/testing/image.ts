/** A whole image of a few small files, for tests of what is done with images. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cache } from '../../cache.js';
import { findImage, putImage, type StoredImage } from '../../store/images.js';
import type { Manifest } from '../../store/manifest.js';

export const sha256Of = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

export const FILES: Readonly<Record<string, string>> = {
  agent: 'the agent',
  kernel: `the kernel ${'k'.repeat(300_000)}`,
  'modules/6.1.0-1-amd64/modules.alias': '',
  'modules/6.1.0-1-amd64/modules.dep': '',
};

export function manifestOf(version: string, files: Readonly<Record<string, string>> = FILES): Manifest {
  return {
    schema: 1,
    name: 'micro',
    version,
    arch: 'x86_64',
    kernelRelease: '6.1.0-1-amd64',
    roles: { kernel: 'kernel', agent: 'agent', modules: 'modules/6.1.0-1-amd64' },
    files: Object.entries(files)
      .map(([path, data]) => ({ path, sha256: sha256Of(data), size: Buffer.byteLength(data) }))
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
    parts: [{ name: 'linux', version: '6.1', licence: 'GPL-2.0-only', source: 'https://example.org/linux' }],
  };
}

/** Puts the image `micro` for x86_64 into a store. */
export async function putMicro(cache: Cache, version = '1.0.0', files = FILES): Promise<StoredImage> {
  const directory = await mkdtemp(join(tmpdir(), 'vmtest-image-'));
  try {
    const sources = new Map<string, string>();
    for (const [i, [path, data]] of Object.entries(files).entries()) {
      sources.set(path, join(directory, String(i)));
      await writeFile(join(directory, String(i)), data);
    }
    await putImage(cache, manifestOf(version, files), sources);
  } finally {
    await rm(directory, { recursive: true });
  }
  const image = await findImage(cache, 'micro', 'x86_64', { thorough: true });
  if (image === undefined) throw new Error('the image that was put is not there');
  return image;
}
