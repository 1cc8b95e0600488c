/** Several reporters as one; what fails in one of them does not reach the others. */
import { join, resolve } from 'node:path';
import { VmtestError } from '../errors.js';
import type { RunEvent } from '../results/events/event.js';
import type { Reporter, ReporterContext } from './reporter.js';
import type { ReporterSpec } from './spec.js';

/** A reporter that failed, and why. */
export interface ReporterProblem {
  reporter: string;
  /** VMTEST_RESULTS where its file cannot be written, VMTEST_OUTPUT_CLOSED where nobody reads. */
  error: VmtestError;
}

export interface Reporters {
  /** Never throws. */
  onEvent(event: RunEvent): void;
  /** Never rejects. */
  drained(): Promise<void>;
  /** Ends all; never rejects. The problems of those that failed, also before. */
  finish(): Promise<readonly ReporterProblem[]>;
}

/** `onProblem` is told as soon as a reporter failed; it gets no further events. */
export function combineReporters(
  reporters: readonly { name: string; reporter: Reporter }[],
  onProblem: (problem: ReporterProblem) => void = () => {},
): Reporters {
  const problems: ReporterProblem[] = [];
  const working = new Set(reporters);
  type One = (typeof reporters)[number];

  function fail(one: One, cause: unknown): void {
    if (!working.delete(one)) return;
    const problem = { reporter: one.name, error: asVmtestError(one.name, cause) };
    problems.push(problem);
    onProblem(problem);
  }

  return {
    onEvent(event) {
      for (const one of working) {
        try {
          one.reporter.onEvent(event);
        } catch (error) {
          fail(one, error);
        }
      }
    },
    async drained() {
      for (const one of working) {
        try {
          await one.reporter.drained?.();
        } catch (error) {
          fail(one, error);
        }
      }
    },
    async finish() {
      // One after the other: several may write to standard output.
      for (const one of working) {
        try {
          await one.reporter.finish();
        } catch (error) {
          fail(one, error);
        }
      }
      return problems;
    },
  };
}

function asVmtestError(name: string, cause: unknown): VmtestError {
  if (cause instanceof VmtestError) return cause;
  const { code, message } =
    cause instanceof Error ? (cause as NodeJS.ErrnoException) : { code: '', message: String(cause) };
  // An error of the system is one of the disk; anything else is ours.
  if (code !== undefined && /^E[A-Z]+$/.test(code)) {
    return new VmtestError('VMTEST_RESULTS', `the report of ${name} cannot be written: ${message}`, { cause });
  }
  return new VmtestError('VMTEST_REPORTER', `a bug in the reporter ${name}: ${message}`, { cause });
}

/** Rejects with VMTEST_RESULTS when the output of one cannot be made, before anything is run. */
export async function createReporters(
  specs: readonly ReporterSpec[],
  context: ReporterContext,
  onProblem?: (problem: ReporterProblem) => void,
): Promise<Reporters> {
  const made: { name: string; reporter: Reporter }[] = [];
  for (const spec of specs) {
    try {
      made.push({ name: spec.name, reporter: await createReporter(spec, context) });
    } catch (error) {
      throw asVmtestError(spec.name, error);
    }
  }
  return combineReporters(made, onProblem);
}

/** Each is loaded only when it is wanted. */
async function createReporter(spec: ReporterSpec, context: ReporterContext): Promise<Reporter> {
  switch (spec.name) {
    case 'list':
    case 'line':
      return (await import('./terminal/list.js')).createListReporter(spec.name, context);
    case 'dot':
      return (await import('./terminal/dot.js')).createDotReporter(context);
    case 'json':
      return (await import('./json.js')).createJsonReporter(outputOf(spec, context, 'report.json'), context);
    case 'junit': {
      const surefire = spec.junit?.dialect === 'surefire';
      const output = outputOf(spec, context, surefire ? 'surefire' : 'junit.xml');
      return (await import('./junit/junit.js')).createJunitReporter(output, spec.junit ?? {}, context);
    }
    case 'github':
      return (await import('./github/github.js')).createGithubReporter(context);
    case 'blob':
      return (await import('./blob.js')).createBlobReporter(outputOf(spec, context, 'blob'), context);
  }
}

/** An absolute path, or `-` for standard output. */
function outputOf({ output }: ReporterSpec, context: ReporterContext, name: string): string {
  if (output === '-') return output;
  if (output !== undefined) return resolve(context.cwd, output);
  return context.documents === 'results' && context.results !== undefined ? join(context.results, name) : '-';
}
