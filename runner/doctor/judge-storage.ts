/** Disks and the cache; pure. */
import type { DiskFacts, Facts } from './facts.js';
import { sizeText } from './judge-machine.js';
import { type Finding, finding } from './report.js';

/** MiB. `least`: the image micro, or the results of a run; `good`: debian-12 while it is made. */
const ROOM = {
  cache: { least: 300, good: 2048, fix: 'vmtest images prune --all, or set VMTEST_CACHE to a directory elsewhere' },
  temporary: { least: 50, good: 300, fix: 'set TMPDIR to a directory with more room' },
} as const;

const USES = { cache: 'at the cache', temporary: 'for temporary files' } as const;

export function judgeDisk({ use, path, freeMib }: DiskFacts): Finding {
  const id = `disk-${use}`;
  if (freeMib === null) return finding(id, 'note', `nobody says how much room there is ${USES[use]}, ${path}`);
  const { least, good, fix } = ROOM[use];
  const message = `${sizeText(freeMib)} free ${USES[use]}, ${path}`;
  if (freeMib >= good) return finding(id, 'ok', message);
  return finding(id, freeMib < least ? 'problem' : 'warning', message, fix);
}

export function judgeCache({ cache }: Facts): Finding {
  const { path, writable, images, blobsMib } = cache;
  const holds = images === 0 ? 'no image yet' : `${images} image${images === 1 ? '' : 's'}, ${sizeText(blobsMib)}`;
  if (writable) return finding('cache', 'ok', `${path}, writable: ${holds}`);
  // What is in it can be used; what is not has to be made for every run.
  const status = images === 0 ? 'problem' : 'warning';
  const fix = 'export VMTEST_CACHE=DIR, a directory that can be written';
  return finding('cache', status, `${path} cannot be written: ${holds}`, fix);
}
