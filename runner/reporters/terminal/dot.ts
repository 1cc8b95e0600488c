/** `dot`: one character for each case, and what failed at the end. */
import { createRunModel } from '../../results/events/run-model.js';
import { totalOf } from '../../results/suite-result.js';
import { type CaseVerdict, isFailure } from '../../results/verdict.js';
import type { Reporter, ReporterContext } from '../reporter.js';
import { createDisplay } from './display.js';
import { jobDetails, jobLine } from './job-lines.js';
import { resultsText } from './results-text.js';
import { paintVerdict } from './style.js';
import { summaryLines } from './summary-lines.js';

const PER_LINE = 80;
/** Lines about jobs that failed which are kept for the end. */
const MAX_LINES = 5000;

/** `.` passed, `s` skipped, `~` flaky, `-` not run, `F` failed, `E` whatever happened to a guest or to the host. */
function sign(verdict: CaseVerdict): string {
  if (verdict === 'passed') return '.';
  if (verdict === 'skipped') return 's';
  if (verdict === 'flaky') return '~';
  if (verdict === 'not-run') return '-';
  return verdict === 'failed' ? 'F' : 'E';
}

export async function createDotReporter(context: ReporterContext): Promise<Reporter> {
  const model = createRunModel();
  const display = await createDisplay(context);
  const { style } = display;
  const failed: string[] = [];
  let column = 0;

  function dot(verdict: CaseVerdict): void {
    display.write(paintVerdict(style, verdict, sign(verdict)));
    column += 1;
    if (column < PER_LINE) return;
    display.write('\n');
    column = 0;
  }

  return {
    onEvent(event) {
      const job = model.apply(event);
      if (event.type === 'case') dot(event.verdict);
      if (event.type !== 'job-end' || job === undefined) return;
      // What no case shows, the job does.
      const shownByCase = event.verdict === 'failed' ? job.failureCount > 0 : event.counts[event.verdict] > 0;
      if (totalOf(event.counts) === 0 || (isFailure(event.verdict) && !shownByCase)) dot(event.verdict);
      if (isFailure(event.verdict) && failed.length < MAX_LINES) {
        failed.push('', jobLine(job, event, style), ...jobDetails(job, event, style));
      }
      model.release(job);
    },
    drained: display.drained,
    async finish() {
      if (column > 0) display.write('\n');
      display.print([...failed, ...summaryLines(model, style, resultsText(context))]);
      await display.end();
    },
  };
}
