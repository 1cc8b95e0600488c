/** The `configure` request of `vmtest-vmm`: the files of a guest become descriptors. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { Cleanup } from '../../cleanup.js';
import { VmtestError } from '../../errors.js';
import { reasonOf } from '../../images/reason.js';
import type { DiskSpec, GuestSpec, MountSpec } from '../guest.js';

/** What of the addon is needed here. */
export interface FileAddon {
  temporaryFile(directory: string): number;
  closeFd(fd: number): void;
}

export interface FileOwner {
  /** Closes everything that was opened. */
  cleanup: Cleanup;
  /** Where the writes of overlay disks go. Default: the system's temporary directory. */
  overlayDirectory?: string | undefined;
}

export interface OpenFiles {
  kernel: number;
  initrd?: number;
  disks: { file: number; overlay?: number }[];
}

/** Opens every file of the guest; `vmtest-vmm` gets descriptors and never a path. */
export async function openFiles(spec: GuestSpec, addon: FileAddon, owner: FileOwner): Promise<OpenFiles> {
  const openOne = (path: string, flags: 'r' | 'r+') => openPath(path, flags, owner.cleanup);
  const openDisk = async (disk: DiskSpec) => {
    const file = await openOne(disk.path, disk.mode === 'rw' ? 'r+' : 'r');
    if (disk.mode !== 'overlay') return { file };
    const overlay = openOverlay(addon, owner.overlayDirectory ?? tmpdir(), disk);
    owner.cleanup.defer(() => addon.closeFd(overlay));
    return { file, overlay };
  };
  const files: OpenFiles = { kernel: await openOne(spec.kernel, 'r'), disks: [] };
  if (spec.initrd !== undefined) files.initrd = await openOne(spec.initrd, 'r');
  for (const disk of spec.disks) files.disks.push(await openDisk(disk));
  return files;
}

/** The directories of the host that the guest gets; they are found no other way from here on. */
export const openDirectories = (mounts: readonly MountSpec[], cleanup: Cleanup): Promise<number[]> =>
  Promise.all(mounts.map(({ host }) => openPath(host, constants.O_RDONLY | constants.O_DIRECTORY, cleanup)));

async function openPath(path: string, flags: string | number, cleanup: Cleanup): Promise<number> {
  const handle = await open(path, flags).catch((cause: unknown) => {
    throw new VmtestError('VMTEST_BAD_INPUT', `${path}: cannot be opened: ${reasonOf(cause)}`, { cause });
  });
  cleanup.defer(() => handle.close());
  return handle.fd;
}

function openOverlay(addon: FileAddon, directory: string, { path }: DiskSpec): number {
  try {
    return addon.temporaryFile(directory);
  } catch (cause) {
    const why = `no temporary file in ${directory} for what the guest writes to ${path}: ${(cause as Error).message}`;
    throw new VmtestError('VMTEST_TEMPORARY', `${why}; set TMPDIR, or write ${path},ro`, { cause });
  }
}

/** The `configure` request: each descriptor becomes its index in the packet. */
export function configuration(spec: GuestSpec, files: OpenFiles, console: number) {
  const fds: number[] = [];
  const add = (fd: number): number => fds.push(fd) - 1;
  const fields = {
    cpus: spec.cpus,
    memory_mib: spec.memoryMib,
    kernel: add(files.kernel),
    ...(files.initrd === undefined ? {} : { initrd: add(files.initrd) }),
    cmdline: spec.cmdline,
    console: add(console),
    disks: spec.disks.map((disk, i) => {
      const opened = files.disks[i];
      if (opened === undefined) throw new Error('a disk that was not opened');
      return {
        file: add(opened.file),
        mode: disk.mode,
        ...(opened.overlay === undefined ? {} : { overlay: add(opened.overlay) }),
        ...(disk.serial === undefined ? {} : { serial: disk.serial }),
      };
    }),
    nested: spec.nested,
    ...(spec.pmu === undefined ? {} : { pmu: spec.pmu }),
    ...(spec.sve === undefined ? {} : { sve: spec.sve }),
    ...(spec.rtcBase === undefined ? {} : { rtc_base: spec.rtcBase }),
  };
  return { fields, fds };
}
