/** The length that the kernel's command line may have. */
import { VmtestError } from '../errors.js';

/** COMMAND_LINE_SIZE of x86 and arm64 in Linux, less the NUL at its end. Bytes. */
const MAX_BYTES = 2047;

/** Throws `VMTEST_BAD_INPUT` for what the kernel would cut off. */
export function checkCommandLine(line: string): void {
  const bytes = Buffer.byteLength(line);
  if (bytes <= MAX_BYTES) return;
  const message = `--append: the kernel's command line has ${bytes} bytes, the kernel takes ${MAX_BYTES}`;
  throw new VmtestError('VMTEST_BAD_INPUT', message);
}
