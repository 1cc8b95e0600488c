/**
 * Layers into one image. Two passes over the archives and nothing in between on the disk: the first one reads the
 * headers, checks everything and settles which entry of which layer has the last word; the second one streams the
 * data of those to sqfstar. Owners, modes and device nodes are kept, and nobody has to be root for that.
 */
import { badRoot, quoted } from './bad-root.js';
import { inflate } from './inflate.js';
import { type Budget, createBudget, type RootLimits } from './limits.js';
import { expandSparse, SparseError } from './sparse.js';
import { writeSquashfs } from './squashfs.js';
import { readTar, type TarEntry, type TarRead } from './tar-read.js';
import { END_OF_ARCHIVE, encodeEntry, encodeHardLink, tarPadding } from './tar-write.js';
import { applyLayer, createTree, EntryError, type Inode, type Node, walk } from './tree.js';

/** A tar archive, perhaps compressed; read twice. */
export interface Layer {
  /** For messages. */
  name: string;
  open(): AsyncIterable<Buffer>;
}

export interface PackOptions {
  label: string;
  limits: RootLimits;
  signal?: AbortSignal | undefined;
}

/** Reads an archive to its end; what it costs is told by its headers, before its data comes. */
export async function listEntries(layer: Layer, options: PackOptions, budget: Budget): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  // Headers and padding too: an archive of nothing but names can be large.
  const counted = countBytes(inflate(layer.open(), options), createBudget(options.label, options.limits));
  for await (const { entry } of readTar(layer.name, counted)) {
    options.signal?.throwIfAborted();
    budget.addEntry();
    budget.addBytes(entry.size);
    entries.push(entry);
  }
  return entries;
}

async function* countBytes(source: AsyncIterable<Buffer>, budget: Budget): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    budget.addBytes(chunk.length);
    yield chunk;
  }
}

/** Packs the layers of a container image, lowest first. */
export async function packLayers(path: string, layers: readonly Layer[], options: PackOptions): Promise<void> {
  const budget = createBudget(options.label, options.limits);
  const tree = createTree();
  for (const [number, layer] of layers.entries()) {
    const entries = await listEntries(layer, options, budget);
    addLayer(tree, layer.name, entries, { layer: number, whiteouts: true, budget });
  }
  await writeTree(path, tree, layers, options);
}

/** Packs one archive whose entries were listed before. */
export async function packArchive(
  path: string,
  layer: Layer,
  entries: readonly TarEntry[],
  options: PackOptions,
): Promise<void> {
  const tree = createTree();
  // The entries were counted; the directories that they imply were not.
  const budget = createBudget(options.label, options.limits);
  addLayer(tree, layer.name, entries, { layer: 0, whiteouts: false, budget });
  await writeTree(path, tree, [layer], options);
}

function addLayer(
  tree: Node,
  name: string,
  entries: readonly TarEntry[],
  { layer, whiteouts, budget }: { layer: number; whiteouts: boolean; budget: Budget },
): void {
  try {
    applyLayer(tree, entries, { layer, whiteouts, onImplied: () => budget.addEntry() });
  } catch (cause) {
    if (cause instanceof EntryError) throw badRoot(name, `entry ${quoted(cause.entry)} ${cause.reason}`, cause);
    throw cause;
  }
}

async function writeTree(path: string, tree: Node, layers: readonly Layer[], options: PackOptions): Promise<void> {
  const { label, signal } = options;
  let newest = 0;
  for (const { inode } of walk(tree)) newest = Math.max(newest, inode.mtime);
  await writeSquashfs(path, merged(tree, layers, options), { label, rootMode: tree.inode.mode, newest, signal });
}

/** The archive that the tree would have been packed from: everything without data, then files, then their other names. */
async function* merged(tree: Node, layers: readonly Layer[], options: PackOptions): AsyncGenerator<Buffer> {
  const wanted = layers.map(() => new Map<number, { path: string; inode: Inode }>());
  const links: Buffer[] = [];
  for (const { path, inode } of walk(tree)) {
    if (inode.type !== 'file') {
      yield encodeEntry(path, inode);
      continue;
    }
    const files = wanted[inode.layer];
    const first = files?.get(inode.index);
    if (first === undefined) files?.set(inode.index, { path, inode });
    else links.push(encodeHardLink(path, first.path, inode));
  }
  for (const [number, layer] of layers.entries()) {
    const files = wanted[number] ?? new Map();
    if (files.size > 0) yield* filesOf(layer, files, options);
  }
  yield* links;
  yield END_OF_ARCHIVE;
}

async function* filesOf(
  layer: Layer,
  files: ReadonlyMap<number, { path: string; inode: Inode }>,
  options: PackOptions,
): AsyncGenerator<Buffer> {
  let index = 0;
  let written = 0;
  for await (const { entry, data } of readTar(layer.name, inflate(layer.open(), options))) {
    const file = files.get(index);
    index += 1;
    if (file === undefined) continue;
    if (entry.name !== file.inode.name || entry.size !== file.inode.size) break;
    yield encodeEntry(file.path, file.inode);
    yield* contentOf(layer, { entry, data });
    yield tarPadding(entry.size);
    written += 1;
  }
  if (written !== files.size) throw badRoot(layer.name, 'changed while it was read');
}

async function* contentOf(layer: Layer, { entry, data }: TarRead): AsyncGenerator<Buffer> {
  if (entry.sparse === undefined) {
    yield* data;
    return;
  }
  try {
    yield* expandSparse(data, entry.sparse);
  } catch (cause) {
    if (!(cause instanceof SparseError)) throw cause;
    throw badRoot(layer.name, `entry ${quoted(entry.name)} is a sparse file with ${cause.message}`, cause);
  }
}
