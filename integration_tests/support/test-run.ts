/** `vmtest test` with a configuration of its own, and what its events say. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestInfo } from '@playwright/test';
import type { VmtestConfig } from '../../runner/index.js';
import type { CaseEnd, JobEnd, RunEnd, RunEvent } from '../../runner/results/events/event.js';
import { type CliResult, type RunningCli, startVmtest } from './cli.js';

export interface TestDirectory {
  config: string;
  results: string;
}

/** Writes the configuration into a directory of the test's own. */
export async function writeConfig(info: TestInfo, config: VmtestConfig): Promise<TestDirectory> {
  const directory = info.outputPath('tests');
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'vmtest.config.json');
  await writeFile(path, JSON.stringify(config));
  return { config: path, results: join(directory, 'vmtest-results') };
}

export interface RunResults {
  ends: JobEnd[];
  cases: CaseEnd[];
  end: RunEnd | undefined;
  /** Verdict by suite; of the last attempt. */
  verdicts: Record<string, string>;
}

export async function readResults(directory: string): Promise<RunResults> {
  const text = await readFile(join(directory, 'events.jsonl'), 'utf8');
  const events = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RunEvent);
  const ends = events.filter((event) => event.type === 'job-end');
  const suiteOf = (job: string): string => job.split(' > ').at(-1) ?? '';
  return {
    ends,
    cases: events.filter((event) => event.type === 'case'),
    end: events.find((event) => event.type === 'run-end'),
    verdicts: Object.fromEntries(ends.map(({ job, verdict }) => [suiteOf(job), verdict])),
  };
}

export function startTests({ config }: TestDirectory, flags: readonly string[] = []): Promise<RunningCli> {
  return startVmtest(['test', '--config', config, ...flags]);
}

export async function runTests(directory: TestDirectory, flags: readonly string[] = []): Promise<CliResult> {
  return (await startTests(directory, flags)).result;
}
