/** The events file: what is written can be read, and what cannot be read is told of. */
import { appendFile, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventsOf, TYPICAL } from '../testing/run-events.js';
import { eventProblem } from './check-event.js';
import type { RunEvent } from './event.js';
import { readEvents } from './reader.js';
import { createEventWriter, openEventWriter } from './writer.js';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-events-'));
  file = join(directory, 'events.jsonl');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const lines = (events: readonly RunEvent[]): string => events.map((event) => `${JSON.stringify(event)}\n`).join('');

async function read(options: Parameters<typeof readEvents>[1] = {}): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const event of readEvents(directory, options)) events.push(event);
  return events;
}

describe('the writer', () => {
  it('writes what can be read back, in order', async () => {
    const events = eventsOf(TYPICAL);
    const path = join(directory, 'deep/er');
    const writer = await openEventWriter(path);
    for (const event of events) writer.write(event);
    expect(writer.backlog).toBeGreaterThan(0);
    await writer.synced();
    expect(await readFile(join(path, 'events.jsonl'), 'utf8')).toBe(lines(events));
    expect(writer.backlog).toBe(0);
    await writer[Symbol.asyncDispose]();
    writer.write(events[0] as RunEvent);
    await writer[Symbol.asyncDispose]();
    expect(await readFile(join(path, 'events.jsonl'), 'utf8')).toBe(lines(events));
  });

  it('syncs cases of one turn once, and stages not at all', async () => {
    const events = eventsOf(TYPICAL);
    const handle = await open(file, 'a');
    let syncs = 0;
    const datasync = handle.datasync.bind(handle);
    handle.datasync = () => {
      syncs += 1;
      return datasync();
    };
    await using writer = createEventWriter(handle, file);
    for (const event of events.filter(({ type }) => type === 'stage' || type === 'guest')) writer.write(event);
    await writer.synced();
    expect(syncs).toBe(0);
    for (const event of events.filter(({ type }) => type === 'case')) writer.write(event);
    await writer.synced();
    expect(syncs).toBe(1);
  });

  it('never overwrites results', async () => {
    await writeFile(file, 'mine');
    await expect(openEventWriter(directory)).rejects.toMatchObject({
      code: 'VMTEST_RESULTS',
      message: `${file} cannot be made: it is there already; name another directory`,
    });
    expect(await readFile(file, 'utf8')).toBe('mine');
    await expect(openEventWriter('/proc/nowhere')).rejects.toMatchObject({ code: 'VMTEST_RESULTS' });
  });

  it('tells of a full disk once and goes on without it', async () => {
    const problems: string[] = [];
    const writer = createEventWriter(await open('/dev/full', 'a'), '/dev/full', {
      onProblem: ({ code, message }) => problems.push(`${code} ${message}`),
    });
    for (const event of eventsOf(TYPICAL)) writer.write(event);
    await writer.synced();
    for (const event of eventsOf(TYPICAL)) writer.write(event);
    await writer[Symbol.asyncDispose]();
    expect(problems).toEqual([
      'VMTEST_RESULTS /dev/full cannot be written any more: ENOSPC: no space left on device, write; results from here on are only shown',
    ]);
    expect(writer.problem?.code).toBe('VMTEST_RESULTS');
    expect(writer.backlog).toBe(0);
  });

  it('tells of a disk that cannot be synced', async () => {
    await using writer = createEventWriter(await open('/dev/null', 'a'), 'it');
    for (const event of eventsOf(TYPICAL)) writer.write(event);
    await writer.synced();
    expect(writer.problem?.message).toMatch(/^it cannot be written any more: EINVAL: invalid argument, fdatasync; /);
  });

  it('keeps whole lines when the disk fills up in the middle of one', async () => {
    // A limit on the size of files is a disk that fills up, for one process.
    const events = eventsOf(TYPICAL);
    const modules = fileURLToPath(new URL('.', import.meta.url));
    const script = `
      const { openEventWriter } = await import(${JSON.stringify(`${modules}writer.ts`)});
      const events = ${JSON.stringify(events)};
      await using writer = await openEventWriter(${JSON.stringify(directory)});
      for (const event of events) { writer.write(event); await writer.synced(); }
      console.log(writer.problem?.code);`;
    const path = join(directory, 'child.mts');
    await writeFile(path, script);
    const { stdout } = await execa('bash', ['-c', 'ulimit -f 2; exec "$0" --import tsx "$1"', process.execPath, path]);
    expect(stdout).toBe('VMTEST_RESULTS');
    const kept = await readFile(file, 'utf8');
    expect(kept).not.toBe('');
    expect(lines(events).startsWith(kept)).toBe(true);
    expect(kept.endsWith('\n')).toBe(true);
  });
});

describe('a run that is killed', () => {
  it('loses nothing of what was synced', async () => {
    const [begin, ...others] = eventsOf({
      jobs: [{ cell: 'c', suite: 's', attempts: [{ cases: [{ path: ['t'] }] }] }],
    });
    const test = others.find(({ type }) => type === 'case');
    const writerUrl = new URL('writer.ts', import.meta.url).href;
    const path = join(directory, 'child.mts');
    await writeFile(
      path,
      `const { openEventWriter } = await import(${JSON.stringify(writerUrl)});
       const writer = await openEventWriter(${JSON.stringify(directory)});
       writer.write(${JSON.stringify(begin)});
       const test = ${JSON.stringify(test)};
       for (let i = 0; ; i += 1) {
         writer.write({ ...test, path: [String(i)], diagnostics: 'x'.repeat(i % 5000) });
         if (i % 7 === 0) { await writer.synced(); process.stdout.write(i + '\\n'); }
       }`,
    );
    const child = execa(process.execPath, ['--import', 'tsx', path], { reject: false, buffer: false });
    let synced = -1;
    for await (const line of child) {
      synced = Number(line);
      if (synced >= 700) break;
    }
    child.kill('SIGKILL');
    await child.catch(() => {});
    const read: string[] = [];
    for await (const event of readEvents(directory)) if (event.type === 'case') read.push(event.path.join());
    expect(read.length).toBeGreaterThan(synced);
    expect(read).toEqual(read.map((_, i) => String(i)));
  });
});

describe('the reader', () => {
  it('gives back any text that was written', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }),
        fc.string({ unit: 'binary' }),
        async (path, message) => {
          await rm(file, { force: true });
          const events = eventsOf({
            jobs: [{ cell: message, suite: 's', attempts: [{ message, cases: [{ path, message }] }] }],
          });
          await using writer = await openEventWriter(directory);
          for (const event of events) writer.write(event);
          await writer.synced();
          expect(await read()).toEqual(events);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('tolerates and tells of a last line that was cut, wherever it was cut', async () => {
    const events = eventsOf({
      ...TYPICAL,
      end: false,
      jobs: [{ cell: 'c', suite: 's', attempts: [{ cases: [{ path: ['caf\u00e9 \u{1f600}'] }], unfinished: true }] }],
    });
    const last = Buffer.from(lines(events.slice(-1)));
    for (let cut = 1; cut < last.length - 1; cut += 1) {
      await writeFile(file, lines(events.slice(0, -1)));
      await appendFile(file, last.subarray(0, cut));
      const torn: string[] = [];
      expect(await read({ onTorn: (message) => torn.push(message) })).toEqual(events.slice(0, -1));
      expect(torn).toEqual([
        `${file}:${events.length}: the last line is cut off; the run was killed, or its disk was full`,
      ]);
    }
    // Only the line feed is missing.
    await writeFile(file, lines(events).trimEnd());
    expect(await read({ onTorn: () => expect.unreachable() })).toEqual(events);
  });

  it('tolerates zeros at the end, as file systems leave them after a power cut', async () => {
    const events = eventsOf({ ...TYPICAL, end: false });
    await writeFile(file, lines(events));
    await appendFile(file, Buffer.alloc(5000));
    const torn: string[] = [];
    expect(await read({ onTorn: (message) => torn.push(message) })).toEqual(events);
    expect(torn).toHaveLength(1);
  });

  const [begin, ...others] = eventsOf(TYPICAL) as [RunEvent, ...RunEvent[]];
  const first = (type: RunEvent['type']): RunEvent => others.find((event) => event.type === type) as RunEvent;
  const wrong: [name: string, text: string, message: string][] = [
    ['nothing', '', 'has no events'],
    ['part of the first line', '{"type":"run-b', 'has no events'],
    ['no JSON in the middle', `${lines([begin])}nonsense\n${lines(others)}`, ':2: the line is no JSON'],
    ['an empty line', `${lines([begin])}\n${lines(others)}`, ':2: the line is no JSON'],
    ['a list', `${lines([begin])}[]\n`, ':2: expected an object'],
    ['no type', `${lines([begin])}{}\n`, ':2: type: is missing'],
    ['an unknown type', `${lines([begin])}{"type":"toString"}\n`, ':2: type: expected one of run-begin, job-begin'],
    [
      'a newer version',
      '{"type":"run-begin","version":2}\n',
      ':1: version 2 of the events; this vmtest reads version 1',
    ],
    ['no version', '{"type":"run-begin","time":1}\n', ':1: run-begin.version: is missing'],
    ['no begin', lines(others), ':1: job-begin before run-begin'],
    ['two begins', lines([begin, begin]), ':2: a second run-begin'],
    ['something after the end', lines([begin, ...others, first('stage')]), 'stage after the end of the run'],
    [
      'a strange job',
      lines([begin, { ...first('case'), job: 'x' } as RunEvent]),
      ':2: case of a job that run-begin does not name',
    ],
    [
      'a path without names',
      lines([begin, { ...first('case'), path: [] } as RunEvent]),
      ':2: case.path: expected a name',
    ],
    [
      'a strange verdict',
      lines([begin, { ...first('case'), verdict: 'good' } as never]),
      ':2: case.verdict: expected one of passed',
    ],
    ['infinity', lines([begin, first('case')]).replace('12.5', '1e999'), ':2: case.durationMs: expected a number'],
    [
      'a path out of the results',
      lines([begin, { ...first('job-end'), attachments: [{ name: 'x', path: 'a/../../etc/passwd' }] } as RunEvent]),
      ':2: job-end.attachments[0].path: expected a relative path without ..',
    ],
    [
      'counts that are none',
      lines([begin, { ...first('job-end'), counts: { passed: -1 } } as never]),
      ':2: job-end.counts.passed: expected a count',
    ],
    [
      'fields of another prototype',
      `${lines([begin]) + JSON.stringify(first('stage')).replace('"stage":"boot"', '"__proto__":{"stage":"boot"}')}\n`,
      ':2: stage.stage: is missing',
    ],
  ];
  it.each(wrong)('refuses %s', async (_, text, message) => {
    await writeFile(file, text);
    await expect(read()).rejects.toMatchObject({ code: 'VMTEST_BAD_INPUT', message: expect.stringContaining(message) });
  });

  it('refuses what is no UTF-8, no file, and not there', async () => {
    await writeFile(file, Buffer.concat([Buffer.from(lines([begin])), Buffer.from([0xff, 0xfe, 0x0a])]));
    await expect(read()).rejects.toMatchObject({ message: `${file}:2: the line is no UTF-8` });
    await rm(file);
    await expect(read()).rejects.toMatchObject({ code: 'VMTEST_BAD_INPUT', message: `there is no ${file}` });
    await mkdir(file);
    await expect(read()).rejects.toMatchObject({
      code: 'VMTEST_BAD_INPUT',
      message: expect.stringContaining('is no regular file'),
    });
  });

  it('ignores fields that it does not know', async () => {
    await writeFile(file, lines([{ ...begin, ...{ later: 1 } }, ...others]));
    expect(await read()).toHaveLength(1 + others.length);
  });

  it('ends with the reason of its signal', async () => {
    await writeFile(file, lines([begin, ...others]));
    const reason = new Error('enough');
    await expect(read({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('never throws anything else for any object', () => {
    fc.assert(
      fc.property(
        fc.object({ key: fc.constantFrom('type', 'time', 'job', 'path', 'counts', 'fault'), maxDepth: 3 }),
        (value) => {
          expect(typeof eventProblem(value)).toBe('string');
        },
      ),
    );
    for (const event of [begin, ...others]) expect(eventProblem(event)).toBeUndefined();
  });
});
