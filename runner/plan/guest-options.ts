/** What a guest is made of, as plain values that can be written into a report; each as the flag of `vmtest run`. */
import type { EngineChoice } from '../engine/choice.js';
import type { DiskSpec, MountSpec } from '../engine/guest.js';
import type { Architecture } from '../images/kernels/architecture.js';

/** Paths are absolute: whoever reads a configuration resolves them against its directory. */
export interface GuestOptions {
  /** Default: `VMTEST_ENGINE`, else `auto`. */
  engine?: EngineChoice;
  /** Default: the host's. */
  arch?: Architecture;
  /** NAME or NAME@DIGEST. Default: `micro`. */
  image?: string;
  /** A path, or a flavour of Debian's kernels. Default: that of the image. */
  kernel?: string;
  initrd?: string;
  /** `lib/modules/RELEASE` of the kernel. */
  modules?: string;
  /** Names of modules to load before anything runs. */
  load?: string[];
  root?: { path: string; writable: boolean };
  /** Absolute path of a program of the root that becomes PID 1. */
  init?: string;
  /** 1 to 32. Default: 1. */
  cpus?: number;
  /** 64 to 65536. Default: 512. */
  memoryMib?: number;
  /** Kernel arguments. Those of a cell's axes are joined by blanks. */
  append?: string;
  disks?: DiskSpec[];
  mounts?: MountSpec[];
  nested?: boolean;
  pmu?: boolean;
  sve?: boolean;
}
