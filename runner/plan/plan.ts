/** What is to be run: the values between a configuration and whatever runs it. Plain, and without effects. */
import type { EngineName } from '../engine/choice.js';
import type { AllowedFault } from '../results/faults/allow-list.js';
import type { FormatName } from '../results/format-names.js';
import type { GuestOptions } from './guest-options.js';

/** One point of the matrix. */
export interface Cell {
  /** The labels of its axes, joined by `/`, like `cloud/512M`; the image's name where no axis was given. Unique. */
  name: string;
  /** Label by axis, in the order of the configuration: `kernel`, `image`, `arch`, `cpus`, `memory`, then the user's own. */
  axes: Readonly<Record<string, string>>;
  guest: GuestOptions;
}

/** Limits, milliseconds. */
export interface Timeouts {
  /** From the start of the guest until its agent answers. */
  boot: number;
  /** Of the suite's own command; the deadline of each command of `setup` and `teardown`, too. */
  command: number;
  /** Without a byte of output from the command. None when absent. */
  idle?: number;
  /** From the beginning of an attempt to the end of its command: images, boot, copies in, setup. None when absent. */
  total?: number;
}

/** argv, or a line for the guest's `/bin/sh -c`. */
export type GuestCommand = readonly string[] | string;

/** SRC on one side, DST on the other; patterns are for the source only. */
export interface Copy {
  source: string;
  destination: string;
}

/** What is known of a suite or of some of its cases before it runs. */
export interface Expectation {
  /** Path of a case, its names joined by ` > `, `*` for anything. All of the suite when absent. */
  case?: string;
  /** `skip`: is not run (a suite), or does not count (a case). `fail`: must fail; that it passes is a failure. */
  outcome: 'skip' | 'fail';
  reason: string;
  /** The last day on which it is expected, in UTC, as `2026-12-31`. Always there for `fail`. */
  expires?: string;
  /** Where it is expected. Everywhere when absent. */
  only?: Condition;
}

/** All of what is given must hold. */
export interface Condition {
  /** A range of versions (semver), compared with the kernel's release without what follows its third number: `>=6.1 <6.8`. */
  kernelVersion?: string;
  /** Which engine serves the guest: `native` for what needs the speed of the machine. */
  engine?: EngineName;
  /** By axis: the labels of which one must be the cell's; `*` for anything. */
  axes?: Readonly<Record<string, readonly string[]>>;
}

export interface Suite {
  /** Unique. */
  name: string;
  run: GuestCommand;
  parse: FormatName;
  /** Path in the guest of the file that has the results, for formats of kind `file`. Default for others: standard output. */
  resultFile?: string;
  cwd?: string;
  env: Readonly<Record<string, string>>;
  user?: string;
  setup: readonly GuestCommand[];
  /** Run also when `setup` or the command failed, as long as the guest lives. */
  teardown: readonly GuestCommand[];
  copyIn: readonly Copy[];
  /** Destinations are relative to the attempt's directory in the results. */
  copyOut: readonly Copy[];
  timeouts: Timeouts;
  /** How often a failed suite is tried again, each time in a fresh guest. */
  retries: number;
  expect: readonly Expectation[];
  only?: Condition;
  /** `guest`: a fresh one for this suite. `cell`: shared with the other such suites of the cell, in their order. */
  isolate: 'guest' | 'cell';
  /** `report`: a fault of the kernel is told, and fails nothing. */
  faults: 'fail' | 'report';
  allowedFaults: readonly AllowedFault[];
}

/** One suite in one cell: the unit of filters, shards, retries and `--last-failed`. */
export interface Job {
  /** `CELL > SUITE`, with ` #2` and so on where it is repeated. Unique. */
  id: string;
  cell: Cell;
  suite: Suite;
  /** Counts from 1; more than 1 with `--repeat-each`. */
  repetition: number;
}

export interface Plan {
  /** In the order of the configuration: cells first, suites next. */
  jobs: readonly Job[];
}
