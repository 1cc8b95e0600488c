/** What `go test -json` writes: one event a line. */
import { type BoundedText, createBoundedText } from './bounded-text.js';
import { createCollector, type FoundCase } from './collector.js';
import { type JsonObject, numberOf, parseObject, textOf } from './json-value.js';
import { MAX_DEPTH } from './limits.js';
import { createLineSplitter } from './lines.js';
import type { ParserOptions, ResultParser } from './parser.js';
import { type AbnormalVerdict, isFailure } from './verdict.js';

/** A package, or a test that has begun and not ended. */
interface Node {
  path: string[];
  output: BoundedText;
  /** Cases of the tests in it. */
  subtests: number;
  /** Whether one of them is no success. */
  failed: boolean;
}

interface Package extends Node {
  /** Those that have begun and not ended, by their names. */
  tests: Map<string, Node>;
}

const BEGINS = new Set(['run', 'output', 'pause', 'cont']);
const ENDS = new Set(['pass', 'fail', 'skip', 'bench']);
/** Lines that only frame the output of a test. */
const FRAMING = /^\s*(?:=== (?:RUN|PAUSE|CONT|NAME)|--- (?:PASS|FAIL|SKIP|BENCH): )/;

/** Tests that run at the same time; a program has as many as it has calls of t.Parallel. */
const MAX_RUNNING = 20_000;
/** Output of one test. Smaller than that of other formats: thousands may be paused. */
const OUTPUT = 8 * 1024;
/** Events of one line are short, but for that with a long line of output. */
const MAX_EVENT = 1024 * 1024;

/**
 * A test with subtests becomes a case when it failed and none of them did; so does a package, as when it does not
 * build, panics outside of a test or a test ends the process.
 */
export function createGoJsonParser(options: ParserOptions = {}): ResultParser {
  const collector = createCollector(options.onCase);
  const packages = new Map<string, Package>();
  let running = 0;
  /** What the compiler said, until the package tells that it failed. */
  const build = createBoundedText();
  let crowded = false;

  function room(): boolean {
    if (running < MAX_RUNNING) return true;
    if (!crowded) collector.problem(`more than ${MAX_RUNNING} tests run at the same time`);
    crowded = true;
    return false;
  }

  /** The package, which begins now if it has not yet. */
  function packageOf(name: string): Package | undefined {
    const known = packages.get(name);
    if (known !== undefined) return known;
    if (!room()) return undefined;
    running += 1;
    const created: Package = { ...createNode([name]), tests: new Map() };
    packages.set(name, created);
    return created;
  }

  function testOf(pkg: Package, name: string): Node | undefined {
    const known = pkg.tests.get(name);
    if (known !== undefined) return known;
    if (!room()) return undefined;
    running += 1;
    const created = createNode([pkg.path[0] ?? '', ...name.split('/')]);
    pkg.tests.set(name, created);
    return created;
  }

  function close(pkg: Package, name: string): void {
    if (pkg.tests.delete(name)) running -= 1;
  }

  function add(pkg: Package, name: string, found: FoundCase): void {
    for (const parent of [...outerTests(name).map((outer) => pkg.tests.get(outer)), pkg]) {
      if (parent === undefined) continue;
      parent.subtests += 1;
      if (isFailure(found.verdict)) parent.failed = true;
    }
    collector.add(found);
  }

  function finishTest(pkg: Package, name: string, action: string, seconds: number | undefined): void {
    const test = testOf(pkg, name);
    if (test === undefined) return;
    close(pkg, name);
    const failed = action === 'fail';
    // Its subtests have told it all.
    if (test.subtests > 0 && !(failed && !test.failed)) return;
    const diagnostics = test.output.text();
    const message = action === 'pass' ? '' : messageIn(diagnostics);
    const verdict = failed ? 'failed' : action === 'skip' ? 'skipped' : 'passed';
    const durationMs = seconds === undefined ? undefined : Math.round(seconds * 1e6) / 1e3;
    add(pkg, name, { path: test.path, verdict, message, diagnostics, durationMs });
  }

  function finishPackage(pkg: Package, action: string): void {
    endTests(pkg, { verdict: 'failed', message: 'did not end' });
    if (packages.delete(pkg.path[0] ?? '')) running -= 1;
    if (action !== 'fail' || pkg.failed) return;
    const diagnostics = [build.text(), pkg.output.text()].filter((text) => text !== '').join('\n');
    build.clear();
    collector.add({ path: pkg.path, verdict: 'failed', message: packageMessage(diagnostics), diagnostics });
  }

  /** Those that still run, but for those around others: the process ended, and they have no end of their own. */
  function endTests(pkg: Package, how: { verdict: AbnormalVerdict; message?: string | undefined }): void {
    const outer = new Set([...pkg.tests.keys()].flatMap(outerTests));
    for (const [name, test] of pkg.tests) {
      // A test between two of its subtests is told only when nothing of it was.
      if (outer.has(name) || (test.subtests > 0 && test.failed)) continue;
      const diagnostics = test.output.text() || pkg.output.text();
      add(pkg, name, { path: test.path, verdict: how.verdict, message: how.message, diagnostics });
    }
    running -= pkg.tests.size;
    pkg.tests.clear();
  }

  function take(event: JsonObject): void {
    const action = textOf(event['Action']);
    const name = textOf(event['Test']) ?? '';
    const output = (textOf(event['Output']) ?? '').replace(/\n$/, '');
    if (action === 'build-output') {
      build.addLine(output);
      return;
    }
    const pkg =
      ENDS.has(action ?? '') || BEGINS.has(action ?? '') ? packageOf(textOf(event['Package']) ?? '') : undefined;
    if (action === undefined || pkg === undefined) return;
    if (ENDS.has(action)) {
      if (name === '') finishPackage(pkg, action);
      else finishTest(pkg, name, action, numberOf(event['Elapsed']));
      return;
    }
    const node = name === '' ? pkg : testOf(pkg, name);
    if (action === 'output' && !FRAMING.test(output)) node?.output.addLine(output);
  }

  function other(line: string): void {
    // go vet and older releases write what does not build in plain text.
    const failed = /^FAIL\s+(\S+) \[(build|setup) failed\]/.exec(line);
    if (failed === null) {
      build.addLine(line);
      return;
    }
    const message = `${failed[2]} failed`;
    collector.add({ path: [failed[1] ?? ''], verdict: 'failed', message, diagnostics: build.text() });
    build.clear();
  }

  const lines = createLineSplitter((line) => {
    const event = line.startsWith('{') ? parseObject(line) : undefined;
    if (event === undefined) other(line);
    else take(event);
  }, MAX_EVENT);

  return {
    write: lines.write,
    /** The test that began last. */
    running() {
      const pkg = [...packages.values()].at(-1);
      return pkg === undefined ? undefined : ([...pkg.tests.values()].at(-1) ?? pkg).path;
    },
    end(how = {}) {
      lines.end();
      for (const pkg of [...packages.values()]) {
        if (!('verdict' in how)) {
          collector.problem(`package ${pkg.path[0]} has no result; the output may be cut off`);
          finishPackage(pkg, 'unknown');
        } else if (pkg.tests.size > 0) endTests(pkg, how);
        else collector.add({ path: pkg.path, ...how, diagnostics: pkg.output.text() });
      }
      return collector.finish(how, { lines: lines.count, binary: lines.binary });
    },
  };
}

const createNode = (path: string[]): Node => ({ path, output: createBoundedText(OUTPUT), subtests: 0, failed: false });

/** `a/b/c` is in `a/b` and in `a`. */
function outerTests(name: string): string[] {
  const outer: string[] = [];
  for (
    let slash = name.lastIndexOf('/');
    slash > 0 && outer.length < MAX_DEPTH;
    slash = name.lastIndexOf('/', slash - 1)
  ) {
    outer.push(name.slice(0, slash));
  }
  return outer;
}

/** `    file_test.go:12: text`, or a panic. */
function messageIn(output: string): string {
  const line = /^(?:[ \t]*\S{1,300}\.go:\d{1,9}: .+|panic: .+)$/m.exec(output)?.[0] ?? '';
  return line.trim();
}

function packageMessage(output: string): string {
  const kind = /\[(build|setup) failed\]/.exec(output);
  return kind === null ? messageIn(output) || 'the package failed outside of its tests' : `${kind[1]} failed`;
}
