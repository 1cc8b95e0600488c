/** The `configure` request of `vmtest-vmm`: the files of a guest become descriptors. */
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { Cleanup } from '../../cleanup.js';
import { VmtestError } from '../../errors.js';
import { reasonOf } from '../../images/reason.js';
import type { DiskSpec, GuestSpec } from '../guest.js';

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
  const openOne = async (path: string, flags: 'r' | 'r+'): Promise<number> => {
    const handle = await open(path, flags).catch((cause: unknown) => {
      throw new VmtestError('VMTEST_BAD_INPUT', `${path}: cannot be opened: ${reasonOf(cause)}`, { cause });
    });
    owner.cleanup.defer(() => handle.close());
    return handle.fd;
  };
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
    ...(spec.rtcBase === undefined ? {} : { rtc_base: spec.rtcBase }),
  };
  return { fields, fds };
}
