/** The error for a kernel that the user named and that cannot be booted. */
import { VmtestError } from '../../errors.js';

export const badKernel = (path: string, reason: string, cause?: unknown): VmtestError =>
  new VmtestError('VMTEST_BAD_INPUT', `kernel ${path}: ${reason}`, {
    ...(cause === undefined ? {} : { cause }),
    context: { path },
  });
