/** What `vmtest` can be told to do: argv, parsed and checked, as plain values. */
import type { DiskSpec } from '../engine/guest.js';
import type { Flavour } from '../images/resolve.js';

export interface RunCommand {
  kind: 'run';
  argv: string[];
  kernel?: string;
  initrd?: string;
  modules?: string;
  cpus: number;
  memoryMib: number;
  append?: string;
  disks: DiskSpec[];
  env: Record<string, string>;
  cwd?: string;
  user?: string;
  /** Limit of the command, milliseconds. */
  timeoutMs?: number;
  /** Limit from the start of the guest until its agent is ready, milliseconds. */
  bootTimeoutMs: number;
  /** `-` is standard error. */
  console?: string;
  nested: boolean;
  failOnSplat: boolean;
  tty: 'auto' | 'always' | 'never';
}

export type Command =
  | RunCommand
  | { kind: 'doctor' }
  | { kind: 'images-fetch'; flavours: Flavour[] }
  /** Help or the version, as asked for. */
  | { kind: 'print'; text: string };
