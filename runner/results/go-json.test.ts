import { describe, expect, it } from 'vitest';
import { formatOf } from './formats.js';
import { parse } from './testing/parse.js';

type Event = [action: string, test?: string | undefined, output?: string];
const pkg = 'example.com/cart';

/** Events as go test writes them, of one package. */
function events(...list: Event[]): string {
  return list
    .map(([action, test, output]) => {
      const Elapsed = action === 'pass' || action === 'fail' || action === 'skip' ? 0.25 : undefined;
      const event = { Time: '2024-01-02T03:04:05Z', Action: action, Package: pkg, Test: test, Output: output, Elapsed };
      return `${JSON.stringify(event)}\n`;
    })
    .join('');
}
const go = (text: string, how?: Parameters<typeof parse>[2]) => parse(formatOf('go-json').create, text, how);

describe('go-json', () => {
  it('reads a package', () => {
    const { cases, suite } = go(
      events(
        ['start'],
        ['run', 'TestAdd'],
        ['output', 'TestAdd', '=== RUN   TestAdd\n'],
        ['output', 'TestAdd', '    cart_test.go:12: hello\n'],
        ['output', 'TestAdd', '--- PASS: TestAdd (0.25s)\n'],
        ['pass', 'TestAdd'],
        ['run', 'TestTable'],
        ['run', 'TestTable/one'],
        ['pass', 'TestTable/one'],
        ['run', 'TestTable/two/deep'],
        ['output', 'TestTable/two/deep', '=== RUN   TestTable/two/deep\n'],
        ['output', 'TestTable/two/deep', '    cart_test.go:20: got 1, want 2\n'],
        ['output', 'TestTable/two/deep', '    --- FAIL: TestTable/two/deep (0.00s)\n'],
        ['fail', 'TestTable/two/deep'],
        ['fail', 'TestTable'],
        ['run', 'TestRoot'],
        ['output', 'TestRoot', '    cart_test.go:30: needs root\n'],
        ['skip', 'TestRoot'],
        ['output', undefined, 'FAIL\n'],
        ['fail'],
      ),
      { exitCode: 1 },
    );
    expect(cases).toEqual([
      { path: [pkg, 'TestAdd'], verdict: 'passed', durationMs: 250 },
      { path: [pkg, 'TestTable', 'one'], verdict: 'passed', durationMs: 250 },
      {
        path: [pkg, 'TestTable', 'two', 'deep'],
        verdict: 'failed',
        message: 'cart_test.go:20: got 1, want 2',
        diagnostics: '    cart_test.go:20: got 1, want 2',
        durationMs: 250,
      },
      {
        path: [pkg, 'TestRoot'],
        verdict: 'skipped',
        message: 'cart_test.go:30: needs root',
        diagnostics: '    cart_test.go:30: needs root',
        durationMs: 250,
      },
    ]);
    expect(suite).toMatchObject({ verdict: 'failed', problems: [] });
  });

  it.each<[string, Event[], string[]]>([
    [
      'a parent that fails by itself',
      [['run', 'A'], ['run', 'A/b'], ['pass', 'A/b'], ['fail', 'A'], ['fail']],
      ['passed A / b', 'failed A'],
    ],
    [
      'runs of -count=2',
      [['run', 'A'], ['pass', 'A'], ['run', 'A'], ['pass', 'A'], ['pass']],
      ['passed A', 'passed A #2'],
    ],
    ['a benchmark', [['run', 'BenchmarkA'], ['bench', 'BenchmarkA'], ['pass']], ['passed BenchmarkA']],
    [
      'parallel tests',
      [['run', 'A'], ['pause', 'A'], ['run', 'B'], ['pass', 'B'], ['cont', 'A'], ['pass', 'A'], ['pass']],
      ['passed B', 'passed A'],
    ],
    ['a panic', [['run', 'A'], ['output', 'A', 'panic: boom\n'], ['fail', 'A'], ['fail']], ['failed A: panic: boom']],
    ['a test that ends the process', [['run', 'A'], ['run', 'A/b'], ['fail']], ['failed A / b: did not end']],
    [
      'a package that fails outside of its tests',
      [['run', 'A'], ['pass', 'A'], ['output', undefined, 'exit status 3\n'], ['fail']],
      ['passed A', 'failed : the package failed outside of its tests'],
    ],
  ])('%s', (_, list, expected) => {
    const { cases, problems } = go(events(...list));
    const told = cases.map(
      ({ path, verdict, message }) =>
        `${verdict} ${path.slice(1).join(' / ')}${message === undefined ? '' : `: ${message}`}`,
    );
    expect(told).toEqual(expected);
    expect(problems).toEqual([]);
  });

  it('tells a package that does not build, in both ways', () => {
    const now = [
      { ImportPath: `${pkg} [${pkg}.test]`, Action: 'build-output', Output: './cart.go:3:1: undefined: x\n' },
      { ImportPath: `${pkg} [${pkg}.test]`, Action: 'build-fail' },
      { Action: 'start', Package: pkg },
      { Action: 'output', Package: pkg, Output: `FAIL\t${pkg} [build failed]\n` },
      { Action: 'fail', Package: pkg, FailedBuild: pkg },
    ];
    const before = `# ${pkg}\n./cart.go:3:1: undefined: x\nFAIL\t${pkg} [build failed]\n`;
    for (const text of [now.map((event) => JSON.stringify(event)).join('\n'), before]) {
      expect(go(text).cases).toEqual([
        {
          path: [pkg],
          verdict: 'failed',
          message: 'build failed',
          diagnostics: expect.stringContaining('undefined: x'),
        },
      ]);
    }
  });

  it('says that the output is cut off', () => {
    const { lines, problems } = go(events(['start'], ['run', 'A'], ['pass', 'A'], ['run', 'B']));
    expect(lines).toEqual([`passed ${pkg} / A`, `failed ${pkg} / B: did not end`]);
    expect(problems).toEqual([`package ${pkg} has no result; the output may be cut off`]);
  });

  it('gives the tests that ran when something happened its verdict', () => {
    const how = { verdict: 'kernel-panic', message: 'Oops' } as const;
    expect(go(events(['start'], ['run', 'A'], ['run', 'A/b'], ['run', 'C']), how).lines).toEqual([
      `kernel-panic ${pkg} / A / b: Oops`,
      `kernel-panic ${pkg} / C: Oops`,
    ]);
    expect(go(events(['start'], ['run', 'A'], ['pass', 'A']), how).lines[1]).toBe(`kernel-panic ${pkg}: Oops`);
  });

  it('knows what is running', () => {
    const parser = formatOf('go-json').create();
    parser.write(events(['start'], ['run', 'A'], ['run', 'A/b']));
    expect(parser.running()).toEqual([pkg, 'A', 'b']);
    parser.write(events(['pass', 'A/b'], ['pass', 'A'], ['pass']));
    expect(parser.running()).toBeUndefined();
  });

  it.each([
    [
      'no tests at all',
      events(['start'], ['output', undefined, '?   \t[no test files]\n'], ['skip']),
      'no test results in 3 lines',
    ],
    ['nothing', '', 'no test results: the input is empty'],
    ['no JSON', 'hello\n{"Action":\n[]\n{"Action":1,"Package":{}}\nnull\n', 'no test results in 5 lines'],
  ])('says what is wrong: %s', (_, text, problem) => {
    expect(go(text)).toMatchObject({ problems: [problem], suite: { verdict: 'failed' } });
  });
});
