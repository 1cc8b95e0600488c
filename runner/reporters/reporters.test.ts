/** Reporters together, and those that write documents. */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventsOf, TYPICAL } from '../results/testing/run-events.js';
import { copyAttachments } from './blob.js';
import { combineReporters } from './reporters.js';
import { createFileSink, createSpool, createStreamSink } from './sink.js';
import { parseReporters } from './spec.js';
import { createScreen, report, type Screen } from './testing/report.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-reporters-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('several reporters', () => {
  it('go on when one of them fails, which is told once', async () => {
    const seen: string[] = [];
    const told: string[] = [];
    const good = { onEvent: ({ type }: { type: string }) => void seen.push(type), finish: () => Promise.resolve() };
    const bad = {
      onEvent: () => {
        throw new TypeError('no such thing');
      },
      finish: () => Promise.reject(new Error('not reached')),
    };
    const late = {
      onEvent: () => {},
      finish: () => Promise.reject(Object.assign(new Error('ENOSPC: full'), { code: 'ENOSPC' })),
    };
    const all = combineReporters(
      [
        { name: 'bad', reporter: bad },
        { name: 'late', reporter: late },
        { name: 'good', reporter: good },
      ],
      ({ reporter }) => told.push(reporter),
    );
    const events = eventsOf(TYPICAL);
    for (const event of events) all.onEvent(event);
    await all.drained();
    expect(await all.finish()).toMatchObject([
      { reporter: 'bad', error: { code: 'VMTEST_REPORTER', message: 'a bug in the reporter bad: no such thing' } },
      {
        reporter: 'late',
        error: { code: 'VMTEST_RESULTS', message: 'the report of late cannot be written: ENOSPC: full' },
      },
    ]);
    expect(told).toEqual(['bad', 'late']);
    expect(seen).toHaveLength(events.length);
  });

  it('go on when nobody reads standard output', async () => {
    const stdout = new Writable({
      write: (_, __, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    const file = join(directory, 'junit.xml');
    const { problems } = await report(`list,junit=${file}`, eventsOf(TYPICAL), { stdout: stdout as unknown as Screen });
    expect(problems).toMatchObject([{ reporter: 'list', error: { code: 'VMTEST_OUTPUT_CLOSED' } }]);
    expect(await readFile(file, 'utf8')).toContain('</testsuites>');
  });

  it('cannot be made where their output cannot be', async () => {
    await writeFile(join(directory, 'file'), '');
    for (const name of ['json', 'junit', 'blob']) {
      await expect(report(`${name}=${directory}/file/x`, [])).rejects.toMatchObject({ code: 'VMTEST_RESULTS' });
    }
  });
});

describe('sinks', () => {
  it('wait for a slow reader', async () => {
    const stream = new PassThrough({ highWaterMark: 10 });
    const sink = createStreamSink(stream);
    sink.write('x'.repeat(100));
    let drained = false;
    const waiting = sink.drained().then(() => {
      drained = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(drained).toBe(false);
    stream.resume();
    await waiting;
    await sink.end();
  });

  it('keep a file until the new one is whole, and what is no file as it is', async () => {
    const path = join(directory, 'deep/file');
    await mkdir(join(directory, 'deep'));
    await writeFile(path, 'old');
    const sink = await createFileSink(path);
    sink.write('new');
    expect(await readFile(path, 'utf8')).toBe('old');
    await sink.end();
    expect(await readFile(path, 'utf8')).toBe('new');
    expect(await readdir(join(directory, 'deep'))).toEqual(['file']);
    const nowhere = await createFileSink('/dev/null');
    nowhere.write('x');
    await nowhere.end();
    expect((await readFile('/dev/null')).length).toBe(0);
    await expect(createFileSink(directory).then((each) => each.end())).rejects.toMatchObject({
      code: 'VMTEST_RESULTS',
    });
  });

  it('give back what waited on the disk, characters whole', async () => {
    const spool = createSpool(directory);
    const text = '\u{1f600}caf\u00e9'.repeat(100_000);
    spool.write(text);
    expect(await readdir(directory)).toEqual([]);
    const path = join(directory, 'out');
    const sink = await createFileSink(path);
    await spool.pour(sink);
    await spool.pour(sink);
    await sink.end();
    spool.close();
    expect(await readFile(path, 'utf8')).toBe(text);
  });
});

describe('names of reporters', () => {
  it.each([
    ['list', [{ name: 'list' }]],
    ['list,junit=a=b.xml', [{ name: 'list' }, { name: 'junit', output: 'a=b.xml' }]],
    [
      'junit+flaky+surefire=d,json',
      [{ name: 'junit', output: 'd', junit: { flakyFailures: true, dialect: 'surefire' } }, { name: 'json' }],
    ],
    [
      'junit=a,junit=b',
      [
        { name: 'junit', output: 'a' },
        { name: 'junit', output: 'b' },
      ],
    ],
  ])('%s', (text, specs) => {
    expect(parseReporters('--reporter', text)).toEqual(specs);
  });

  it.each([
    ['', '"" is no reporter; there are list, dot, line, json, junit, github, blob'],
    ['toString', '"toString" is no reporter'],
    ['list=x', 'list writes to standard output and takes no file'],
    ['json=', 'json=: names no file'],
    ['json=a\0b', 'json=: names no file'],
    ['list+flaky', 'only junit has switches'],
    ['junit+toString', 'junit has no switch "toString"; there are surefire, flaky'],
    ['list,list', 'list is named twice'],
  ])('%j is refused', (text, message) => {
    expect(() => parseReporters('--reporter', text)).toThrow(
      expect.objectContaining({ code: 'VMTEST_USAGE', message: expect.stringContaining(message) }),
    );
  });
});

describe('json', () => {
  it('is one document with everything', async () => {
    const { text } = await report('json', eventsOf(TYPICAL));
    const document = JSON.parse(text);
    expect(document).toMatchObject({
      version: 1,
      id: 'run-1',
      status: 'failed',
      counts: { jobs: { passed: 1 }, cases: { passed: 7 } },
    });
    expect(document.jobs).toHaveLength(7);
    expect(document.jobs[1]).toMatchObject({
      id: '6.1/512M > ktap',
      axes: { kernel: '6.1' },
      verdict: 'failed',
      exitCode: 1,
      guest: { kernelRelease: '6.1.0-56-cloud-amd64' },
      cases: [{ path: ['list', 'adds'], verdict: 'passed' }, { verdict: 'failed', location: { line: 42 } }, {}],
    });
    expect(document.jobs[2].earlier).toMatchObject([
      { verdict: 'idle-timeout', cases: [{ path: ['smoke', 'boots'] }] },
    ]);
    expect(document.jobs[3].faults).toMatchObject([{ fault: { type: 'kasan' }, during: ['list', 'removes'] }]);
    expect(document.jobs[6]).toMatchObject({ verdict: 'not-run', message: 'the run ended before its turn', cases: [] });
  });

  it('is a document also of a run that was killed', async () => {
    const { text } = await report('json', eventsOf({ ...TYPICAL, end: false }));
    expect(JSON.parse(text)).toMatchObject({ status: 'interrupted' });
  });
});

describe('blob', () => {
  it('takes directories, and nothing that a link leads to', async () => {
    const from = join(directory, 'from');
    await mkdir(join(from, 'out/deep'), { recursive: true });
    await writeFile(join(from, 'out/deep/file'), 'x');
    await symlink('/etc/hostname', join(from, 'out/link'));
    await symlink('/etc', join(from, 'etc'));
    const to = join(directory, 'to');
    const attach = (path: string) => ({ name: 'copy-out', path });
    expect(await copyAttachments(['out', 'etc', 'etc/hostname', 'none'].map(attach), from, to)).toEqual([
      'etc',
      'etc/hostname',
      'none',
    ]);
    expect(await readdir(to, { recursive: true })).toEqual(['out', 'out/deep', 'out/deep/file']);
  });

  it('has the events and the files that are there, and none from elsewhere', async () => {
    const results = join(directory, 'results');
    const blob = join(directory, 'blob');
    await mkdir(join(results, 'jobs/6.1-512M/ktap/0'), { recursive: true });
    await writeFile(join(results, 'jobs/6.1-512M/ktap/0/console.log'), 'booting');
    await symlink('/etc/passwd', join(results, 'jobs/6.1-512M/ktap/0/stdout.log'));
    const events = eventsOf(TYPICAL);
    const { problems } = await report(`blob=${blob}`, events, { results });
    expect(problems).toEqual([]);
    expect(await readFile(join(blob, 'events.jsonl'), 'utf8')).toBe(
      events.map((event) => `${JSON.stringify(event)}\n`).join(''),
    );
    expect(await readdir(join(blob, 'jobs/6.1-512M/ktap/0'))).toEqual(['console.log']);
    await expect(report(`blob=${blob}`, [])).rejects.toMatchObject({ code: 'VMTEST_RESULTS' });
    await expect(report('blob', [], { stdout: createScreen() })).rejects.toMatchObject({ code: 'VMTEST_USAGE' });
  });
});
