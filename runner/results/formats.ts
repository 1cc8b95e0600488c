/** The formats of test results by their names. */
import { createExitCodeParser } from './exit-code.js';
import { FORMAT_DOCS, type FormatName } from './format-names.js';
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
    doc: FORMAT_DOCS['exit-code'],
    from: 'output',
    create: createExitCodeParser,
  },
  { name: 'tap', doc: FORMAT_DOCS['tap'], from: 'output', create: createTapParser },
  {
    name: 'ktap',
    doc: FORMAT_DOCS['ktap'],
    from: 'output',
    create: createKtapParser,
  },
  {
    name: 'kselftest',
    doc: FORMAT_DOCS['kselftest'],
    from: 'output',
    create: createKselftestParser,
  },
  {
    name: 'gtest',
    doc: FORMAT_DOCS['gtest'],
    from: 'file',
    create(options = {}) {
      const xml = (): ResultParser => createJunitParser(GTEST, options);
      return createSniffingParser((first) => (first === '{' ? createGtestJsonParser(options) : xml()), xml);
    },
  },
  { name: 'go-json', doc: FORMAT_DOCS['go-json'], from: 'output', create: createGoJsonParser },
  {
    name: 'junit',
    doc: FORMAT_DOCS['junit'],
    from: 'file',
    create: (options = {}) => createJunitParser(JUNIT, options),
  },
  {
    name: 'pytest',
    doc: FORMAT_DOCS['pytest'],
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
