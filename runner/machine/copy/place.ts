/** Which source of a copy becomes which path, as `cp -a SOURCE... DESTINATION` has it. Pure. */
import { VmtestError } from '../../errors.js';

/** Something to be copied. */
export interface CopySource {
  path: string;
  kind: 'file' | 'directory';
}

/** Where it shall go, and what is there. */
export interface CopyDestination {
  /** Absolute. */
  path: string;
  kind: 'missing' | 'file' | 'directory' | 'other';
  /** It was written with a slash at its end: it is a directory, or will be one. */
  asDirectory: boolean;
}

export interface Placement {
  source: CopySource;
  /** The path that the source becomes. A directory that is there gets its contents. */
  target: string;
}

/** The last name of a path; absent for one that ends in `.` or `..`, and for `/`, which stand for their contents. */
export function nameOf(path: string): string | undefined {
  const name = path.replace(/\/+$/, '').split('/').at(-1);
  return name === undefined || name === '' || name === '.' || name === '..' ? undefined : name;
}

/** `fromPattern`: the sources are what fits a pattern, so they go into a directory, even when it is only one. */
export function place(sources: readonly CopySource[], fromPattern: boolean, destination: CopyDestination): Placement[] {
  const { path, kind, asDirectory } = destination;
  const fail = (what: string): VmtestError => new VmtestError('VMTEST_COPY', what, { context: { path } });
  if (kind === 'other') throw fail(`${path} is neither a file nor a directory, and is left as it is`);
  const into = fromPattern || asDirectory || kind === 'directory';
  if (into && kind === 'file') {
    throw fail(
      `${path} is a file, and ${fromPattern ? 'what fits a pattern goes into a directory' : 'not a directory'}`,
    );
  }
  const placements = sources.map((source) => {
    const name = into ? nameOf(source.path) : undefined;
    if (source.kind === 'directory' && kind === 'file') throw fail(`${path} is a file, and ${source.path} a directory`);
    return { source, target: name === undefined ? path : joined(path, name) };
  });
  const twice = sameTarget(placements);
  if (twice !== undefined) throw fail(twiceMessage(twice));
  return placements;
}

const joined = (directory: string, name: string): string =>
  directory.endsWith('/') ? directory + name : `${directory}/${name}`;

function sameTarget(placements: readonly Placement[]): [Placement, Placement] | undefined {
  const seen = new Map<string, Placement>();
  for (const placement of placements) {
    const before = seen.get(placement.target);
    if (before !== undefined) return [before, placement];
    seen.set(placement.target, placement);
  }
  return undefined;
}

const twiceMessage = ([first, second]: [Placement, Placement]): string =>
  `${first.source.path} and ${second.source.path} would both become ${first.target}; copy them into different directories`;

/**
 * What lies in a directory that is copied itself goes with it: `dir/**` fits `dir/sub` and also what is in it. `sources`
 * are sorted, so that a directory comes before what it holds.
 */
export function withoutNested(sources: readonly CopySource[]): CopySource[] {
  const directories = new Set<string>();
  return sources.filter(({ path, kind }) => {
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      if (directories.has(path.slice(0, slash))) return false;
    }
    if (kind === 'directory') directories.add(path.replace(/\/+$/, ''));
    return true;
  });
}
