/**
 * What pytest prints with -v or -rA. The file of --junitxml says more; this is for a run that was cut off, or where
 * there is no file. The lines of -v come while the tests run; those of the summary, at the end, have the messages and,
 * without -v, are all there is.
 */
import { createCollector, type FoundCase } from './collector.js';
import { MAX_CASES } from './limits.js';
import { createLineSplitter } from './lines.js';
import type { ParserOptions, ResultParser } from './parser.js';
import { createPathCounter } from './path-counter.js';
import type { CaseVerdict } from './verdict.js';

const WORDS: Readonly<Record<string, CaseVerdict>> = {
  PASSED: 'passed',
  FAILED: 'failed',
  ERROR: 'failed',
  SKIPPED: 'skipped',
  XFAIL: 'skipped',
  XPASS: 'passed',
};
const WORD = 'PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS';
/** `a.py::test PASSED   [ 50%]`, with a reason in parentheses. */
const LIVE = new RegExp(`^(\\S[^\\n]*?::[^\\n]*?) (${WORD})(?: \\((.*?)\\))?\\s*(?:\\[\\s*\\d+%\\])?$`);
/** pytest-xdist: `[gw0] [ 50%] PASSED a.py::test`. */
const WORKER = new RegExp(`^\\[gw\\d+\\] (?:\\[\\s*\\d+%\\] )?(${WORD}) (\\S.*::.*?)\\s*$`);
/** `FAILED a.py::test - message`. */
const SUMMARY = new RegExp(`^(${WORD}) (\\S.*?)(?: - (.*))?$`);
const FOLDED = /^SKIPPED \[(\d{1,9})\] (\S+?)(?::(\d+))?: (.*)$/;
const TOTALS = /^=+ (.*\d+ (?:passed|failed|skipped|errors?|xfailed|xpassed).*) in [\d.]+s.*=+$/;
/** Bytes of a line; the patterns take time with the square of it. */
const MAX_TEXT_LINE = 4096;
/** Failed cases that wait for their message. */
const MAX_WAITING = 10_000;

export function createPytestTextParser(options: ParserOptions = {}): ResultParser {
  const collector = createCollector(options.onCase);
  /** Failed ones by id: their messages come in the summary. */
  const waiting = new Map<string, FoundCase>();
  /** What the lines of -v have told, and the summary tells again. */
  const told = createPathCounter();
  let inSummary = false;
  let live = false;
  let failed = 0;
  let passed = 0;

  function add(id: string, word: string, message: string): void {
    if (WORDS[word] === 'failed') failed += 1;
    if (word === 'PASSED') passed += 1;
    const said =
      word === 'XFAIL' || word === 'XPASS'
        ? joined(word === 'XFAIL' ? 'expected failure' : 'passed, and a failure was expected', message)
        : message;
    const found: FoundCase = {
      path: pathOf(id),
      verdict: WORDS[word] ?? 'failed',
      message: said,
      location: { file: fileOf(id) },
    };
    if (found.verdict !== 'failed' || inSummary || waiting.size >= MAX_WAITING || waiting.has(id)) collector.add(found);
    else waiting.set(id, found);
  }

  function takeSummary(line: string): void {
    const folded = FOLDED.exec(line);
    if (folded !== null) {
      // The lines of -v had each of them, with its name.
      if (live) return;
      const [, count = '1', file = '', number, message = ''] = folded;
      const location = number === undefined ? { file } : { file, line: Number(number) };
      const path = [...file.split('/'), number === undefined ? 'skipped' : `line ${number}`];
      for (let i = 0; i < Math.min(Number(count), 1000); i += 1)
        collector.add({ path, verdict: 'skipped', message, location });
      return;
    }
    const match = SUMMARY.exec(line);
    if (match === null) return;
    const [, word = '', id = '', message = ''] = match;
    const waits = waiting.get(id);
    if (waits !== undefined) {
      waiting.delete(id);
      collector.add({ ...waits, message });
    } else if (!told.has([id])) add(id, word, message);
  }

  function takeTotals(text: string): void {
    const count = (word: string): number => Number(new RegExp(`(\\d+) ${word}\\b`).exec(text)?.[1] ?? 0);
    const says = { failed: count('failed') + count('errors?'), passed: count('passed') };
    if (says.failed !== failed) collector.problem(`pytest says ${says.failed} failed, and ${failed} came`);
    // Without -v a summary of -ra has no line for a test that passed.
    if (says.passed !== passed)
      collector.problem(`pytest says ${says.passed} passed, and ${passed} came; give it -v or -rA`);
  }

  const lines = createLineSplitter((line) => {
    if (/^=+ short test summary info =+$/.test(line)) {
      inSummary = true;
      return;
    }
    const totals = line.startsWith('=') ? TOTALS.exec(line) : null;
    if (totals !== null) {
      takeTotals(totals[1] ?? '');
      // Another run of pytest may follow.
      inSummary = false;
      settle();
      failed = passed = 0;
      return;
    }
    if (inSummary) {
      takeSummary(line);
      return;
    }
    const plain = line.includes('::') ? LIVE.exec(line) : null;
    const worker = plain === null && line.startsWith('[gw') ? WORKER.exec(line) : null;
    const [id, word] = plain === null ? [worker?.[2], worker?.[1]] : [plain[1], plain[2]];
    if (id === undefined || word === undefined) return;
    live = true;
    // Those that are not listed any more need not be told apart.
    if (collector.total < MAX_CASES) told.add([id]);
    add(id, word, plain?.[3] ?? '');
  }, MAX_TEXT_LINE);

  function settle(): void {
    for (const found of waiting.values()) collector.add(found);
    waiting.clear();
  }

  return {
    write: lines.write,
    running() {
      const id = runningIn(lines.partial());
      return id === undefined ? undefined : pathOf(id);
    },
    end(how = {}) {
      const id = runningIn(lines.partial());
      lines.end();
      settle();
      if ('verdict' in how && id !== undefined) {
        collector.add({ path: pathOf(id), ...how, location: { file: fileOf(id) } });
      }
      return collector.finish(how, { lines: lines.count, binary: lines.binary });
    },
  };
}

/** pytest -v writes the id of a test, then runs it, then writes how it ended. */
const runningIn = (line: string): string | undefined => /^(\S.{0,1000}::.{1,1000}) $/.exec(line)?.[1];

const joined = (what: string, reason: string): string => (reason === '' ? what : `${what}: ${reason}`);

/** `tests/test_a.py::TestA::test_b[x::y]`: the part in brackets stays whole. */
function pathOf(id: string): string[] {
  const bracket = id.indexOf('[');
  const plain = bracket < 0 ? id : id.slice(0, bracket);
  const names = plain.split('::');
  const [file = ''] = names.splice(0, 1);
  const last = (names.pop() ?? '') + (bracket < 0 ? '' : id.slice(bracket));
  // The same names as in the XML, where the file is a module.
  return [...file.replace(/\.py$/, '').split('/'), ...names, last].filter((name) => name !== '');
}

const fileOf = (id: string): string => id.split('::', 1)[0] ?? '';
