/** `vmtest report` and `vmtest merge-reports`: arguments, and the commands as processes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventsOf, type RunScript, TYPICAL } from '../results/testing/run-events.js';
import type { Verdict } from '../results/verdict.js';
import { parseCommandLine } from './parse.js';

/** Found from here and not from the working directory. */
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const main = fileURLToPath(new URL('main.ts', import.meta.url));
const parse = (...argv: string[]) => parseCommandLine(argv, { version: '1', env: {} });

describe('arguments of report and merge-reports', () => {
  it.each([
    [['report', '--from', 'd'], { kind: 'report', from: 'd', reporters: [{ name: 'list' }] }],
    [
      ['report', '--from', 'd', '--reporter', 'list,junit', '--output', 'x.xml'],
      { kind: 'report', from: 'd', reporters: [{ name: 'list' }, { name: 'junit', output: 'x.xml' }] },
    ],
    [['report', '--from', 'd', '--reporter', 'json'], { kind: 'report', from: 'd', reporters: [{ name: 'json' }] }],
    [
      ['report', '--from', 'd', '--reporter', 'list,github'],
      { kind: 'report', from: 'd', reporters: [{ name: 'list' }, { name: 'github' }] },
    ],
    [['merge-reports', 'a', 'b'], { kind: 'merge-reports', directories: ['a', 'b'], reporters: [{ name: 'list' }] }],
    [
      ['merge-reports', 'a', '--output', 'o', '--reporter', 'list,junit,blob'],
      {
        kind: 'merge-reports',
        directories: ['a'],
        output: 'o',
        reporters: [{ name: 'list' }, { name: 'junit' }, { name: 'blob' }],
      },
    ],
  ])('%j', (argv, command) => {
    expect(parse(...argv)).toEqual(command);
  });

  it.each([
    [['report'], "required option '--from <dir>' not specified"],
    [['report', '--from', ''], '--from: is empty'],
    [['report', '--from', 'd', '--reporter', 'html'], '--reporter: "html" is no reporter; there are list, dot,'],
    [
      ['report', '--from', 'd', '--reporter', 'list', '--output', 'x'],
      '--output: there must be one report to write there',
    ],
    [
      ['report', '--from', 'd', '--reporter', 'json,junit', '--output', 'x'],
      '--output: there must be one report to write there',
    ],
    [
      ['report', '--from', 'd', '--reporter', 'list,json'],
      '--reporter: json would be mixed with other reports; write json=FILE',
    ],
    [['report', '--from', 'd', '--reporter', 'github,junit'], '--reporter: junit would be mixed with other reports'],
    [['report', '--from', 'd', '--reporter', 'blob'], '--reporter: blob writes a directory: name it with =DIR'],
    [['report', '--from', 'd', '--reporter', 'junit+surefire'], '--reporter: junit writes a directory'],
    [['merge-reports'], "missing required argument 'dir'"],
    [['merge-reports', ''], 'merge-reports: is empty'],
    [['merge-reports', 'a', '--reporter', 'json,list'], '--reporter: json would be mixed'],
  ])('%j is refused', (argv, message) => {
    expect(() => parse(...argv)).toThrow(
      expect.objectContaining({ code: 'VMTEST_USAGE', message: expect.stringContaining(message) }),
    );
  });

  it('have help with examples and exit codes', () => {
    for (const name of ['report', 'merge-reports']) {
      expect(parse(name, '--help')).toMatchObject({
        kind: 'print',
        text: expect.stringMatching(/Examples:[\s\S]*Reporters:[\s\S]*Exit codes:/),
      });
    }
  });
});

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-reports-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const vmtest = (...args: string[]) =>
  execa(process.execPath, ['--import', tsx, main, ...args], {
    reject: false,
    stdin: 'ignore',
    cwd: directory,
    env: { FORCE_COLOR: '0' },
  });

async function put(name: string, script: RunScript): Promise<string> {
  await mkdir(join(directory, name), { recursive: true });
  const text = eventsOf(script).map((event) => `${JSON.stringify(event)}\n`);
  await writeFile(join(directory, name, 'events.jsonl'), text.join(''));
  return join(directory, name);
}

const shard = (index: number, verdict: Verdict = 'passed'): RunScript => ({
  begin: { shard: { index, count: 3 } },
  jobs: [
    {
      cell: `c${index}`,
      suite: 's',
      attempts: [{ verdict, attachments: [{ name: 'stdout', path: `jobs/${index}/stdout.log` }] }],
    },
  ],
});

describe('vmtest report', () => {
  it('replays a run into reports, whatever it was', async () => {
    await put('results', TYPICAL);
    const list = await vmtest('report', '--from', 'results', '--reporter', 'list,junit=out/j.xml,json=out/r.json');
    expect(list).toMatchObject({ exitCode: 0, stderr: '' });
    expect(list.stdout).toMatch(/^passed 6\.1\/512M > smoke[\s\S]*\nresults {2}results\nfailed$/);
    expect((await readdir(join(directory, 'out'))).sort()).toEqual(['j.xml', 'r.json']);
    const same = await vmtest('report', '--from', 'results', '--reporter', 'junit');
    expect(`${same.stdout}\n`).toBe(await readFile(join(directory, 'out/j.xml'), 'utf8'));
    expect(same.stdout).toContain('[[ATTACHMENT|results/jobs/6.1-512M/ktap/0/console.log]]');
  });

  it('reports a run that was killed in the middle of a line', async () => {
    const path = await put('results', { ...TYPICAL, end: false });
    await appendFile(join(path, 'events.jsonl'), '{"type":"job-be');
    const { exitCode, stdout, stderr } = await vmtest('report', '--from', 'results');
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(
      /^vmtest: .*events\.jsonl:\d+: the last line is cut off; the run was killed, or its disk was full$/,
    );
    expect(stdout).toContain('interrupted: the run has no end: it was killed');
  });

  it('says which line is wrong, and reports what stands before it', async () => {
    const path = await put('results', { ...TYPICAL, end: false });
    await appendFile(join(path, 'events.jsonl'), 'nonsense\n{}\n');
    const { exitCode, stdout, stderr } = await vmtest('report', '--from', 'results', '--reporter', 'junit');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^vmtest: .*events\.jsonl:\d+: the line is no JSON$/);
    expect(stdout).toMatch(/<\/testsuites>$/);
    expect(await vmtest('report', '--from', 'nowhere')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('there is no '),
    });
  });

  it('says that a report cannot be written, and writes the others', async () => {
    await put('results', TYPICAL);
    const full = await vmtest('report', '--from', 'results', '--reporter', 'list,json=/dev/full');
    expect(full).toMatchObject({
      exitCode: 3,
      stderr: 'vmtest: /dev/full cannot be written: ENOSPC: no space left on device, write',
    });
    expect(full.stdout).toMatch(/\nfailed$/);
    const never = await vmtest('report', '--from', 'results', '--reporter', 'json=results/events.jsonl/x');
    expect(never.exitCode).toBe(3);
  });

  it('ends when nobody reads', async () => {
    const cases = Array.from({ length: 20_000 }, (_, i) => ({ path: [`t${i}`] }));
    await put('results', { jobs: [{ cell: 'c', suite: 's', attempts: [{ cases }] }] });
    const args = ['--import', 'tsx', main, 'report', '--from', join(directory, 'results'), '--reporter', 'junit'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += String(chunk);
    });
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const [code] = await once(child, 'close');
    expect({ code, stderr }).toEqual({ code: 141, stderr: 'vmtest: nobody reads the output\n' });
  });
});

describe('vmtest merge-reports', () => {
  it('joins shards with their files and reports', async () => {
    for (const index of [1, 2, 3]) {
      const path = await put(`in/${index}`, shard(index));
      await mkdir(join(path, `jobs/${index}`), { recursive: true });
      await writeFile(join(path, `jobs/${index}/stdout.log`), `said ${index}`);
    }
    const { exitCode, stdout, stderr } = await vmtest(
      'merge-reports',
      'in',
      '--output',
      'out',
      '--reporter',
      'list,junit,json,blob',
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/\njobs {5}3 passed of 3\n[\s\S]*results {2}out\npassed$/);
    expect((await readdir(join(directory, 'out'))).sort()).toEqual([
      'blob',
      'events.jsonl',
      'jobs',
      'junit.xml',
      'report.json',
    ]);
    expect(await readFile(join(directory, 'out/jobs/2/stdout.log'), 'utf8')).toBe('said 2');
    // What was joined can be reported, and joined again.
    expect((await vmtest('report', '--from', 'out')).stdout).toBe(stdout);
    expect(await vmtest('merge-reports', 'out/blob')).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await vmtest('merge-reports', 'in', '--output', 'out')).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('events.jsonl cannot be made: it is there already; name another directory'),
    });
  });

  it('exits with 1 when a shard is missing, with 3 when only the host failed, with 130 when interrupted', async () => {
    const [one, two] = [await put('1', shard(1)), await put('2', shard(2))];
    const missing = await vmtest('merge-reports', one, two, '--reporter', 'json');
    expect(missing).toMatchObject({ exitCode: 1, stderr: 'vmtest: shard 3/3 is missing' });
    expect(JSON.parse(missing.stdout)).toMatchObject({ status: 'failed', message: 'shard 3/3 is missing' });
    expect((await vmtest('merge-reports', one, two, await put('infra', shard(3, 'infra-error')))).exitCode).toBe(3);
    expect((await vmtest('merge-reports', one, two, await put('stopped', shard(3, 'interrupted')))).exitCode).toBe(130);
    expect((await vmtest('merge-reports', one, two, await put('bad', shard(3, 'kernel-splat')))).exitCode).toBe(1);
    expect((await vmtest('merge-reports', one, 'nowhere')).exitCode).toBe(2);
  });

  it('says which files a shard lacks', async () => {
    await put('1', { ...shard(1), begin: {} });
    const { exitCode, stderr } = await vmtest('merge-reports', '1', '--output', 'out');
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^vmtest: .*\/1 has no jobs\/1\/stdout\.log, which c1 > s names$/);
  });
});
