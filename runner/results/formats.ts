/** The formats of test results by their names. */
import { createExitCodeParser } from './exit-code.js';
import type { FormatName } from './format-names.js';
import { createGoJsonParser } from './go-json.js';
import { createGtestJsonParser } from './gtest-json.js';
import type { ParserOptions, ResultParser } from './parser.js';
import { createPytestTextParser } from './pytest-text.js';
import { createSniffingParser } from './sniff.js';
import { createKselftestParser, createKtapParser, createTapParser } from './tap/tap.js';
import { GTEST, JUNIT, PYTEST } from './xml/dialect.js';
import { createJunitParser } from './xml/junit.js';

export interface Format {
  name: FormatName;
  /** One line for a list. */
  doc: string;
  /** Where the results are: in what a command prints, or in a file that it writes. */
  from: 'output' | 'file';
  create(options?: ParserOptions): ResultParser;
}

export const FORMATS: readonly Format[] = [
  {
    name: 'exit-code',
    doc: 'one test: 0 is passed, any other exit code failed',
    from: 'output',
    create: createExitCodeParser,
  },
  { name: 'tap', doc: 'TAP 13 and 14 with subtests and YAML diagnostics', from: 'output', create: createTapParser },
  {
    name: 'ktap',
    doc: 'KTAP 1 of the kernel (KUnit, modules of kselftest), also out of its log',
    from: 'output',
    create: createKtapParser,
  },
  {
    name: 'kselftest',
    doc: 'run_kselftest.sh, with the results inside of each test',
    from: 'output',
    create: createKselftestParser,
  },
  {
    name: 'gtest',
    doc: 'the file of googletest: --gtest_output=xml:FILE or json:FILE',
    from: 'file',
    create(options = {}) {
      const xml = (): ResultParser => createJunitParser(GTEST, options);
      return createSniffingParser((first) => (first === '{' ? createGtestJsonParser(options) : xml()), xml);
    },
  },
  { name: 'go-json', doc: 'go test -json', from: 'output', create: createGoJsonParser },
  {
    name: 'junit',
    doc: 'a file of JUnit XML',
    from: 'file',
    create: (options = {}) => createJunitParser(JUNIT, options),
  },
  {
    name: 'pytest',
    doc: 'the file of pytest --junitxml=FILE, or what pytest -v or -rA prints',
    from: 'output',
    create(options = {}) {
      const text = (): ResultParser => createPytestTextParser(options);
      return createSniffingParser((first) => (first === '<' ? createJunitParser(PYTEST, options) : text()), text);
    },
  },
];

/** The format with that name. */
export function formatOf(name: FormatName): Format {
  const format = FORMATS.find((each) => each.name === name);
  if (format === undefined) throw new Error(`the format ${name} is not in the list of formats`);
  return format;
}
