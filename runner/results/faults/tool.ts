/** Runs a tool of the host and reads what it prints, line by line. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { VmtestError } from '../../errors.js';

export interface ToolRun {
  args: readonly string[];
  /** What it reads. */
  input?: string;
  onLine: (line: string) => void;
  /** Ends it. */
  signal: AbortSignal;
}

/** Throws `VMTEST_TOOL`, also when the signal ended it. */
export async function runTool(file: string, { args, input, onLine, signal }: ToolRun): Promise<void> {
  const child = spawn(file, args, { env: { ...process.env, LC_ALL: 'C' }, stdio: ['pipe', 'pipe', 'ignore'], signal });
  // A tool that ended early does not read the rest.
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  const lines = createInterface({ input: child.stdout });
  lines.on('line', onLine);
  const drained = once(lines, 'close');
  const [code] = await new Promise<[number | null]>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve([status]));
  }).catch((cause: NodeJS.ErrnoException) => {
    const missing = cause.code === 'ENOENT' ? `${file} is not installed` : `${file}: ${cause.message}`;
    throw new VmtestError('VMTEST_TOOL', missing, { cause });
  });
  await drained;
  if (code !== 0) throw new VmtestError('VMTEST_TOOL', `${file} failed with ${code ?? 'a signal'}`);
}
