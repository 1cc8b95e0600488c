/** Runs the tools of the host. */
import { VmtestError } from '../errors.js';

export interface ToolOptions {
  cwd?: string;
  signal?: AbortSignal | undefined;
  /** In a process group of its own. Default: false. */
  detached?: boolean;
  /** Besides the caller's. */
  env?: Readonly<Record<string, string>>;
}

/** Standard output. Throws `VMTEST_TOOL`; its message is the last line of the tool's complaint. */
export async function execTool(file: string, args: string[], options: ToolOptions = {}): Promise<string> {
  const { execa } = await import('execa');
  // depmod lives in sbin, which is not on the path of everyone.
  const path = `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`;
  const env = { ...options.env, LC_ALL: 'C', PATH: path };
  try {
    const { stdout } = await execa(file, args, {
      env,
      stdin: 'ignore',
      detached: options.detached === true,
      cleanup: true,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    });
    return stdout;
  } catch (cause) {
    options.signal?.throwIfAborted();
    const failure = cause as { code?: string; stderr?: string; shortMessage?: string };
    if (failure.code === 'ENOENT') throw new VmtestError('VMTEST_TOOL', `${file} is not installed`, { cause });
    const complaint = failure.stderr?.trim().split('\n').at(-1) || failure.shortMessage || String(cause);
    throw new VmtestError('VMTEST_TOOL', complaint, { cause });
  }
}
