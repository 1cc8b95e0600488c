/** Formats `tap`, `ktap` and `kselftest`: the same documents in different wrappings. */
import { withoutAnsi } from '../clean-text.js';
import { createCollector } from '../collector.js';
import { createLineSplitter } from '../lines.js';
import type { ParserOptions, ResultParser } from '../parser.js';
import { createTapDocument } from './document.js';
import { withoutKernelPrefix } from './kernel-prefix.js';
import { KSELFTEST_RULES, KTAP_RULES, TAP_RULES, type TapRules } from './rules.js';

/** TAP 13 and 14, and what calls itself neither. */
export const createTapParser = (options: ParserOptions = {}): ResultParser =>
  createParser(TAP_RULES, (line) => line, options);

/** KTAP 1 as the kernel prints it, with or without times. */
export const createKtapParser = (options: ParserOptions = {}): ResultParser =>
  createParser(KTAP_RULES, withoutKernelPrefix, options);

/** The output of run_kselftest.sh, or of one kselftest. */
export const createKselftestParser = (options: ParserOptions = {}): ResultParser =>
  createParser(KSELFTEST_RULES, unwrapKselftest, options);

/**
 * The runner writes what a test writes as comments. Here that becomes a subtest: the comment sign turns into
 * indentation, and the line with the name of the test announces it.
 */
export function unwrapKselftest(line: string): string {
  if (line.startsWith('# selftests: ')) return `# Subtest: ${line.slice(2)}`;
  if (line === '#') return '';
  return line.startsWith('# ') && !line.startsWith('# Subtest: ') ? `    ${line.slice(2)}` : line;
}

function createParser(rules: TapRules, unwrap: (line: string) => string, options: ParserOptions): ResultParser {
  const collector = createCollector(options.onCase);
  const document = createTapDocument(rules, collector);
  const lines = createLineSplitter((line) => document.line(unwrap(withoutAnsi(line)), lines.count));
  return {
    write: lines.write,
    running: document.running,
    end(how = {}) {
      lines.end();
      document.end(how);
      return collector.finish(how, { lines: lines.count, binary: lines.binary });
    },
  };
}
