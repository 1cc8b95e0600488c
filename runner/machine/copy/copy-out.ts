/** Files of a running guest out to the host. */
import { type GlobMatch, isPattern } from '../../agent/index.js';
import { VmtestError } from '../../errors.js';
import { inspectHostDestination } from './host-destination.js';
import { type CopySource, type Placement, place } from './place.js';
import { addTransfer, type CopyMachine, type CopyOptions, type CopyResult, duringCopy, limitsOf } from './session.js';
import { openStaging } from './staging.js';

/**
 * Copies a file, a directory, or what fits a pattern (`*`, `?`, `[...]`) from the guest to the host, as
 * `cp -a source destination` would; `source` is absolute, a `destination` that ends with a slash is a directory, and
 * directories that are missing are made. Files that are there are replaced, directories merged. Modes (without set-id bits),
 * times and symbolic links that stay in their tree are kept; the others are left out and reported, as are sockets, devices
 * and what the guest cannot read. Each source is there whole or not at all, and nothing outside `destination` is written.
 *
 * Throws `VMTEST_COPY` when the guest has no such source or not all could be copied, `VMTEST_BAD_INPUT` when `destination`
 * cannot be written, and otherwise as `copyIn` does.
 */
export async function copyOut(
  machine: CopyMachine,
  source: string,
  destination: string,
  options: CopyOptions = {},
): Promise<CopyResult> {
  if (!source.startsWith('/')) {
    throw new VmtestError('VMTEST_USAGE', `${source} is not absolute: what would it be relative to in a guest?`);
  }
  return duringCopy(machine, 'while files were copied out', options, async () => {
    const matches = await machine.agent.glob(source, limitsOf(options));
    const result: CopyResult = { copied: [], entries: 0, bytes: 0, skipped: [] };
    const sources = usable(matches, result);
    if (sources.length === 0) throw nothingToCopy(source, matches.length);
    const asWritten = matches.length === 1 && matches[0]?.path.equals(Buffer.from(source));
    const there = await inspectHostDestination(destination);
    const failures: VmtestError[] = [];
    for (const placement of place(sources, isPattern(source) && !asWritten, there)) {
      await using staging = await openStaging(placement.target, there.kind === 'directory' ? there.path : undefined);
      try {
        const transfer = await get(machine, placement, staging.path, options);
        await staging.moveTo(placement.target);
        addTransfer(result, placement, transfer);
      } catch (error) {
        // One file that vanished or cannot be read: the others are worth having.
        if (!(error instanceof VmtestError) || !['VMTEST_AGENT_IO', 'VMTEST_COPY'].includes(error.code)) throw error;
        failures.push(error);
      }
    }
    if (failures[0] !== undefined) throw incomplete(failures[0], failures.length, result);
    return result;
  });
}

/** Names go through strings from here on, which hold UTF-8. Inside a directory any name will do. */
function usable(matches: readonly GlobMatch[], result: CopyResult): CopySource[] {
  const sources: CopySource[] = [];
  for (const match of matches) {
    const path = match.path.toString();
    const isText = Buffer.from(path).equals(match.path);
    if (match.kind !== 'other' && isText) sources.push({ path, kind: match.kind });
    else result.skipped.push({ path, reason: isText ? 'neither a file nor a directory' : 'its name is not UTF-8' });
  }
  return sources;
}

function get(machine: CopyMachine, { source }: Placement, path: string, options: CopyOptions) {
  const limits = limitsOf(options);
  return source.kind === 'file'
    ? machine.agent.getFile(source.path, path, limits)
    : machine.agent.getTree(source.path, path, limits);
}

function nothingToCopy(source: string, others: number): VmtestError {
  const what = isPattern(source) ? `nothing in the guest fits the pattern ${source}` : `the guest has no ${source}`;
  const message = others === 0 ? what : `${source} is neither a file nor a directory in the guest`;
  return new VmtestError('VMTEST_COPY', message, { context: { source } });
}

function incomplete(first: VmtestError, count: number, { copied }: CopyResult): VmtestError {
  if (count === 1 && copied.length === 0) return new VmtestError('VMTEST_COPY', first.message, { cause: first });
  const message = `${count} of ${count + copied.length} could not be copied; the first: ${first.message}`;
  return new VmtestError('VMTEST_COPY', message, { cause: first });
}
