/** `vmtest merge-reports`: the results of shards as those of one run. */
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import type { RunEvent, RunStatus } from '../results/events/event.js';
import { type MergePlan, mergeEvents, planMerge } from '../results/events/merge.js';
import { findShards } from '../results/events/shards.js';
import { exitCodeOfStatus } from '../results/events/status.js';
import { type EventWriter, openEventWriter } from '../results/events/writer.js';
import type { MergeReportsCommand } from './command.js';
import { openReporters, replay, settle, warn } from './reporting.js';

/** Bytes that may wait to be written to the joined events. */
const MAX_BACKLOG = 8 * 1024 * 1024;

/** The exit code is that of the joined run; 1 also when shards are missing, killed, or there twice. */
export async function mergeReports(command: MergeReportsCommand, signal: AbortSignal): Promise<number> {
  const shards = await findShards(
    command.directories.map((each) => resolve(each)),
    signal,
  );
  const plan = planMerge(shards, randomUUID());
  const output = command.output === undefined ? undefined : resolve(command.output);
  const writer = output === undefined ? undefined : await openEventWriter(output);
  try {
    const reporters = await openReporters(command.reporters, output === undefined ? 'stdout' : 'results', output);
    let status: RunStatus = 'interrupted';
    const events = joined(plan, signal, output, writer);
    async function* watched(): AsyncGenerator<RunEvent> {
      for await (const event of events) {
        if (event.type === 'run-end') status = event.status;
        yield event;
      }
    }
    const problems = await replay(watched(), reporters);
    for (const problem of plan.problems) warn(problem);
    await writer?.synced();
    if (writer?.problem !== undefined) throw writer.problem;
    return settle(exitCodeOfStatus(status), problems);
  } finally {
    await writer?.[Symbol.asyncDispose]();
  }
}

/** The joined events, written and with their files copied before they are reported. */
async function* joined(
  plan: MergePlan,
  signal: AbortSignal,
  output: string | undefined,
  writer: EventWriter | undefined,
): AsyncGenerator<RunEvent> {
  const { copyAttachments } = await import('../reporters/blob.js');
  for await (const { event, directory } of mergeEvents(plan, { signal, onTorn: warn })) {
    writer?.write(event);
    if (writer !== undefined && writer.backlog > MAX_BACKLOG) await writer.synced();
    if (event.type === 'job-end' && directory !== undefined && output !== undefined) {
      const missing = await copyAttachments(event.attachments, directory, output);
      for (const path of missing) warn(`${directory} has no ${path}, which ${event.job} names`);
    }
    yield event;
  }
}
