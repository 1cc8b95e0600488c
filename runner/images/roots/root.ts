/** From what the user names with `--root` to an image that a guest can mount. */

import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Cache, cached, exists, keyOf } from '../cache.js';
import { compressionOf } from '../decompress.js';
import { fileDigest } from '../digest.js';
import { type Architecture, hostArchitecture } from '../kernels/architecture.js';
import { badRoot, packFailed } from './bad-root.js';
import { archiveBlobs, type BlobStore, directoryBlobs, readJson } from './blobs.js';
import {
  type ContainerConfig,
  type ContainerImage,
  isDockerManifest,
  openDockerArchive,
  openOciLayout,
} from './container-image.js';
import { writeErofs } from './erofs.js';
import { identify } from './identify.js';
import { inflate } from './inflate.js';
import { type Layer, listEntries, type PackOptions, packArchive, packLayers } from './layers.js';
import { createBudget, type RootLimits } from './limits.js';
import { scanDirectory } from './scan.js';
import { type FileSystem, isReadOnly } from './superblock.js';

export interface RootRequest extends RootLimits {
  /** PATH, PATH:PARTITION of a disk, or PATH:NAME of one of several container images. */
  path: string;
  /** Whether the guest may change the image itself; only for file systems that can be written. Default: false. */
  writable?: boolean | undefined;
}

export interface Root {
  /** The image. */
  path: string;
  fstype: FileSystem;
  /** N of /dev/vdaN, where the image is a disk. */
  partition?: number;
  /** The path that the user knows. */
  label: string;
  writable: boolean;
  /** Of a container image. */
  config?: ContainerConfig;
}

export interface RootOptions {
  /** Of the guest, for container images. Default: the host's. */
  arch?: Architecture | undefined;
  signal?: AbortSignal | undefined;
  /** Says what takes long. */
  onProgress?: (message: string) => void;
}

/** Part of every key: raise it when the same input is to give another image. */
const FORMAT = 1;
const IMAGE = 'root.img';

/**
 * Finds out what the path is and packs it where it is no image yet; what was packed is cached. Fails with
 * `VMTEST_BAD_INPUT` when the input is at fault, and with `VMTEST_PACK` when the host is.
 */
export async function prepareRoot(cache: Cache, request: RootRequest, options: RootOptions = {}): Promise<Root> {
  const { path, choice } = await splitChoice(request.path);
  const label = path;
  const number = choice !== undefined && /^[1-9]\d{0,2}$/.test(choice) ? Number(choice) : undefined;
  const found = await identify(label, path, number);
  const arch = options.arch ?? hostArchitecture();
  const packing: Packing = { cache, label, path, request, choice, ...options, arch };
  if (found.kind === 'image') {
    if (choice !== undefined && number === undefined) throw badRoot(label, `":${choice}" is no number of a partition`);
    if (request.writable && isReadOnly(found.fstype)) throw notWritable(label, `${found.fstype} cannot be written`);
    const { fstype, partition } = found;
    const writable = request.writable === true;
    return { path, fstype, label, writable, ...(partition === undefined ? {} : { partition }) };
  }
  if (request.writable) throw notWritable(label, 'what is packed into an image for the guest cannot be written');
  switch (found.kind) {
    case 'directory':
      if (choice !== undefined) throw badRoot(label, `is a directory: ":${choice}" chooses nothing in it`);
      return packDirectory(packing);
    case 'oci-layout':
      return packOciLayout(packing);
    case 'archive':
      return packTar(packing);
  }
}

const notWritable = (label: string, why: string) => badRoot(label, `${why}; leave ",rw" out, or give an ext4 image`);

/** A path may have colons of its own: the longest that exists is meant. */
async function splitChoice(text: string): Promise<{ path: string; choice: string | undefined }> {
  for (let end = text.length; end > 0; end = text.lastIndexOf(':', end - 1)) {
    const path = text.slice(0, end);
    if (end < text.length ? await exists(path) : await exists(text)) {
      return { path, choice: end === text.length ? undefined : text.slice(end + 1) };
    }
  }
  return { path: text, choice: undefined };
}

interface Packing extends RootOptions {
  arch: Architecture;
  cache: Cache;
  label: string;
  path: string;
  request: RootRequest;
  choice: string | undefined;
}

/** The image in the cache; `make` writes it. What goes wrong with the disk meanwhile is told as that. */
async function packed(
  { cache, label, signal, onProgress }: Packing,
  key: string,
  make: (directory: string, image: string) => Promise<void>,
): Promise<string> {
  const pack = async (directory: string): Promise<void> => {
    signal?.throwIfAborted();
    onProgress?.(`packing the root ${label}`);
    await make(directory, join(directory, IMAGE));
  };
  return cached(cache, 'roots', key, pack, IMAGE).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC') throw cause;
    throw packFailed(label, `no space left on the file system of the cache ${cache.root}`, cause);
  });
}

/**
 * Owners are kept where we are root. Anyone else cannot have files of others in a directory, except those of the
 * system: there everything becomes root's, so that the guest's root owns what this user does.
 */
async function packDirectory(packing: Packing): Promise<Root> {
  const { cache, label, signal } = packing;
  const path = await realpath(packing.path);
  // Where the cache lies in the directory it must be there before the first look, not come with it.
  await mkdir(cache.root, { recursive: true }).catch(() => {});
  const without = await realpath(cache.root).catch(() => cache.root);
  const scan = () => scanDirectory(path, { label, without, budget: createBudget(label, packing.request), signal });
  const before = await scan();
  const allRoot = process.getuid?.() !== 0;
  const directory = await packed(packing, keyOf(FORMAT, 'erofs', before.digest, allRoot), async (_, image) => {
    await writeErofs(image, path, { label, scan: before, allRoot, signal });
    // Otherwise the key would stand for something else than the image holds.
    if ((await scan()).digest !== before.digest) throw badRoot(label, 'changed while it was packed; try again');
  });
  return { path: join(directory, IMAGE), fstype: 'erofs', label, writable: false };
}

async function packOciLayout(packing: Packing): Promise<Root> {
  const { label, path, request, choice, arch, signal } = packing;
  // Blobs have their digests in their names: the index stands for all of them.
  const index = await fileDigest(packing.cache, join(path, 'index.json')).catch((cause: unknown) => {
    throw badRoot(label, 'is an OCI layout without a readable index.json', cause);
  });
  const key = keyOf(FORMAT, 'oci', index, choice ?? null, arch, limitsOf(request));
  const directory = await packed(packing, key, async (scratch, image) => {
    const store = directoryBlobs(label, path);
    const container = await openOciLayout(store, { path, reference: choice, limits: request, arch, signal });
    await packContainer(scratch, image, container, { label, limits: request, signal });
  });
  return rootIn(directory, label);
}

async function packTar(packing: Packing): Promise<Root> {
  const { cache, label, path, request, choice, arch, signal } = packing;
  const key = keyOf(FORMAT, 'tar', await fileDigest(cache, path), choice ?? null, arch, limitsOf(request));
  const directory = await packed(packing, key, async (scratch, image) => {
    const options: PackOptions = { label, limits: request, signal };
    const layer: Layer = { name: label, open: () => createReadStream(path, { highWaterMark: 1 << 18 }) };
    const entries = await listEntries(layer, options, createBudget(label, request));
    const names = new Set(entries.map(({ name }) => name.replace(/^(\.\/)+/, '')));
    if (!names.has('manifest.json') && !names.has('oci-layout')) {
      if (choice !== undefined) throw badRoot(label, `is a plain archive: ":${choice}" chooses nothing in it`);
      await packArchive(image, layer, entries, options);
      return;
    }
    const flat = (await isCompressed(path)) ? await unpackArchive(layer, join(scratch, 'archive.tar'), options) : path;
    const container = await openContainer(archiveBlobs(label, flat, entries), names, packing);
    if (container === undefined) await packArchive(image, layer, entries, options);
    else await packContainer(scratch, image, container, options);
    if (flat !== path) await rm(flat);
  });
  return rootIn(directory, label);
}

/** Undefined when the archive only looks like one of a container image. */
async function openContainer(
  store: BlobStore,
  names: ReadonlySet<string>,
  { path, choice, request, arch, signal }: Packing,
): Promise<ContainerImage | undefined> {
  const wanted = { path, reference: choice, limits: request, arch, signal };
  // Where both are, as newer versions of docker have it, this one has digests for everything.
  if (names.has('oci-layout') && names.has('index.json')) return openOciLayout(store, wanted);
  const manifest = names.has('manifest.json')
    ? await readJson(store, 'manifest.json').catch(() => undefined)
    : undefined;
  return isDockerManifest(manifest) ? openDockerArchive(store, wanted) : undefined;
}

async function packContainer(
  scratch: string,
  image: string,
  { layers, config }: ContainerImage,
  options: PackOptions,
): Promise<void> {
  await packLayers(image, layers, options);
  await writeFile(join(scratch, 'config.json'), JSON.stringify(config));
}

/** A compressed archive cannot be read from the middle. */
async function unpackArchive(layer: Layer, path: string, options: PackOptions): Promise<string> {
  await pipeline(inflate(layer.open(), options), createWriteStream(path));
  return path;
}

async function isCompressed(path: string): Promise<boolean> {
  const handle = await open(path, 'r');
  try {
    const head = Buffer.alloc(8);
    await handle.read(head, 0, head.length, 0);
    return compressionOf(head) !== undefined;
  } finally {
    await handle.close();
  }
}

/** Limits are part of the key: what was packed under a larger one is refused under a smaller one again. */
const limitsOf = ({ maxBytes, maxEntries }: RootLimits) => [maxBytes ?? null, maxEntries ?? null];

async function rootIn(directory: string, label: string): Promise<Root> {
  const config = await readFile(join(directory, 'config.json'), 'utf8').catch(() => undefined);
  const root: Root = { path: join(directory, IMAGE), fstype: 'squashfs', label, writable: false };
  await stat(root.path);
  return config === undefined ? root : { ...root, config: JSON.parse(config) as ContainerConfig };
}
