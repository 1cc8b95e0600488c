/** What googletest writes with --gtest_output=json:FILE. */
import type { CaseLocation } from './case-result.js';
import { type Collector, createCollector } from './collector.js';
import { type JsonObject, numberOf, objectsIn, parseObject, textOf } from './json-value.js';
import { MAX_WHOLE_FILE } from './limits.js';
import { createEncoder } from './lines.js';
import type { ParserOptions, ResultParser } from './parser.js';
import { gtestVerdict } from './xml/dialect.js';

/** The file is one JSON value, so it is kept as a whole; one of more than 64 MiB is a problem. */
export function createGtestJsonParser(options: ParserOptions = {}): ResultParser {
  const collector = createCollector(options.onCase);
  const toBytes = createEncoder();
  let pieces: Buffer[] = [];
  let size = 0;
  return {
    write(chunk) {
      const bytes = toBytes(chunk);
      size += bytes.length;
      if (size > MAX_WHOLE_FILE) pieces = [];
      else pieces.push(Buffer.from(bytes));
      if (pieces.length > 1024) pieces = [Buffer.concat(pieces)];
    },
    running: () => undefined,
    end(how = {}) {
      const bytes = Buffer.concat([...pieces, toBytes(undefined)]);
      const report = size > MAX_WHOLE_FILE ? undefined : parseObject(bytes.toString('utf8').replace(/^\ufeff/, ''));
      if (size > MAX_WHOLE_FILE) collector.problem('the JSON is larger than 64 MiB; let googletest write XML');
      else if (report === undefined) collector.problem('this is no JSON object, or it is cut off');
      else readReport(report, collector);
      return collector.finish(how, { ...(size === 0 ? { lines: 0 } : {}), binary: bytes.includes(0) });
    },
  };
}

function readReport(report: JsonObject, collector: Collector): void {
  for (const suite of objectsIn(report['testsuites'])) {
    const before = collector.total;
    for (const test of objectsIn(suite['testsuite'])) readTest(textOf(suite['name']) ?? '', test, collector);
    const said = numberOf(suite['tests']) ?? 0;
    const found = collector.total - before;
    if (said > found) collector.problem(`suite ${textOf(suite['name'])} says ${said} tests, and ${found} came`);
  }
  const said = numberOf(report['tests']) ?? 0;
  if (said > collector.total) collector.problem(`the report says ${said} tests, and ${collector.total} came`);
  const failing = (numberOf(report['failures']) ?? 0) + (numberOf(report['errors']) ?? 0);
  if (failing > 0 && collector.failures === 0) collector.problem(`the report says ${failing} failed, and none did`);
}

function readTest(suite: string, test: JsonObject, collector: Collector): void {
  const failures = objectsIn(test['failures']).map((failure) => textOf(failure['failure']) ?? '');
  const skips = objectsIn(test['skipped']).map((skip) => textOf(skip['message']) ?? '');
  const bare = gtestVerdict(textOf(test['status']), textOf(test['result']));
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(textOf(test['time']) ?? '');
  const told = [...failures, ...skips];
  collector.add({
    path: [suite, textOf(test['name']) ?? ''].filter((name) => name !== ''),
    verdict: failures.length > 0 ? 'failed' : skips.length > 0 ? 'skipped' : bare.verdict,
    message: told[0]?.trimStart().split('\n', 1)[0] ?? bare.message,
    diagnostics: told.join('\n'),
    durationMs: seconds === null ? undefined : Math.round(Number(seconds[1]) * 1e6) / 1e3,
    location: locationOf(test),
  });
}

function locationOf(test: JsonObject): CaseLocation | undefined {
  const file = textOf(test['file']);
  const line = numberOf(test['line']);
  if (file === undefined) return undefined;
  return line === undefined ? { file } : { file, line };
}
