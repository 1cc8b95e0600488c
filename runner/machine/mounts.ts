/** Directories of the host in a guest: what may be asked for, and what the agent is told of it. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { type MountSpec, mountTag } from '../engine/guest.js';
import { VmtestError } from '../errors.js';
import { reasonOf } from '../images/reason.js';
import { MAX_DISKS_AND_MOUNTS } from './defaults.js';

/** What stands beside the mounts. */
export interface MountContext {
  /** Of the guest's root, each as the user calls it: `--root`. Undefined where it was not given. */
  root?: unknown;
  initrd?: unknown;
  disks?: readonly unknown[] | undefined;
}

/** What the guest has of its own. */
const OWN_PATHS = ['/dev', '/proc', '/sys'];

/** `/a//b/` and `/a/./b` are `/a/b`. */
const normalized = (path: string): string => posix.normalize(path).replace(/(?<=.)\/$/, '');

/** One line that says what is wrong, if anything is; of the host's directories nothing is known yet. Pure. */
export function mountsProblem(mounts: readonly MountSpec[], { root, initrd, disks = [] }: MountContext) {
  const seen = new Set<string>();
  for (const { host, guest } of mounts) {
    if (host === '') return `the mount on ${guest} names no directory of the host`;
    if ([host, guest].some((path) => path.includes('\0'))) return 'a path of a mount contains a NUL character';
    if (!guest.startsWith('/')) return `"${guest}" is no absolute path of the guest`;
    const path = normalized(guest);
    if (OWN_PATHS.includes(path)) return `${path} is the guest's own, nothing can be mounted on it`;
    if (seen.has(path)) return `there are two mounts on ${path}`;
    seen.add(path);
  }
  if (seen.has('/') && root !== undefined) return 'there are two roots: root, and a mount on /';
  if (seen.has('/') && initrd !== undefined) return 'a mount on / does not go with initrd, which has a root of its own';
  // The root is a disk, too: that of the image where nobody names one.
  const all = mounts.length + disks.length + (seen.has('/') || initrd !== undefined ? 0 : 1);
  if (all > MAX_DISKS_AND_MOUNTS) {
    return `${all} disks and mounts, the root included, are more than the ${MAX_DISKS_AND_MOUNTS} that a guest can have`;
  }
  return undefined;
}

/** Throws `VMTEST_BAD_INPUT` when one of them cannot be. In the order to mount them: what lies in another one comes later. */
export async function checkedMounts(mounts: readonly MountSpec[], context: MountContext): Promise<MountSpec[]> {
  const problem = mountsProblem(mounts, context);
  if (problem !== undefined) throw new VmtestError('VMTEST_BAD_INPUT', `--mount: ${problem}`);
  await Promise.all(mounts.map(checkDirectory));
  const paths = mounts.map((mount) => ({ ...mount, guest: normalized(mount.guest) }));
  return paths.sort((a, b) => depth(a) - depth(b));
}

const depth = ({ guest }: MountSpec): number => guest.split('/').length;

async function checkDirectory({ host, mode }: MountSpec): Promise<void> {
  const bad = (reason: string, cause?: unknown) =>
    new VmtestError('VMTEST_BAD_INPUT', `--mount ${host}: ${reason}`, { cause, context: { path: host } });
  const status = await stat(host).catch((cause: unknown) => {
    throw bad(reasonOf(cause), cause);
  });
  if (!status.isDirectory()) throw bad('is no directory; --copy-in is for files');
  await access(host, constants.R_OK | constants.X_OK).catch((cause: unknown) => {
    throw bad('cannot be read: permission denied', cause);
  });
  if (mode === 'ro') return;
  await access(host, constants.W_OK).catch((cause: unknown) => {
    throw bad('cannot be written: permission denied; with the mode ro the guest only reads it', cause);
  });
}

/** The words for the agent (docs/agent-protocol.md): those of the root are others. */
export function mountArguments(mounts: readonly MountSpec[]): string[] {
  return mounts.map(({ guest, mode }, index) => {
    if (guest === '/') return `vmtest.root=9p:${mountTag(index)} vmtest.rootflags=${mode}`;
    return `vmtest.mount=${mountTag(index)}:${mode}:${escaped(guest)}`;
  });
}

/** Blanks and quotes have a meaning on the kernel's command line; it knows no escape. */
function escaped(path: string): string {
  const hex = (byte: number): string => `%${byte.toString(16).padStart(2, '0')}`;
  return path.replace(/[^\w/.:+@,=~-]+/gu, (text) => [...Buffer.from(text)].map(hex).join(''));
}
