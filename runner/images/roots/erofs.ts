/** A directory into an erofs image, by mkfs.erofs of erofs-utils. */
import { badRoot, quoted } from './bad-root.js';
import type { Scan } from './scan.js';
import { runPacker, toolEnvironment } from './tool.js';

export interface ErofsOptions {
  label: string;
  scan: Scan;
  /** Make everything root's own. */
  allRoot: boolean;
  signal?: AbortSignal | undefined;
}

/** Equal directories give equal images, so nothing in them may be random. */
const UUID = '766d7465-7374-4000-8000-000000000001';
/**
 * mkfs.erofs takes the time from here in the place of the clock, and limits the files' own times to it: far in the
 * future (2100) they stay what they are, which make(1) in a guest depends on.
 */
const EPOCH = '4102444800';

/** In the alphabet of regcomp(3), extended. */
const escaped = (text: string): string => text.replace(/[.[\]{}()*+?^$|\\]/g, '\\$&');

/** Writes the image, not compressed: it is made once for few runs, and what it was made from lies beside it. */
export async function writeErofs(image: string, directory: string, options: ErofsOptions): Promise<void> {
  const { label, scan, allRoot, signal } = options;
  const { execa } = await import('execa');
  const odd = scan.emptied.find((path) => /[^\x20-\x7e]/.test(path));
  if (odd !== undefined) throw badRoot(label, `cannot leave out ${quoted(odd)}, whose name is unusual; unmount it`);
  const excluded = scan.emptied.map((path) => `--exclude-regex=^${escaped(path)}/`);
  const args = ['--quiet', '-U', UUID, ...(allRoot ? ['--all-root'] : []), ...excluded, image, directory];
  const child = execa('mkfs.erofs', args, {
    stdin: 'ignore',
    stdout: 'ignore',
    env: { ...toolEnvironment(), SOURCE_DATE_EPOCH: EPOCH },
    extendEnv: false,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  await runPacker(child, { label, tool: 'mkfs.erofs', debianPackage: 'erofs-utils', signal });
}
