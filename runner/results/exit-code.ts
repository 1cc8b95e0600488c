/** Format `exit-code`: one case for the whole command, by how it ended. */
import { createBoundedText } from './bounded-text.js';
import { createCollector } from './collector.js';
import { createLineSplitter } from './lines.js';
import type { ParserOptions, ResultParser } from './parser.js';

/** 128 + N is what a shell says of a command that signal N ended. */
const messageOf = (code: number): string =>
  code > 128 && code <= 128 + 64 ? `exit code ${code}: signal ${code - 128}` : `exit code ${code}`;

/** Its output becomes the diagnostics. An exit code that nobody knows is a problem. */
export function createExitCodeParser(options: ParserOptions = {}): ResultParser {
  const collector = createCollector(options.onCase);
  const path = [options.name ?? 'command'];
  const output = createBoundedText();
  const lines = createLineSplitter((line) => output.addLine(line));
  return {
    write: lines.write,
    running: () => path,
    end(how = {}) {
      lines.end();
      const diagnostics = output.text();
      if ('verdict' in how) collector.add({ path, verdict: how.verdict, message: how.message, diagnostics });
      else if (how.exitCode === undefined) collector.problem('nobody knows the exit code');
      else if (how.exitCode === 0) collector.add({ path, verdict: 'passed' });
      else collector.add({ path, verdict: 'failed', message: messageOf(how.exitCode), diagnostics });
      // Nobody promised anything about the output.
      const result = collector.finish(how, { binary: false });
      // There is one test: what became of it says more than how many did not pass.
      const failed = !('verdict' in how) && how.exitCode !== undefined && how.exitCode !== 0;
      return failed ? { ...result, message: messageOf(how.exitCode ?? 0) } : result;
    },
  };
}
