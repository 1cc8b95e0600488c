/** The tools that write images: what they see of the caller's environment, and what their failures mean. */
import { packFailed } from './bad-root.js';

/** Little of it: variables like SOURCE_DATE_EPOCH would change the image. Some distributions have mkfs in sbin only. */
export const toolEnvironment = (): Record<string, string> => ({
  PATH: `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`,
  LC_ALL: 'C',
});

export interface PackerRun {
  label: string;
  tool: string;
  /** Where Debian has it. */
  debianPackage: string;
  signal?: AbortSignal | undefined;
}

/** Waits for a tool; rejects with the reason of the signal, or with `VMTEST_PACK` and its line of complaint. */
export async function runPacker(child: Promise<unknown>, run: PackerRun): Promise<void> {
  try {
    await child;
  } catch (cause) {
    run.signal?.throwIfAborted();
    throw packFailed(run.label, complaintOf(cause, run), cause);
  }
}

function complaintOf(cause: unknown, { tool, debianPackage }: PackerRun): string {
  const { code, stderr, shortMessage } = cause as { code?: string; stderr?: string; shortMessage?: string };
  if (code === 'ENOENT') return `${tool} is not installed (Debian: ${debianPackage})`;
  const lines = (stderr ?? '').split('\n').filter((line) => line.trim() !== '');
  if (lines.some((line) => /no space left/i.test(line))) {
    return 'no space left on the file system of the cache; VMTEST_CACHE=DIR moves the cache';
  }
  // Names out of archives may be in it.
  return `${tool}: ${(lines.at(-1) ?? shortMessage ?? String(cause)).trim().replace(/\p{Cc}+/gu, ' ')}`;
}
