/** Files of the host into a running guest. */
import { VmtestError } from '../../errors.js';
import { findHostSources, type HostSources } from './host-sources.js';
import { type CopyDestination, place } from './place.js';
import { addTransfer, type CopyMachine, type CopyOptions, type CopyResult, duringCopy, limitsOf } from './session.js';

/**
 * Copies a file, a directory, or what fits a pattern (`*`, `?`, `[...]`, `**`) from the host into the guest, as
 * `cp -a source destination` would; a `destination` that ends with a slash is a directory, and directories that are missing are
 * made. Modes, times and symbolic links are kept, root owns what is made. Each file is there whole or not at all.
 *
 * Throws `VMTEST_BAD_INPUT` when the host has no such source, `VMTEST_COPY` when it does not fit what the guest has at
 * `destination`, `VMTEST_HOST_FILE` and `VMTEST_AGENT_IO` for what cannot be read or written, `VMTEST_AGENT_TIMEOUT` when the
 * guest makes no progress, and as a command does when the guest ends.
 */
export async function copyIn(
  machine: CopyMachine,
  source: string,
  destination: string,
  options: CopyOptions = {},
): Promise<CopyResult> {
  return copySourcesIn(machine, await findHostSources(source, options), destination, options);
}

/** The second half of `copyIn`, with sources that were found before the guest was started. */
export async function copySourcesIn(
  machine: CopyMachine,
  { sources, fromPattern, skipped }: HostSources,
  destination: string,
  options: CopyOptions = {},
): Promise<CopyResult> {
  if (!destination.startsWith('/')) {
    throw new VmtestError('VMTEST_USAGE', `${destination} is not absolute: what would it be relative to in a guest?`);
  }
  return duringCopy(machine, 'while files were copied in', options, async () => {
    const there = await inspectGuestDestination(machine, destination, options);
    const result: CopyResult = { copied: [], entries: 0, bytes: 0, skipped: [...skipped] };
    for (const placement of place(sources, fromPattern, there)) {
      const { source, target } = placement;
      const put = source.kind === 'file' ? machine.agent.putFile : machine.agent.putTree;
      addTransfer(result, placement, await put.call(machine.agent, source.path, target, limitsOf(options)));
    }
    return result;
  });
}

async function inspectGuestDestination(
  machine: CopyMachine,
  destination: string,
  options: CopyOptions,
): Promise<CopyDestination> {
  const path = destination.replace(/(.)\/+$/, '$1');
  const [match] = await machine.agent.glob(path, { ...limitsOf(options), literal: true });
  return { path, kind: match?.kind ?? 'missing', asDirectory: /\/\.{0,2}$/.test(destination) };
}
