import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { planTests, runTests, type TestOutcome, type TestRequest } from './run-tests.js';
import { createFakeBoot, type FakeBootOptions } from './testing/fake-boot.js';

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'vmtest-tests-'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

const CONFIG = {
  memory: ['128M', '256M'],
  suites: [
    { name: 'good', run: 'good' },
    { name: 'bad', run: 'bad' },
  ],
  reporters: ['list', 'junit', 'json'],
};

interface Result extends TestOutcome {
  stdout: string;
  warnings: string[];
}

async function run(request: Partial<TestRequest> = {}, fake: FakeBootOptions = {}): Promise<Result> {
  const stdout = new PassThrough();
  const said = text(stdout);
  const warnings: string[] = [];
  const asked = { cwd, ...request };
  const { boot } = createFakeBoot({ command: (line) => (line === 'bad' ? 1 : 0), ...fake });
  const outcome = await runTests(asked, await planTests(asked), {
    boot,
    version: '0',
    argv: ['test'],
    stdout,
    env: { NO_COLOR: '1' },
    warn: (message) => warnings.push(message),
    signal: new AbortController().signal,
    budget: { cpus: 2, memory: 10_000 },
  });
  stdout.end();
  return { ...outcome, stdout: await said, warnings };
}

const configure = (config: object) => writeFile(join(cwd, 'vmtest.config.json'), JSON.stringify(config));

test('from a configuration to reports and files', async () => {
  await configure(CONFIG);
  const { status, stdout, problems, lost, warnings } = await run();
  expect([status, problems, lost, warnings]).toEqual(['failed', [], false, []]);
  expect(stdout).toContain('256M > bad');
  expect(stdout).toContain("npx vmtest test --config vmtest.config.json --project 256M --grep '/^256M > bad$/'");
  const results = join(cwd, 'vmtest-results');
  expect((await readdir(results)).sort()).toEqual(['events.jsonl', 'junit.xml', 'report.json']);
  expect(await readFile(join(results, 'junit.xml'), 'utf8')).toContain('<failure');
  const lines = (await readFile(join(results, 'events.jsonl'), 'utf8')).trim().split('\n');
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ type: 'run-end', jobs: { passed: 2, failed: 2 } });
});

test('the line that repeats a job does that', async () => {
  await configure(CONFIG);
  const { planned } = await planTests({ cwd, projects: ['256M'], grep: '/^256M > bad$/' });
  expect(planned.plan.jobs.map(({ id }) => id)).toEqual(['256M > bad']);
});

test('what failed last is run again, and timings are kept', async () => {
  await configure(CONFIG);
  await run({ updateTimings: true });
  expect(await readFile(join(cwd, 'vmtest-timings.json'), 'utf8')).toContain('128M > good');
  const { planned } = await planTests({ cwd, lastFailed: true });
  expect(planned.plan.jobs.map(({ id }) => id)).toEqual(['128M > bad', '256M > bad']);
  const mended = await run({ lastFailed: true }, { command: () => 0 });
  expect(mended.status).toBe('passed');
  await expect(run({ lastFailed: true })).rejects.toThrow(/nothing failed in the last run/);
});

test('shards share the jobs, and say that they are of one run', async () => {
  await configure({ ...CONFIG, reporters: ['dot'] });
  const runOf = async (index: number) => {
    const output = join(cwd, `shard${index}`);
    await run({ shard: { index, count: 3 }, output });
    return JSON.parse((await readFile(join(output, 'events.jsonl'), 'utf8')).split('\n')[0] ?? '');
  };
  const shards = [await runOf(1), await runOf(2), await runOf(3)];
  expect(new Set(shards.map(({ plan }) => plan)).size).toBe(1);
  expect(shards.flatMap(({ jobs }) => jobs.map(({ id }: { id: string }) => id)).sort()).toEqual([
    '128M > bad',
    '128M > good',
    '256M > bad',
    '256M > good',
  ]);
});

test('results that cannot be written to their end are told, and the run goes on', async () => {
  await configure({ ...CONFIG, reporters: ['dot', ['junit', { outputFile: '/dev/full' }]] });
  const { status, problems, warnings } = await run();
  expect(status).toBe('failed');
  expect(problems).toHaveLength(1);
  expect(warnings.join()).toContain('ENOSPC');
});
