/** `github`: annotations on standard output, and a job summary, for GitHub Actions. */
import { appendFile, stat } from 'node:fs/promises';
import { VmtestError } from '../../errors.js';
import { createRunModel } from '../../results/events/run-model.js';
import type { Reporter, ReporterContext } from '../reporter.js';
import { createStreamSink } from '../sink.js';
import { workflowCommand } from './commands.js';
import { createFailures } from './failures.js';
import { jobSummary, MAX_SUMMARY } from './job-summary.js';

/** Elsewhere, without GITHUB_STEP_SUMMARY, there are only the annotations. */
export async function createGithubReporter({ stdout, env }: ReporterContext): Promise<Reporter> {
  const sink = createStreamSink(stdout);
  const model = createRunModel();
  const failures = createFailures(env['GITHUB_WORKSPACE']);
  return {
    onEvent(event) {
      const job = model.apply(event);
      if (event.type !== 'job-end' || job === undefined) return;
      failures.add(job, event);
      model.release(job);
    },
    drained: sink.drained,
    async finish() {
      const annotations = failures.annotations();
      for (const each of annotations) sink.write(`${workflowCommand(each)}\n`);
      await sink.end();
      const path = env['GITHUB_STEP_SUMMARY'];
      if (path === undefined || path === '') return;
      // Other commands of the step write to the same file.
      const used = await stat(path).then(
        ({ size }) => size,
        () => 0,
      );
      const text = jobSummary(model, annotations, MAX_SUMMARY - used);
      await appendFile(path, text).catch((cause: Error) => {
        throw new VmtestError('VMTEST_RESULTS', `the job summary ${path} cannot be written: ${cause.message}`, {
          cause,
        });
      });
    },
  };
}
