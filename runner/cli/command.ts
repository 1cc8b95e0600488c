/** What `vmtest` can be told to do: argv, parsed and checked, as plain values. */
import type { DiskSpec } from '../engine/guest.js';
import type { Architecture } from '../images/kernels/architecture.js';
import type { Flavour } from '../images/packages.js';
import type { ReporterSpec } from '../reporters/spec.js';
import type { FormatName } from '../results/format-names.js';
import type { Copies } from './copy-spec.js';

export interface RunCommand extends Copies {
  kind: 'run';
  argv: string[];
  image?: string;
  kernel?: string;
  initrd?: string;
  modules?: string;
  load?: string[];
  cpus: number;
  memoryMib: number;
  append?: string;
  disks: DiskSpec[];
  /** What the guest has as its root in the place of our initial RAM file system. */
  root?: { path: string; writable: boolean };
  /** The program of the root that becomes PID 1. */
  init?: string;
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
  /** Say what would be started, and start nothing. */
  dryRun: boolean;
  tty: 'auto' | 'always' | 'never';
}

/** What can be done with the images of the store. `arch` is the host's where it was not given. */
export type ImagesCommand =
  | { kind: 'images-fetch'; names: string[]; arch: Architecture; flavours: Flavour[] }
  | { kind: 'images-list' }
  | { kind: 'images-build'; name: string; arch: Architecture }
  | { kind: 'images-path'; name: string; arch: Architecture }
  | { kind: 'images-pack'; name: string; arch: Architecture; out?: string }
  | { kind: 'images-pull'; name: string; arch: Architecture }
  | { kind: 'images-verify' }
  | { kind: 'images-prune'; all: boolean };

export interface ScanCommand {
  kind: 'scan';
  /** `-` is standard input. */
  file: string;
  /** A kernel with debug information, for lines of the source. */
  vmlinux?: string;
  json: boolean;
}

export interface ParseResultsCommand {
  kind: 'parse';
  format: FormatName;
  /** `-` is standard input. */
  file: string;
  json: boolean;
  /** Of the command that wrote the results, where it is known. */
  exitCode?: number;
}

export interface ReportCommand {
  kind: 'report';
  /** Directory of the results. */
  from: string;
  reporters: ReporterSpec[];
}

export interface MergeReportsCommand {
  kind: 'merge-reports';
  /** At least one. */
  directories: string[];
  reporters: ReporterSpec[];
  /** Directory for the joined results. */
  output?: string;
}

export type Command =
  | RunCommand
  | ScanCommand
  | { kind: 'doctor' }
  | ImagesCommand
  | ParseResultsCommand
  | ReportCommand
  | MergeReportsCommand
  | { kind: 'kernel-config'; arch?: Architecture }
  /** Help or the version, as asked for. */
  | { kind: 'print'; text: string };
