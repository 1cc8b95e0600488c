/** Runs the tools of the distribution that fetch and unpack packages. */
import { VmtestError } from '../errors.js';
import { execTool, type ToolOptions } from './tool.js';

export const fetchFailed = (what: string, why: string, cause: unknown): VmtestError =>
  new VmtestError('VMTEST_FETCH', `cannot fetch the Debian package ${what}: ${why}`, { cause });

/** Runs a tool for a package; its last line of complaint becomes the message. */
export async function runTool(what: string, file: string, args: string[], options: ToolOptions = {}): Promise<string> {
  try {
    return await execTool(file, args, options);
  } catch (cause) {
    if (cause instanceof VmtestError && cause.code === 'VMTEST_TOOL') throw fetchFailed(what, cause.message, cause);
    throw cause;
  }
}
