/** The events of several shards as those of one run. */
import { isFailure } from '../verdict.js';
import { EVENTS_VERSION, type JobInfo, type RunBegin, type RunEvent, type RunStatus } from './event.js';
import { readEvents } from './reader.js';
import { createRunModel } from './run-model.js';
import type { Shard } from './shards.js';
import { jobCounts } from './status.js';

export interface MergePlan {
  begin: RunBegin;
  /** In their order. Those that are there twice are there once. */
  shards: readonly Shard[];
  /** Why they are not all of one run, and no more; a line each. */
  problems: string[];
}

/** How shards become one run, whose `id` is given. At least one shard. Pure. */
export function planMerge(all: readonly Shard[], id: string): MergePlan {
  const problems: string[] = [];
  const byIndex = new Map<number, Shard>();
  const shards: Shard[] = [];
  const [first] = all;
  const count = all.find(({ begin }) => begin.shard !== undefined)?.begin.shard?.count;
  for (const shard of all) {
    const { shard: of, plan } = shard.begin;
    if (of === undefined) {
      if (count !== undefined) problems.push(`${shard.directory} is no shard, and others are`);
    } else {
      const twin = byIndex.get(of.index);
      if (of.count !== count) problems.push(`${shard.directory} is a shard of ${of.count}, and others are of ${count}`);
      else if (twin !== undefined) {
        problems.push(
          `shard ${nameOf(shard)} is there twice: ${twin.directory} is taken, ${shard.directory} is left out`,
        );
        continue;
      } else byIndex.set(of.index, shard);
    }
    if (plan !== first?.begin.plan) problems.push(`${shard.directory} is of another plan than ${first?.directory}`);
    shards.push(shard);
  }
  for (let index = 1; index <= (count ?? 0); index += 1) {
    if (!byIndex.has(index)) problems.push(`shard ${index}/${count} is missing`);
  }
  shards.sort((a, b) => (a.begin.shard?.index ?? 0) - (b.begin.shard?.index ?? 0));
  const jobs = new Map<string, JobInfo>();
  for (const { begin, directory } of shards) {
    const twice = begin.jobs.filter((job) => jobs.has(job.id));
    if (twice.length > 0) {
      problems.push(
        `jobs of ${directory} are there already and left out: ${twice.length}, the first is ${twice[0]?.id}`,
      );
    }
    for (const job of begin.jobs) if (!jobs.has(job.id)) jobs.set(job.id, job);
  }
  return { begin: mergedBegin(shards, [...jobs.values()], id), shards, problems };
}

const nameOf = ({ begin: { shard } }: Shard): string => (shard === undefined ? '1/1' : `${shard.index}/${shard.count}`);

function mergedBegin(shards: readonly Shard[], jobs: JobInfo[], id: string): RunBegin {
  const begins = shards.map(({ begin }) => begin);
  const [first] = begins;
  const { config, plan, hostname } = first ?? {};
  return {
    type: 'run-begin',
    time: begins.reduce((least, { time }) => Math.min(least, time), first?.time ?? 0),
    version: EVENTS_VERSION,
    id,
    vmtest: first?.vmtest ?? '',
    argv: first?.argv ?? [],
    ...(config === undefined ? {} : { config }),
    ...(plan === undefined ? {} : { plan }),
    ...(hostname === undefined || begins.some((each) => each.hostname !== hostname) ? {} : { hostname }),
    jobs,
  };
}

export interface MergeOptions {
  onTorn?: (message: string) => void;
  signal?: AbortSignal;
}

/** An event, and the results that it is from; none for the begin and the end of the whole. */
export interface MergedEvent {
  event: RunEvent;
  directory?: string;
}

/**
 * The events of all shards, one shard after the other. A shard without an end is one more of `plan.problems`, and any
 * problem makes the run `failed`. Otherwise it is `failed` when anything failed, then `interrupted`, then
 * `infra-error`.
 */
export async function* mergeEvents(plan: MergePlan, options: MergeOptions = {}): AsyncGenerator<MergedEvent> {
  const model = createRunModel();
  const problems = plan.problems;
  const statuses = new Set<RunStatus>();
  const messages: string[] = [];
  const owners = new Map<string, Shard>();
  for (const shard of plan.shards) {
    for (const { id } of shard.begin.jobs) if (!owners.has(id)) owners.set(id, shard);
  }
  let durationMs = 0;
  let time = plan.begin.time;
  model.apply(plan.begin);
  yield { event: plan.begin };
  for (const shard of plan.shards) {
    let ended = false;
    let last = shard.begin.time;
    for await (const event of readEvents(shard.directory, options)) {
      last = event.time;
      if (event.type === 'run-begin') continue;
      if (event.type === 'run-end') {
        ended = true;
        statuses.add(event.status);
        durationMs = Math.max(durationMs, event.durationMs);
        if (event.message !== undefined) messages.push(event.message);
      } else if (owners.get(event.job) === shard) {
        const job = model.apply(event);
        if (job !== undefined && event.type === 'job-end') model.release(job);
        yield { event, directory: shard.directory };
      }
    }
    time = Math.max(time, last);
    durationMs = Math.max(durationMs, last - shard.begin.time);
    if (!ended) problems.push(`shard ${nameOf(shard)} has no end, it was killed: ${shard.directory}`);
  }
  const jobs = jobCounts(model);
  const failed = Object.entries(jobs).some(([verdict, count]) => {
    const word = verdict as keyof typeof jobs;
    return count > 0 && isFailure(word) && word !== 'infra-error' && word !== 'interrupted' && word !== 'not-run';
  });
  const status = (['failed', 'interrupted', 'infra-error'] as const).find((each) => statuses.has(each)) ?? 'passed';
  const message = [...problems, ...new Set(messages)].join('; ');
  yield {
    event: {
      type: 'run-end',
      time,
      status: failed || problems.length > 0 ? 'failed' : status,
      durationMs,
      jobs,
      cases: { ...model.cases },
      ...(message === '' ? {} : { message }),
    },
  };
}
