/** The copies of `vmtest run`: looked at before the guest, done before and after its command. */
import { abortReason, settledWithin } from '../deadline.js';
import { VmtestError } from '../errors.js';
import { copySourcesIn } from '../machine/copy/copy-in.js';
import { copyOut } from '../machine/copy/copy-out.js';
import { inspectHostDestination } from '../machine/copy/host-destination.js';
import { findHostSources, type HostSources } from '../machine/copy/host-sources.js';
import type { CopyResult } from '../machine/copy/session.js';
import type { Machine } from '../machine/machine.js';
import { plain } from '../results/plain.js';
import { skippedLines } from './copy-report.js';
import type { Copies, CopySpec } from './copy-spec.js';

export interface PreparedCopies {
  /**
   * Copies in, runs the command, copies out, however the command ended. Answers or throws what the command did; a copy-out
   * that failed is an error of its own only after a command that succeeded (`succeeded` of its exit code), else a warning.
   */
  around(machine: Machine, command: () => Promise<number>, succeeded: (code: number) => boolean): Promise<Outcome>;
}

export interface Outcome {
  code: number;
  /** Of a copy-out. Thrown by the caller when it has nothing else left to do. */
  failure?: unknown;
}

/** Ends of a guest, after which there is nobody to copy from. */
const GUEST_GONE = ['VMTEST_GUEST_PANIC', 'VMTEST_GUEST_ENDED', 'VMTEST_ENGINE'];
/** After these every further copy would fail too, and each would take its time. */
const HOPELESS = [...GUEST_GONE, 'VMTEST_AGENT_LOST', 'VMTEST_AGENT_TIMEOUT'];

const codeOf = (error: unknown): string => (error instanceof VmtestError ? error.code : '');

/** Throws `VMTEST_BAD_INPUT` for what is wrong on the host, before any guest is started. */
export async function prepareCopies(
  { copyIn = [], copyOut: out = [] }: Copies,
  signal: AbortSignal,
  say: (message: string) => void,
): Promise<PreparedCopies> {
  const sources: [CopySpec, HostSources][] = [];
  for (const spec of copyIn) {
    sources.push([spec, await named('--copy-in', spec, findHostSources(spec.source, { signal }))]);
  }
  for (const spec of out) await named('--copy-out', spec, inspectHostDestination(spec.destination));
  const warn = (message: string): void => say(`warning: ${message}`);
  const report = (flag: string, spec: CopySpec, { skipped }: CopyResult): void => {
    for (const line of skippedLines(skipped)) warn(`${flag} ${plain(spec.text)}: ${line}`);
  };

  const bringIn = async (machine: Machine): Promise<void> => {
    for (const [spec, found] of sources) {
      const copied = copySourcesIn(machine, found, spec.destination, { signal });
      report('--copy-in', spec, await named('--copy-in', spec, copied));
    }
  };

  /** The first error; the others are said. */
  const bringOut = async (machine: Machine): Promise<unknown> => {
    let first: unknown;
    for (const spec of out) {
      try {
        report(
          '--copy-out',
          spec,
          await named('--copy-out', spec, copyOut(machine, spec.source, spec.destination, { signal })),
        );
      } catch (error) {
        if (signal.aborted) throw error;
        if (first === undefined) first = error;
        else warn((error as Error).message);
        if (HOPELESS.includes(codeOf(error))) break;
      }
    }
    return first;
  };

  const bringOutAnyway = async (machine: Machine, error: unknown): Promise<void> => {
    if (out.length === 0 || signal.aborted) return;
    if (GUEST_GONE.includes(codeOf(error)) || (await settledWithin(machine.ended, 0))) {
      return warn('the guest has ended, so nothing could be copied out');
    }
    const failure = await bringOut(machine);
    if (failure !== undefined) warn((failure as Error).message);
  };

  return {
    async around(machine, command, succeeded) {
      await bringIn(machine);
      let code: number;
      try {
        code = await command();
      } catch (error) {
        await bringOutAnyway(machine, error).catch((failure: unknown) => {
          if (signal.aborted) throw abortReason(signal);
          warn((failure as Error).message);
        });
        throw error;
      }
      const failure = await bringOut(machine);
      if (failure === undefined || succeeded(code)) return { code, failure };
      if (GUEST_GONE.includes(codeOf(failure))) warn('the guest has ended, so nothing could be copied out');
      else warn((failure as Error).message);
      return { code };
    },
  };
}

/** An error says which flag it belongs to. */
async function named<T>(flag: string, spec: CopySpec, action: Promise<T>): Promise<T> {
  try {
    return await action;
  } catch (error) {
    if (!(error instanceof VmtestError) || error.code === 'VMTEST_INTERRUPTED') throw error;
    const hint = error.code === 'VMTEST_COPY' && hasSpareColon(spec) ? ' (a colon in a guest path is written \\:)' : '';
    throw new VmtestError(error.code, plain(`${flag} ${spec.text}: ${error.message}${hint}`), {
      cause: error,
      context: error.context,
    });
  }
}

/** More colons than the one that separates: perhaps it was not the one that was meant. */
const hasSpareColon = ({ text }: CopySpec): boolean => (text.match(/(?<!\\):/g)?.length ?? 0) > 1;
