/** Shards become one run, or it is told why they cannot. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventsOf, type RunScript } from '../testing/run-events.js';
import type { Verdict } from '../verdict.js';
import type { RunEvent } from './event.js';
import { mergeEvents, planMerge } from './merge.js';
import { findShards } from './shards.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-merge-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function put(name: string, script: RunScript): Promise<string> {
  const path = join(directory, name);
  await mkdir(path, { recursive: true });
  await writeFile(
    join(path, 'events.jsonl'),
    eventsOf(script)
      .map((event) => `${JSON.stringify(event)}\n`)
      .join(''),
  );
  return path;
}

const shard = (index: number, verdict: Verdict = 'passed', more: Partial<RunScript> = {}): RunScript => ({
  begin: { shard: { index, count: 3 }, plan: 'p', id: `run-${index}` },
  jobs: [{ cell: `c${index}`, suite: 's', attempts: [{ verdict, cases: [{ path: ['a'] }] }] }],
  ...more,
});

async function merged(
  directories: string[],
): Promise<{ events: RunEvent[]; problems: string[]; end: RunEvent & { type: 'run-end' } }> {
  const plan = planMerge(await findShards(directories), 'merged');
  const events: RunEvent[] = [];
  for await (const { event } of mergeEvents(plan)) events.push(event);
  const end = events.at(-1);
  if (end?.type !== 'run-end') throw new Error('no end');
  return { events, problems: plan.problems.map((problem) => problem.replaceAll(`${directory}/`, '')), end };
}

describe('merging', () => {
  it('joins shards in their order, however they are named', async () => {
    const { events, problems, end } = await merged([
      await put('c', shard(3)),
      await put('a', shard(1)),
      await put('b', shard(2)),
    ]);
    expect(problems).toEqual([]);
    expect(end).toMatchObject({ status: 'passed', jobs: { passed: 3 }, cases: { passed: 3 } });
    const [begin] = events;
    expect(begin).toMatchObject({ type: 'run-begin', id: 'merged', plan: 'p', hostname: 'builder' });
    expect(begin).not.toHaveProperty('shard');
    expect(begin?.type === 'run-begin' && begin.jobs.map(({ id }) => id)).toEqual(['c1 > s', 'c2 > s', 'c3 > s']);
    expect(events.filter(({ type }) => type === 'run-begin' || type === 'run-end')).toHaveLength(2);
  });

  it('finds shards in the directories of a directory', async () => {
    for (const index of [1, 2, 3]) await put(`all/shard-${index}`, shard(index));
    await mkdir(join(directory, 'all/other'));
    expect((await merged([join(directory, 'all')])).problems).toEqual([]);
  });

  it('tells of a shard that is missing, or there twice', async () => {
    const one = await put('1', shard(1));
    const three = await put('3', shard(3));
    const missing = await merged([one, three]);
    expect(missing.problems).toEqual(['shard 2/3 is missing']);
    expect(missing.end).toMatchObject({ status: 'failed', message: 'shard 2/3 is missing', jobs: { passed: 2 } });
    const twice = await merged([one, await put('2', shard(2)), await put('3-again', shard(3, 'failed')), three]);
    expect(twice.problems).toEqual(['shard 3/3 is there twice: 3-again is taken, 3 is left out']);
    expect(twice.end).toMatchObject({ status: 'failed', jobs: { passed: 2, failed: 1 } });
  });

  it('tells of shards of different runs', async () => {
    const one = await put('1', shard(1));
    const other = await put('2', shard(2, 'passed', { begin: { shard: { index: 2, count: 4 }, plan: 'q' } }));
    const none = await put('x', { jobs: [] });
    expect((await merged([one, other, none])).problems).toEqual([
      '2 is a shard of 4, and others are of 3',
      '2 is of another plan than 1',
      'x is no shard, and others are',
      'x is of another plan than 1',
      'shard 2/3 is missing',
      'shard 3/3 is missing',
    ]);
  });

  it('joins runs that are no shards, but no job twice', async () => {
    const a = await put('a', { jobs: [{ cell: 'a', suite: 's', attempts: [{}] }] });
    const b = await put('b', {
      jobs: [
        { cell: 'b', suite: 's', attempts: [{}] },
        { cell: 'a', suite: 's', attempts: [{ verdict: 'failed' }] },
      ],
    });
    const { problems, end } = await merged([a, b]);
    expect(problems).toEqual(['jobs of b are there already and left out: 1, the first is a > s']);
    expect(end.jobs).toMatchObject({ passed: 2, failed: 0 });
  });

  it.each([
    [['passed', 'passed', 'infra-error'], 'infra-error'],
    [['interrupted', 'passed', 'infra-error'], 'interrupted'],
    [['interrupted', 'kernel-panic', 'infra-error'], 'failed'],
  ] as const)('of %j is %s', async (verdicts, status) => {
    const paths = await Promise.all(verdicts.map((verdict, i) => put(`${i}`, shard(i + 1, verdict))));
    const { end, problems } = await merged(paths);
    expect(problems).toEqual([]);
    expect(end.status).toBe(status);
  });

  it('fails where a shard was killed', async () => {
    const paths = [
      await put('1', shard(1)),
      await put('2', shard(2, 'passed', { end: false })),
      await put('3', shard(3)),
    ];
    const { end, problems } = await merged(paths);
    expect(problems).toEqual(['shard 2/3 has no end, it was killed: 2']);
    expect(end.status).toBe('failed');
  });

  it('refuses directories without results', async () => {
    await mkdir(join(directory, 'empty'));
    await expect(findShards([join(directory, 'empty')])).rejects.toMatchObject({
      code: 'VMTEST_BAD_INPUT',
      message: expect.stringContaining('there is no events.jsonl in'),
    });
    await expect(findShards([join(directory, 'nowhere')])).rejects.toMatchObject({
      code: 'VMTEST_BAD_INPUT',
      message: expect.stringContaining('ENOENT'),
    });
    await writeFile(join(directory, 'empty/events.jsonl'), '');
    await expect(findShards([join(directory, 'empty')])).rejects.toMatchObject({
      message: expect.stringContaining('has no events'),
    });
  });
});
