/** What `vmtest doctor` says: the document of `--json`, which docs/doctor.md describes. */
import type { Architecture } from '../images/kernels/architecture.js';
import type { Facts } from './facts.js';

/** Changes when a field changes its meaning or goes; new fields and new names of findings do not count. */
export const DOCTOR_SCHEMA = 1;

export type Engine = 'native' | 'qemu';

/**
 * `problem`: something that guests need does not work. `warning`: guests run, but slower, fewer, or not all of them. `note`: good
 * to know.
 */
export type FindingStatus = 'ok' | 'note' | 'warning' | 'problem';

export interface Finding {
  /** Stable: kvm, memory, ... */
  id: string;
  status: FindingStatus;
  /** One line. */
  message: string;
  /** One line: the command that mends it, or what to do where no command does. */
  fix?: string;
}

/** Whether guests of an architecture run under an engine. */
export interface Pair {
  guest: Architecture;
  engine: Engine;
  runs: boolean;
  /** One line. */
  reason: string;
}

export interface DoctorReport {
  schema: typeof DOCTOR_SCHEMA;
  /** The architecture of this machine; null for one that vmtest does not know. */
  host: Architecture | null;
  /** Whether an engine runs guests of the host's architecture: exit code 0. */
  runnable: boolean;
  guests: Pair[];
  findings: Finding[];
  facts: Facts;
}

/** A finding; the fix is left out where nothing needs one. */
export const finding = (id: string, status: FindingStatus, message: string, fix?: string): Finding => ({
  id,
  status,
  message,
  ...(fix === undefined ? {} : { fix }),
});
