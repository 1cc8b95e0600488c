/** What holds for every format and every input. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FORMATS } from './formats.js';
import { MAX_DIAGNOSTICS, MAX_MESSAGE, MAX_NAME, MAX_PROBLEMS } from './limits.js';
import type { RunEnd } from './suite-result.js';
import { totalOf } from './suite-result.js';
import { parse } from './testing/parse.js';
import { isFailure, VERDICTS } from './verdict.js';

/** Pieces that the formats are made of, so that a mix of them gets far. */
const PIECES: Readonly<Record<string, readonly string[]>> = {
  tap: [
    'TAP version 14',
    'KTAP version 1',
    '1..',
    '0',
    '1',
    '2',
    '3',
    '99999999',
    'ok ',
    'not ok ',
    'ok',
    ' - ',
    'name',
    '# ',
    '# Subtest: a',
    '# Subtest: b',
    '# SKIP',
    '# TODO x',
    '# TIMEOUT',
    'Bail out! ',
    '    ',
    '  ',
    '\t',
    '  ---',
    '  ...',
    '  message: m',
    '  at:',
    '    file: f',
    'pragma +strict',
    '# selftests: d: t',
    'selftests: d: t',
    '[    1.234567] ',
    '[    1.234567][   T12] ',
    '\\',
    '#',
    '\u001b[31m',
    'caf\u00e9',
    '\u{1f600}',
    '\ufeff',
  ],
  xml: [
    '<testsuites>',
    '</testsuites>',
    '<testsuite name="s" tests="2">',
    '</testsuite>',
    '<testcase name="a" time="1">',
    '<testcase classname="c" name="b"/>',
    '</testcase>',
    '<failure message="m">',
    '</failure>',
    '<skipped/>',
    '<error/>',
    '<system-out>',
    '</system-out>',
    '<![CDATA[',
    ']]>',
    '<!--',
    '-->',
    '&lt;',
    '&x;',
    '&#27;',
    '&',
    '<',
    '>',
    '"',
    '<?xml version="1.0"?>',
    '<!DOCTYPE a [',
    ']',
    'text',
    '\ufeff',
    '\u{1f600}',
    '\u0001',
  ],
  json: [
    '{"Action":"start","Package":"p"}',
    '{"Action":"run","Package":"p","Test":"A"}',
    '{"Action":"run","Package":"p","Test":"A/b"}',
    '{"Action":"output","Package":"p","Test":"A","Output":"x\\n"}',
    '{"Action":"fail","Package":"p","Test":"A/b"}',
    '{"Action":"pass","Package":"p","Test":"A"}',
    '{"Action":"fail","Package":"p"}',
    '{"Action":"skip","Test":"A"}',
    '{',
    '}',
    '[',
    ']',
    '{"testsuites":[{"name":"s","testsuite":[{"name":"a","status":"RUN"}]}]}',
    '"\\ud800"',
    'null',
    'FAIL\tp [build failed]',
  ],
  pytest: [
    'a.py::b PASSED',
    'a.py::c FAILED',
    ' [ 50%]',
    'SKIPPED [2] a.py:3: why',
    'ERROR a.py - no',
    'FAILED a.py::c - assert',
    '=== short test summary info ===',
    '=== 1 failed, 1 passed in 0.1s ===',
    '[gw0] [ 10%] ',
    'PASSED a.py::d',
    'a.py::e ',
  ],
};

const piece = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...Object.values(PIECES).flat()) },
  { weight: 8, arbitrary: fc.constant('\n') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
);
const mixed = fc.array(piece, { maxLength: 60 }).map((pieces) => Buffer.from(pieces.join(''), 'utf8'));
/** Of one kind only: it gets farther. */
const alike = fc
  .constantFrom(...Object.keys(PIECES))
  .chain((kind) => fc.array(fc.oneof(fc.constantFrom(...(PIECES[kind] ?? [])), fc.constant('\n')), { maxLength: 60 }))
  .map((pieces) => Buffer.from(pieces.join(''), 'utf8'));
const garbage = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const input = fc.oneof(mixed, alike, garbage);
const how: fc.Arbitrary<RunEnd> = fc.oneof(
  fc.constant({}),
  fc.record({ exitCode: fc.constantFrom(0, 1, 4, 77, 139) }),
  fc.record({
    verdict: fc.constantFrom('kernel-panic' as const, 'command-timeout' as const, 'failed' as const),
    message: fc.string(),
  }),
);
const cuts = fc.array(fc.nat(400), { maxLength: 12 });

function split(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [0, ...at.filter((place) => place < bytes.length).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((place, i) => bytes.subarray(places[i], place));
}

const runs = { numRuns: 300 };

describe.each(FORMATS)('$name', ({ create }) => {
  it('gives the same wherever the input is cut', () => {
    const property = fc.property(input, cuts, how, (bytes, at, end) => {
      const whole = parse(create, [bytes], end);
      expect(parse(create, split(bytes, at), end)).toEqual(whole);
      expect(
        parse(
          create,
          Array.from(bytes, (byte) => Buffer.of(byte)),
          end,
        ),
      ).toEqual(whole);
    });
    fc.assert(property, runs);
  });

  it('gives the same for strings, wherever they are cut', () => {
    const property = fc.property(input, cuts, how, (bytes, at, end) => {
      const text = bytes.toString('utf8');
      const places = [0, ...at.filter((place) => place < text.length).sort((a, b) => a - b), text.length];
      const pieces = places.slice(1).map((place, i) => text.slice(places[i], place));
      expect(parse(create, pieces, end)).toEqual(parse(create, [Buffer.from(text)], end));
    });
    fc.assert(property, runs);
  });

  it('does not throw, and what it tells is sound', () => {
    const property = fc.property(input, how, (bytes, end) => {
      const { cases, suite } = parse(create, [bytes], end);
      const names = cases.map(({ path }) => JSON.stringify(path));
      expect(new Set(names).size).toBe(names.length);
      expect(totalOf(suite.counts)).toBe(cases.length);
      expect(suite.problems.length).toBe(Math.min(suite.problemCount, MAX_PROBLEMS));
      expect(VERDICTS).toContain(suite.verdict);
      // Nothing bad is called good.
      const bad = cases.some(({ verdict }) => isFailure(verdict)) || suite.problemCount > 0 || 'verdict' in end;
      expect(isFailure(suite.verdict)).toBe(bad);
      for (const { path, message = '', diagnostics = '' } of cases) {
        expect(path.length).toBeGreaterThan(0);
        for (const name of path) {
          expect(name.length).toBeGreaterThan(0);
          expect(name.length).toBeLessThanOrEqual(MAX_NAME);
        }
        expect(message.length).toBeLessThanOrEqual(MAX_MESSAGE);
        expect(diagnostics.length).toBeLessThanOrEqual(2 * MAX_DIAGNOSTICS);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there.
        expect(`${path.join('')}${message}`).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there.
        expect(diagnostics).not.toMatch(/[\x00-\x08\x0b-\x1f]/);
      }
    });
    fc.assert(property, runs);
  });
});
