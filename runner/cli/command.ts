/** What `vmtest` can be told to do: argv, parsed and checked, as plain values. */

import type { EngineChoice } from '../engine/choice.js';
import type { DiskSpec, MountSpec } from '../engine/guest.js';
import type { Architecture } from '../images/kernels/architecture.js';
import type { Flavour } from '../images/packages.js';
import type { ReporterSpec } from '../reporters/spec.js';
import type { FormatName } from '../results/format-names.js';
import type { Shard, Workers } from '../units.js';
import type { Copies } from './copy-spec.js';

export interface RunCommand extends Copies {
  kind: 'run';
  argv: string[];
  engine?: EngineChoice;
  arch?: Architecture;
  image?: string;
  kernel?: string;
  initrd?: string;
  modules?: string;
  load?: string[];
  cpus: number;
  memoryMib: number;
  append?: string;
  disks: DiskSpec[];
  mounts: MountSpec[];
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
  pmu: boolean;
  sve: boolean;
  failOnSplat: boolean;
  /** Say what would be started, and start nothing. */
  dryRun: boolean;
  tty: 'auto' | 'always' | 'never';
}

/** What was not given is absent: the configuration says it. */
export interface TestCommand {
  kind: 'test';
  /** Parts of jobs' names, or regular expressions. */
  filters: string[];
  /** A file, or a directory that has one. */
  config?: string;
  grep?: string;
  grepInvert?: string;
  /** Names of cells, `*` for anything. */
  projects: string[];
  shard?: Shard;
  workers?: Workers;
  retries?: number;
  repeatEach: number;
  /** 0 is no limit. */
  maxFailures?: number;
  lastFailed: boolean;
  /** Print the jobs, and run nothing. */
  list: boolean;
  /** Print the plan, and run nothing. */
  dryRun: boolean;
  /** Instead of those of the configuration. */
  reporters?: ReporterSpec[];
  /** Relative to the working directory. */
  output?: string;
  /** Of all guests. */
  engine?: EngineChoice;
  /** Limit of the suites' commands, milliseconds. */
  timeoutMs?: number;
  failOnFlaky: boolean;
  passWithNoTests: boolean;
  updateTimings: boolean;
  watch: boolean;
}

export const STARTER_FORMATS = ['ts', 'mjs', 'yaml', 'json'] as const;
export type StarterFormat = (typeof STARTER_FORMATS)[number];

export interface InitCommand {
  kind: 'init';
  format: StarterFormat;
  directory: string;
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

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

export interface DoctorCommand {
  kind: 'doctor';
  json: boolean;
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
  | TestCommand
  | InitCommand
  | { kind: 'completion'; shell: Shell }
  | ScanCommand
  | DoctorCommand
  | ImagesCommand
  | ParseResultsCommand
  | ReportCommand
  | MergeReportsCommand
  | { kind: 'kernel-config'; arch?: Architecture }
  /** Help or the version, as asked for. */
  | { kind: 'print'; text: string };
