/** What `report` and `merge-reports` have in common. */
import { ExitCode } from '../exit-codes.js';
import { createReporters, type ReporterProblem, type Reporters } from '../reporters/reporters.js';
import type { ReporterSpec } from '../reporters/spec.js';
import type { RunEvent } from '../results/events/event.js';

/** Events between two looks at whether the reader of our output is slow. */
const PACE = 256;

export const warn = (message: string): void => {
  process.stderr.write(`vmtest: ${message}\n`);
};

/** `results`: absolute, where the files of the jobs are. */
export async function openReporters(
  specs: readonly ReporterSpec[],
  documents: 'stdout' | 'results',
  results?: string,
): Promise<Reporters> {
  return createReporters(
    specs,
    {
      stdout: process.stdout,
      env: process.env,
      cwd: process.cwd(),
      documents,
      live: false,
      ...(results === undefined ? {} : { results }),
    },
    ({ error }) => {
      if (error.code !== 'VMTEST_OUTPUT_CLOSED') warn(error.message);
    },
  );
}

/** Gives all events to the reporters, and ends them also when the events break off: what there is, is reported. */
export async function replay(
  events: AsyncIterable<RunEvent>,
  reporters: Reporters,
): Promise<readonly ReporterProblem[]> {
  let count = 0;
  try {
    for await (const event of events) {
      reporters.onEvent(event);
      count += 1;
      if (count % PACE === 0) await reporters.drained();
    }
  } catch (error) {
    await reporters.finish();
    throw error;
  }
  return reporters.finish();
}

/** The exit code, `code` unless a report was lost. Throws VMTEST_OUTPUT_CLOSED when nobody reads. */
export function settle(code: number, problems: readonly ReporterProblem[]): number {
  const closed = problems.find(({ error }) => error.code === 'VMTEST_OUTPUT_CLOSED');
  if (closed !== undefined) throw closed.error;
  return code === 0 && problems.length > 0 ? ExitCode.hostFailed : code;
}
