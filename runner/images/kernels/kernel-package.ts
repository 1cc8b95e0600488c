/** A kernel in a Debian or RPM package, unpacked once in the cache. */
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { VmtestError } from '../../errors.js';
import { byteReader } from '../archives/byte-reader.js';
import { findPayload, type PackageKind, type Payload } from '../archives/package-file.js';
import { unpackInto } from '../archives/unpack.js';
import { type Cache, cached, exists } from '../cache.js';
import { compressionOf, decompressStream } from '../decompress.js';
import { fileDigest } from '../digest.js';
import { badKernel } from './bad-kernel.js';
import { locateInDirectory } from './kernel-directory.js';
import { isRelease, type LocatedKernel, type WorkOptions } from './located.js';
import { depmod } from './module-tree.js';

/** Kernels, configurations and modules, without the links to the sources: they lead out of every package. */
const wanted = (path: string): boolean =>
  /^(?:boot|(?:usr\/)?lib\/modules)(?:\/|$)/.test(path) &&
  !/^(?:usr\/)?lib\/modules\/[^/]+\/(?:build|source)$/.test(path);

export async function locateInPackage(
  cache: Cache,
  path: string,
  kind: PackageKind,
  options: WorkOptions,
): Promise<LocatedKernel> {
  const digest = await fileDigest(cache, path);
  const directory = await cached(cache, 'kernel-packages', digest, async (scratch) => {
    options.onProgress?.(`unpacking ${path}`);
    const root = join(scratch, 'root');
    await mkdir(root);
    await unpackPackage(path, kind, root, options).catch((cause: unknown) => {
      const ours = cause instanceof VmtestError && ['VMTEST_ARCHIVE', 'VMTEST_DECOMPRESS'].includes(cause.code);
      throw ours ? badKernel(path, `the package cannot be unpacked: ${cause.message}`, cause) : cause;
    });
    // The package's scripts would have done it.
    for (const base of [root, join(root, 'usr')]) {
      for (const release of await readdir(join(base, 'lib/modules')).catch(() => [])) {
        const done = await exists(join(base, 'lib/modules', release, 'modules.dep'));
        if (isRelease(release) && !done) await depmod(base, release, options);
      }
    }
  });
  return locateInDirectory(cache, join(directory, 'root'), options, path);
}

async function unpackPackage(path: string, kind: PackageKind, root: string, { signal }: WorkOptions): Promise<void> {
  const file = await open(path);
  let payload: Payload;
  const head = Buffer.alloc(16);
  try {
    payload = await findPayload(file, kind);
    await file.read(head, 0, head.length, payload.offset);
  } finally {
    await file.close();
  }
  const source = createReadStream(path, { start: payload.offset, end: payload.offset + payload.length - 1 });
  const compression = compressionOf(head);
  const bytes = compression === undefined ? source : decompressStream(source, compression);
  await using reader = byteReader(bytes);
  await unpackInto(root, payload.read(reader), { wanted, signal });
}
