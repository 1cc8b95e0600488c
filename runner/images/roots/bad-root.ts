/** How the errors of roots read: whose fault, which root, what to do. */
import { VmtestError } from '../../errors.js';

/** The input is at fault. */
export const badRoot = (label: string, reason: string, cause?: unknown): VmtestError =>
  new VmtestError('VMTEST_BAD_INPUT', `root ${label}: ${reason}`, { cause, context: { path: label } });

/** The host is at fault: a full disk, a tool that is missing or was killed. */
export const packFailed = (label: string, reason: string, cause?: unknown): VmtestError =>
  new VmtestError('VMTEST_PACK', `cannot pack the root ${label}: ${reason}`, { cause, context: { path: label } });

/** A name out of an archive, safe to print: it may hold control characters. */
export const quoted = (name: string): string => JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
