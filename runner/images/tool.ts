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

/** Where Debian has the tools that are not part of every installation. */
const DEBIAN_PACKAGES: Readonly<Record<string, string>> = {
  'apt-cache': 'apt',
  'apt-get': 'apt',
  'dpkg-deb': 'dpkg',
  depmod: 'kmod',
  mmdebstrap: 'mmdebstrap',
  xz: 'xz-utils',
  zstd: 'zstd',
};

/** Standard output. Throws `VMTEST_TOOL`; its message is the line of the tool's complaint that says most. */
export async function execTool(file: string, args: string[], options: ToolOptions = {}): Promise<string> {
  const { execa } = await import('execa');
  // depmod lives in sbin, which is not on the path of everyone.
  const path = `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`;
  const env = { ...options.env, LC_ALL: 'C', PATH: path };
  const child = execa(file, args, {
    env,
    stdin: 'ignore',
    detached: options.detached === true,
    cleanup: true,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  });
  const release = options.detached === true ? endGroupWith(child.pid, options.signal) : () => {};
  try {
    return (await child).stdout;
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw new VmtestError('VMTEST_TOOL', complaintOf(file, cause), { cause });
  } finally {
    release();
  }
}

/** A group of its own does not hear of our end: it is told. Returns what forgets the group when it has ended. */
function endGroupWith(pid: number | undefined, signal: AbortSignal | undefined): () => void {
  if (pid === undefined) return () => {};
  const end = (): void => {
    try {
      process.kill(-pid, 'SIGTERM');
    } catch {
      // Gone already.
    }
  };
  process.once('exit', end);
  signal?.addEventListener('abort', end, { once: true });
  return () => {
    process.off('exit', end);
    signal?.removeEventListener('abort', end);
  };
}

function complaintOf(file: string, cause: unknown): string {
  const { code, stderr = '', shortMessage } = cause as { code?: string; stderr?: string; shortMessage?: string };
  if (code === 'ENOENT') {
    const debian = DEBIAN_PACKAGES[file];
    return `${file} is not installed${debian === undefined ? '' : ` (Debian: ${debian})`}`;
  }
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const full = lines.find((line) => /no space left/i.test(line));
  if (full !== undefined) return `${full.trim()}; make room, or set VMTEST_CACHE to a directory elsewhere`;
  // apt and mmdebstrap say first what is wrong, and then that they failed.
  const first = lines.find((line) => /^E: /.test(line));
  return (first ?? lines.at(-1) ?? shortMessage ?? String(cause)).trim();
}
