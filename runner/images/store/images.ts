/**
 * Images in the store: manifests, which are blobs as well, and what a name stands for.
 *
 *   ROOT/images/<name>/<arch>.json   { manifest: <sha256>, size }: what the name stands for today
 *   ROOT/blobs/<sha256>              manifests and files
 *
 * An image is written files first, manifest next, name last: whoever finds the name finds all of it.
 */
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VmtestError } from '../../errors.js';
import { type Cache, namesIn, withScratch } from '../cache.js';
import { ARCHITECTURES, type Architecture } from '../kernels/architecture.js';
import { blobPath, checkBlob, PRUNE_AGE, type PutOptions, putBlob } from './blobs.js';
import { formatManifest, isImageName, type Manifest, parseManifest } from './manifest.js';

/** An image whose files have been found to be what the manifest says. */
export interface StoredImage {
  manifest: Manifest;
  /** SHA-256 of the manifest: the identity of the image. */
  digest: string;
  /** The blob of a file, by its path in the image. */
  pathOf(file: string): string;
}

interface Reference {
  manifest: string;
  size: number;
}

const referencePath = (cache: Cache, name: string, arch: Architecture): string =>
  join(cache.root, 'images', name, `${arch}.json`);

export interface PutImageOptions extends PutOptions {
  /** The manifest as it was written elsewhere, kept to the byte: its digest is the image's. Default: as we write it. */
  text?: Uint8Array;
}

/**
 * Stores an image. `sources`: where each file of the manifest is now. Returns the digest of the manifest. Throws
 * `VMTEST_IMAGE` where a file is not what the manifest says, `VMTEST_CACHE` where the cache cannot be written.
 */
export function putImage(
  cache: Cache,
  manifest: Manifest,
  sources: ReadonlyMap<string, string>,
  { text = Buffer.from(formatManifest(manifest)), move = false }: PutImageOptions = {},
): Promise<string> {
  return withScratch(cache, async (directory) => {
    // Equal files have one blob, which can be moved only once.
    const stored = new Map<string, { sha256: string; size: number }>();
    for (const file of manifest.files) {
      const source = sources.get(file.path);
      if (source === undefined) throw new Error(`no source for ${file.path}`);
      const { sha256, size } = stored.get(source) ?? (await putBlob(cache, source, { move }));
      stored.set(source, { sha256, size });
      if (sha256 === file.sha256 && size === file.size) continue;
      const why = `${file.path} is ${sha256} (${size} bytes), not ${file.sha256} (${file.size} bytes)`;
      throw new VmtestError('VMTEST_IMAGE', `image ${manifest.name}: its manifest lies: ${why}`);
    }
    // What is written must be readable: a recipe's mistake is found here and not by the next run.
    parseManifest(manifest.name, Buffer.from(text).toString());
    const scratch = join(directory, 'manifest');
    await writeFile(scratch, text);
    const { sha256, size } = await putBlob(cache, scratch);
    const reference: Reference = { manifest: sha256, size };
    await writeFile(scratch, `${JSON.stringify(reference)}\n`);
    await mkdir(join(cache.root, 'images', manifest.name), { recursive: true });
    await rename(scratch, referencePath(cache, manifest.name, manifest.arch));
    return sha256;
  });
}

export interface FindOptions {
  /** Hash every file, even where its digest is remembered. */
  thorough?: boolean;
  /** The first digits of its digest; one that the name does not stand for any more is found, too. */
  digest?: string;
}

/**
 * The image that a name stands for; undefined when it is not there, or not whole any more: then what is
 * wrong was set aside, and the image is to be fetched or built again.
 */
export async function findImage(
  cache: Cache,
  name: string,
  arch: Architecture,
  options: FindOptions = {},
): Promise<StoredImage | undefined> {
  if (!isImageName(name)) return undefined;
  const { digest = '' } = options;
  const current = await readReference(cache, name, arch);
  const known = current?.manifest.startsWith(digest) === true;
  const reference = known ? current : await findFormer(cache, { name, arch }, digest);
  if (reference === undefined) return undefined;
  const path = await checkBlob(cache, { sha256: reference.manifest, size: reference.size }, options);
  if (path === undefined) return undefined;
  const manifest = parseManifest(`${name} (${arch})`, await readFile(path, 'utf8'));
  if (manifest.name !== name || manifest.arch !== arch) {
    const found = `${manifest.name} (${manifest.arch})`;
    throw new VmtestError('VMTEST_IMAGE', `${name} (${arch}) stands for the image ${found}; build it again`);
  }
  const found = await Promise.all(manifest.files.map((file) => checkBlob(cache, file, options)));
  if (found.includes(undefined)) return undefined;
  const digests = new Map(manifest.files.map((file) => [file.path, file.sha256]));
  return {
    manifest,
    digest: reference.manifest,
    pathOf(file) {
      const digest = digests.get(file);
      if (digest === undefined) throw new Error(`the image has no ${file}`);
      return blobPath(cache, digest);
    },
  };
}

/** No manifest is larger; a root file system mostly is. Bytes. */
const MAX_MANIFEST = 4 * 2 ** 20;

/** A manifest that the name stood for before, among all the blobs. */
async function findFormer(cache: Cache, wanted: ImageName, digest: string): Promise<Reference | undefined> {
  if (digest === '') return undefined;
  for (const manifest of await namesIn(join(cache.root, 'blobs'))) {
    if (!manifest.startsWith(digest)) continue;
    const { size } = await stat(blobPath(cache, manifest)).catch(() => ({ size: Number.POSITIVE_INFINITY }));
    if (size > MAX_MANIFEST) continue;
    const text = await readFile(blobPath(cache, manifest), 'utf8').catch(() => '');
    if (isManifestOf(wanted, text)) return { manifest, size };
  }
  return undefined;
}

function isManifestOf({ name, arch }: ImageName, text: string): boolean {
  try {
    const manifest = parseManifest(name, text);
    return manifest.name === name && manifest.arch === arch;
  } catch {
    return false;
  }
}

async function readReference(cache: Cache, name: string, arch: Architecture): Promise<Reference | undefined> {
  const path = referencePath(cache, name, arch);
  // Nobody writes into a FIFO that lies there.
  if (!(await stat(path).catch(() => undefined))?.isFile()) return undefined;
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as Partial<Reference>;
    if (/^[0-9a-f]{64}$/.test(value.manifest ?? '') && Number.isSafeInteger(value.size)) return value as Reference;
  } catch {
    // Torn by a crash of the host: as if it were not there.
  }
  return undefined;
}

export interface ImageName {
  name: string;
  arch: Architecture;
}

/** The names in the store, whether or not their images are whole. */
export async function listImages(cache: Cache): Promise<ImageName[]> {
  const names = await namesIn(join(cache.root, 'images'));
  const found: ImageName[] = [];
  for (const name of names.filter(isImageName).sort()) {
    const files = new Set(await namesIn(join(cache.root, 'images', name)));
    for (const arch of ARCHITECTURES) if (files.has(`${arch}.json`)) found.push({ name, arch });
  }
  return found;
}

/** Removes blobs that no image refers to, and what was set aside. Returns how many bytes that gave. */
export async function pruneBlobs(cache: Cache, now = Date.now()): Promise<{ files: number; bytes: number }> {
  const used = new Set<string>();
  for (const { name, arch } of await listImages(cache)) {
    const reference = await readReference(cache, name, arch);
    if (reference === undefined) continue;
    used.add(reference.manifest);
    const text = await readFile(blobPath(cache, reference.manifest), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    // Whatever stands there like a digest: a manifest of a newer vmtest keeps its files, too.
    for (const [digest] of text.matchAll(/[0-9a-f]{64}/g)) used.add(digest);
  }
  const removed = { files: 0, bytes: 0 };
  for (const directory of ['blobs', 'bad'] as const) {
    for (const name of await namesIn(join(cache.root, directory))) {
      if (directory === 'blobs' && used.has(name)) continue;
      const path = join(cache.root, directory, name);
      const status = await stat(path).catch(() => undefined);
      if (status === undefined || now - status.mtimeMs < (directory === 'blobs' ? PRUNE_AGE : 0)) continue;
      await rm(path, { recursive: true, force: true });
      removed.files += 1;
      removed.bytes += status.size;
    }
  }
  return removed;
}
