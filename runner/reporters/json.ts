/** `json`: one document for the whole run, written as jobs end. */
import { EVENTS_VERSION } from '../results/events/event.js';
import { createRunModel } from '../results/events/run-model.js';
import { jobCounts, statusOf } from '../results/events/status.js';
import { createJobCollector, type FinishedJob } from './finished-jobs.js';
import type { Reporter, ReporterContext } from './reporter.js';
import { createSink } from './sink.js';

/** `{"version", "id", ..., "jobs": [...], "status", "durationMs", "counts": {"jobs", "cases"}}`, a job a line. */
export async function createJsonReporter(output: string, context: ReporterContext): Promise<Reporter> {
  const sink = await createSink(output, context.stdout);
  const collector = createJobCollector();
  const model = createRunModel();
  let separator = '\n';

  function add(job: FinishedJob): void {
    sink.write(`${separator}${JSON.stringify(documentOf(job))}`);
    separator = ',\n';
  }

  return {
    onEvent(event) {
      const job = model.apply(event);
      if (job !== undefined && event.type === 'job-end') model.release(job);
      if (event.type === 'run-begin') {
        const { time, id, vmtest, config, argv, shard, hostname } = event;
        const head = JSON.stringify({ version: EVENTS_VERSION, id, vmtest, config, argv, shard, hostname, time });
        sink.write(`${head.slice(0, -1)},"jobs":[`);
      }
      const finished = collector.onEvent(event);
      if (finished !== undefined) add(finished);
    },
    drained: sink.drained,
    async finish() {
      for (const job of collector.unfinished()) add(job);
      const { end, cases, run, time } = model;
      const durationMs = end?.durationMs ?? Math.max(0, time - (run?.time ?? time));
      const tail = {
        status: statusOf(model),
        message: end?.message,
        durationMs,
        counts: { jobs: jobCounts(model), cases },
      };
      if (run !== undefined) sink.write(`\n],${JSON.stringify(tail).slice(1)}\n`);
      await sink.end();
    },
  };
}

function documentOf({
  info,
  verdict,
  message,
  begun,
  durationMs,
  counts,
  cases,
  faults,
  guest,
  end,
  earlier,
}: FinishedJob) {
  return {
    ...info,
    verdict,
    message,
    time: begun,
    durationMs,
    counts,
    guest: guest === undefined ? undefined : withoutOrigin(guest),
    exitCode: end?.exitCode,
    repeat: end?.repeat,
    attachments: end?.attachments,
    warnings: end?.warnings,
    console: end?.console,
    faults: faults.map(withoutOrigin),
    cases: cases.map(withoutOrigin),
    earlier: earlier.map((attempt) => ({ ...attempt, cases: attempt.cases.map(withoutOrigin) })),
  };
}

/** The fields of an event that say what it is about and not where it comes from. */
function withoutOrigin<T extends { type: string; job: string; attempt: number; time: number }>(event: T) {
  const { type: _, job: __, attempt: ___, time: ____, ...rest } = event;
  return rest;
}
