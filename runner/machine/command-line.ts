/** The kernel command line of a guest (Documentation/admin-guide/kernel-parameters.rst). */
import type { MountSpec } from '../engine/guest.js';
import type { Architecture } from '../images/kernels/architecture.js';
import type { Root } from '../images/roots/root.js';
import { mountArguments } from './mounts.js';

/** The serial by which the agent finds the disk with the root among the others. */
export const ROOT_SERIAL = 'vmtest-root';

/**
 * - `console`: the only one there is.
 * - `loglevel=5`: warnings and worse reach it, which is the evidence a test needs; the rest would cost a
 *   port access per character, hundreds of milliseconds of a boot, and stays in the ring buffer (dmesg).
 *   A panic and an oops raise the level themselves.
 * - `panic=-1`: reset at once after a panic, which ends the guest.
 * - `reboot=a`, x86: through the ACPI reset register. By itself Linux prefers EFI's way on hardware-reduced ACPI.
 * - `i8042.noaux`, `i8042.nomux`, `8250.nr_uarts=1`, x86: do not look for what is not there.
 */
const DEFAULTS: Readonly<Record<Architecture, readonly string[]>> = {
  x86_64: ['console=ttyS0', 'loglevel=5', 'panic=-1', 'reboot=a', 'i8042.noaux', 'i8042.nomux', '8250.nr_uarts=1'],
  aarch64: ['console=ttyAMA0', 'loglevel=5', 'panic=-1'],
};

/**
 * A line for every unit, and a moving bar while one takes long, would cost seconds of a boot; a unit that failed is still
 * told (kernel-command-line(7)). Other inits see no meaning in it.
 */
const SYSTEMD_QUIET = 'systemd.show_status=error';

export interface CommandLineInput {
  arch: Architecture;
  /** The user's own initial RAM file system has an /init of its own: ours is started instead. */
  ownInitrd: boolean;
  /** The file system that the agent makes the root before it does anything else. */
  root?: Pick<Root, 'fstype' | 'partition' | 'writable'> | undefined;
  /** A program of that root that becomes PID 1. Default: the agent. */
  init?: string | undefined;
  /** In the order to mount them. */
  mounts?: readonly MountSpec[] | undefined;
  /** The user's arguments; the kernel lets the last of equal ones win. */
  append?: string | undefined;
}

export function kernelCommandLine({ arch, ownInitrd, root, init, mounts = [], append }: CommandLineInput): string {
  return [
    ...DEFAULTS[arch],
    ...(ownInitrd ? ['rdinit=/vmtest/agent'] : []),
    ...rootArguments(root),
    ...mountArguments(mounts),
    ...(init === undefined ? [] : [`vmtest.init=${init}`, SYSTEMD_QUIET]),
    ...(append === undefined ? [] : [append]),
  ].join(' ');
}

/** For the agent; `ro` means: mounted read-only, under an overlay in guest memory. */
function rootArguments(root: CommandLineInput['root']): string[] {
  if (root === undefined) return [];
  const { fstype, partition, writable } = root;
  const source = `serial:${ROOT_SERIAL}${partition === undefined ? '' : `:${partition}`}`;
  return [`vmtest.root=${source}`, `vmtest.rootfstype=${fstype}`, `vmtest.rootflags=${writable ? 'rw' : 'ro'}`];
}
