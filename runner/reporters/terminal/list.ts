/** `list` and `line`: jobs as they end, above what goes on. */
import type { RunBegin } from '../../results/events/event.js';
import { createRunModel } from '../../results/events/run-model.js';
import { isFailure } from '../../results/verdict.js';
import type { Reporter, ReporterContext } from '../reporter.js';
import { engineLine } from '../shown.js';
import { createDisplay } from './display.js';
import { jobDetails, jobLine } from './job-lines.js';
import { countersLine, progressLines, runningLine, type Screen, stillRunning } from './progress-lines.js';
import { resultsText } from './results-text.js';
import { createStyle, wantsColour } from './style.js';
import { summaryLines } from './summary-lines.js';

/** What is known before anything runs. */
function beginLines({ jobs, engines = [] }: RunBegin): string[] {
  if (jobs.length === 0) return ['nothing to run'];
  return engines.map(engineLine);
}

/** `line` prints only jobs that failed, and has one line for what goes on. */
export async function createListReporter(kind: 'list' | 'line', context: ReporterContext): Promise<Reporter> {
  const model = createRunModel();
  const style = createStyle(wantsColour(context.stdout, context.env));
  const display = await createDisplay(context, {
    draw: (screen) => (kind === 'list' ? progressLines(model, style, screen) : oneLine(screen)),
    tell: (now) => stillRunning(model, now),
  });

  function oneLine(screen: Screen): string[] {
    const [newest] = [...model.running].slice(-1);
    const counters = countersLine(model, style, screen);
    const left = screen.columns - screen.widthOf(counters);
    return [
      newest === undefined || left < 30
        ? counters
        : counters + runningLine(newest, style, { ...screen, columns: left }),
    ];
  }

  return {
    onEvent(event) {
      const job = model.apply(event);
      if (event.type === 'run-begin') display.print(beginLines(event));
      if (event.type !== 'job-end' || job === undefined) return;
      if (kind === 'list' || isFailure(event.verdict) || event.warnings !== undefined) {
        display.print([jobLine(job, event, style), ...jobDetails(job, event, style)]);
      }
      model.release(job);
    },
    drained: display.drained,
    async finish() {
      display.print(summaryLines(model, style, resultsText(context)));
      await display.end();
    },
  };
}
