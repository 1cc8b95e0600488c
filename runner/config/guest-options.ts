/** Guest options of a configuration as those of a plan. Pure. */
import { isFlavour } from '../images/packages.js';
import { SYSTEMD } from '../machine/defaults.js';
import type { GuestOptions } from '../plan/guest-options.js';
import { resolvePath } from './paths.js';
import type { GuestConfig } from './schema/guest.js';
import { memoryMib } from './schema/values.js';

/** Paths are resolved against `directory`; the names of Debian's kernels are no paths. */
export function guestOptions(config: GuestConfig, directory: string): GuestOptions {
  const {
    engine,
    arch,
    image,
    kernel,
    initrd,
    modules,
    load,
    root,
    init,
    cpus,
    memory,
    append,
    disks,
    mounts,
    nested,
    pmu,
    sve,
  } = config;
  const guest: GuestOptions = {};
  if (engine !== undefined) guest.engine = engine;
  if (arch !== undefined) guest.arch = arch;
  if (image !== undefined) guest.image = image;
  if (kernel !== undefined) guest.kernel = resolveKernel(kernel, directory);
  if (initrd !== undefined) guest.initrd = resolvePath(directory, initrd);
  if (modules !== undefined) guest.modules = resolvePath(directory, modules);
  if (load !== undefined) guest.load = [...load];
  if (root !== undefined) {
    const { path, writable = false } = typeof root === 'string' ? { path: root } : root;
    guest.root = { path: resolvePath(directory, path), writable };
  }
  if (init !== undefined) guest.init = init === 'systemd' ? SYSTEMD : init;
  if (cpus !== undefined) guest.cpus = cpus;
  const mib = memory === undefined ? undefined : memoryMib(memory);
  if (mib !== undefined) guest.memoryMib = mib;
  if (append !== undefined) guest.append = append;
  if (disks !== undefined) {
    guest.disks = disks.map((disk) => {
      if (typeof disk === 'string') return { path: resolvePath(directory, disk), mode: 'overlay' };
      const { path, mode = 'overlay', serial } = disk;
      return { path: resolvePath(directory, path), mode, ...(serial === undefined ? {} : { serial }) };
    });
  }
  if (mounts !== undefined) {
    guest.mounts = mounts.map(({ host, guest: path, mode = 'ro' }) => ({
      host: resolvePath(directory, host),
      guest: path,
      mode,
    }));
  }
  if (nested !== undefined) guest.nested = nested;
  if (pmu !== undefined) guest.pmu = pmu;
  if (sve !== undefined) guest.sve = sve;
  return guest;
}

export const resolveKernel = (kernel: string, directory: string): string =>
  isFlavour(kernel) ? kernel : resolvePath(directory, kernel);
