/**
 * The tree that layers add up to (OCI image spec, layer.md). Pure: it knows headers, no data. Hard links are names of
 * one inode, so a link keeps what it was made of when a later layer replaces the other name.
 */
import { parseEntryPath } from './entry-path.js';
import type { TarEntry } from './tar-read.js';

export interface Inode extends Omit<TarEntry, 'type'> {
  type: Exclude<TarEntry['type'], 'link'>;
  /** Number of the layer, and of the entry in it. */
  layer: number;
  index: number;
}

export interface Node {
  inode: Inode;
  /** Of a directory. */
  children: Map<string, Node>;
}

/** The reason why an entry cannot be. */
export class EntryError extends Error {
  constructor(
    readonly entry: string,
    readonly reason: string,
  ) {
    super(`entry ${entry} ${reason}`);
  }
}

const EMPTY: Inode = {
  name: '',
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  size: 0,
  target: '',
  major: 0,
  minor: 0,
  xattrs: new Map(),
  offset: 0,
  layer: -1,
  index: -1,
};

const directory = (): Node => ({ inode: EMPTY, children: new Map() });

export const createTree = directory;

export interface LayerOptions {
  layer: number;
  /** Whether `.wh.` names take away what lower layers have; in a plain archive they are names like others. */
  whiteouts: boolean;
  /** Called for each directory that no entry made: a path of 2000 names makes as many. */
  onImplied(): void;
}

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

/** Adds a layer. Whiteouts come first, wherever they stand: they are about lower layers only. */
export function applyLayer(root: Node, entries: readonly TarEntry[], options: LayerOptions): void {
  const located = entries.map((entry, index) => ({ entry, index, path: pathOf(entry, entry.name) }));
  const isWhiteout = (path: readonly string[]): boolean =>
    options.whiteouts && (path.at(-1) ?? '').startsWith(WHITEOUT);
  for (const { path } of located) if (isWhiteout(path)) takeAway(root, path);
  for (const { entry, index, path } of located) {
    if (!isWhiteout(path)) add(root, path, entry, index, options);
  }
}

function pathOf(entry: TarEntry, path: string): readonly string[] {
  const parsed = parseEntryPath(path);
  if (!('refused' in parsed)) return parsed;
  const what = path === entry.name ? parsed.refused : `is a hard link to something that ${parsed.refused}`;
  throw new EntryError(entry.name, what);
}

function takeAway(root: Node, path: readonly string[]): void {
  const parent = find(root, path.slice(0, -1));
  const name = path.at(-1) ?? '';
  if (name === OPAQUE) parent?.children.clear();
  // What else begins so is bookkeeping of aufs.
  else if (!name.startsWith(WHITEOUT + WHITEOUT)) parent?.children.delete(name.slice(WHITEOUT.length));
}

function find(root: Node, path: readonly string[]): Node | undefined {
  let node: Node | undefined = root;
  for (const name of path) node = node?.children.get(name);
  return node;
}

function add(root: Node, path: readonly string[], entry: TarEntry, index: number, options: LayerOptions): void {
  const name = path.at(-1);
  if (name === undefined) {
    if (entry.type !== 'directory') throw new EntryError(entry.name, 'would replace the root itself');
    root.inode = inodeOf(entry, entry.type, options.layer, index);
    return;
  }
  const parent = enter(root, path.slice(0, -1), entry, options);
  if (entry.type === 'link') {
    const target = find(root, pathOf(entry, entry.target));
    if (target === undefined) throw new EntryError(entry.name, 'is a hard link to something that is not there');
    if (target.inode.type === 'directory') throw new EntryError(entry.name, 'is a hard link to a directory');
    parent.children.set(name, { inode: target.inode, children: new Map() });
    return;
  }
  const before = parent.children.get(name);
  const inode = inodeOf(entry, entry.type, options.layer, index);
  const stays = before?.inode.type === 'directory' && inode.type === 'directory';
  parent.children.set(name, { inode, children: stays ? before.children : new Map() });
}

const inodeOf = (entry: TarEntry, type: Inode['type'], layer: number, index: number): Inode => {
  return { ...entry, type, layer, index };
};

/** The directory of an entry. One that no entry made is made; nothing is looked for behind a link. */
function enter(root: Node, path: readonly string[], entry: TarEntry, options: LayerOptions): Node {
  let node = root;
  for (const name of path) {
    let next = node.children.get(name);
    if (next === undefined) {
      options.onImplied();
      next = directory();
      node.children.set(name, next);
    }
    if (next.inode.type !== 'directory') {
      const what = next.inode.type === 'symlink' ? 'a symbolic link' : 'not a directory';
      throw new EntryError(entry.name, `lies under ${path.join('/')}, of which "${name}" is ${what}`);
    }
    node = next;
  }
  return node;
}

/** Every path but the root's, each directory before what is in it, in an order that depends on the names only. */
export function* walk(root: Node): Generator<{ path: string; inode: Inode }> {
  const pending: { path: string; node: Node }[] = [];
  const push = ({ children }: Node, prefix: string): void => {
    const names = [...children.keys()].sort().reverse();
    for (const name of names) pending.push({ path: prefix + name, node: children.get(name) as Node });
  };
  push(root, '');
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    yield { path: next.path, inode: next.node.inode };
    push(next.node, `${next.path}/`);
  }
}
