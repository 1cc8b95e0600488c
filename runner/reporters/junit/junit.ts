/** `junit`: JUnit XML. */
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { VmtestError } from '../../errors.js';
import { makeDirectory } from '../../make-directory.js';
import type { Attachment, RunEnd } from '../../results/events/event.js';
import { createJobCollector, type FinishedJob } from '../finished-jobs.js';
import type { Reporter, ReporterContext } from '../reporter.js';
import { createSink, createSpool } from '../sink.js';
import type { JunitOptions } from '../spec.js';
import { createJunitWriter, type JunitTotals, rootTag, totalsOf, XML_DECLARATION } from './document.js';
import { classNames, createUnique } from './names.js';
import { type JunitSuite, suiteOf } from './suite.js';

/** `output`: a file or `-`; of the dialect `surefire` a directory. */
export async function createJunitReporter(
  output: string,
  options: JunitOptions,
  context: ReporterContext,
): Promise<Reporter> {
  const { dialect = 'jenkins' } = options;
  const [writer, target] = await Promise.all([
    createJunitWriter(),
    dialect === 'surefire' ? createDirectoryTarget(output) : createFileTarget(output, context),
  ]);
  const collector = createJobCollector();
  let names = new Map<string, string>();
  let end: RunEnd | undefined;
  let last = 0;
  let failing = 0;

  function add(suite: JunitSuite): void {
    const totals = totalsOf(suite.cases);
    failing += totals.failures + totals.errors;
    target.add(writer.suite(suite, dialect), suite.classname, totals);
  }

  const addJob = (job: FinishedJob): void => {
    const hostname = collector.run?.hostname;
    add(
      suiteOf(job, {
        ...options,
        classname: names.get(job.info.id) ?? '_',
        pathOf: (attachment) => pathOf(attachment, options, context),
        ...(hostname === undefined ? {} : { hostname }),
      }),
    );
  };

  return {
    onEvent(event) {
      last = event.time;
      if (event.type === 'run-begin') names = classNames(event.jobs);
      if (event.type === 'run-end') end = event;
      const job = collector.onEvent(event);
      if (job !== undefined) addJob(job);
    },
    async finish() {
      for (const job of collector.unfinished()) addJob(job);
      // Nothing may fail that no case shows.
      if (failing === 0 && end?.status !== 'passed') add(runSuite(end));
      const begun = collector.run?.time ?? last;
      const seconds = Math.max(0, Math.round(end?.durationMs ?? last - begun)) / 1000;
      await target.end(seconds);
    },
  };
}

function runSuite(end: RunEnd | undefined): JunitSuite {
  const message = end?.message ?? (end === undefined ? 'the run has no end: it was killed' : end.status);
  const element = end?.status === 'failed' ? 'failure' : 'error';
  const type = end?.status === 'failed' ? 'failed' : end?.status === 'infra-error' ? 'infra-error' : 'interrupted';
  const problem = { element, type, message, text: '' } as const;
  return {
    name: 'vmtest',
    classname: 'vmtest.run',
    seconds: 0,
    properties: [['verdict', type]],
    cases: [{ name: '(run)', seconds: 0, problem, flaky: [] }],
  };
}

function pathOf({ path }: Attachment, { attachments }: JunitOptions, { results, cwd }: ReporterContext): string {
  if (results === undefined) return path;
  const absolute = join(results, path);
  return attachments === 'absolute' ? absolute : relative(cwd, absolute);
}

interface Target {
  /** `xml`: a `<testsuite>`. */
  add(xml: string, name: string, totals: JunitTotals): void;
  end(seconds: number): Promise<void>;
}

/** The root says how many cases there are, so the suites wait on the disk until all are known. */
async function createFileTarget(output: string, context: ReporterContext): Promise<Target> {
  const sink = await createSink(output, context.stdout);
  const spool = createSpool();
  const sum: JunitTotals = { tests: 0, failures: 0, errors: 0, skipped: 0 };
  return {
    add(xml, _, totals) {
      spool.write(xml);
      for (const key of Object.keys(sum) as (keyof JunitTotals)[]) sum[key] += totals[key];
    },
    async end(seconds) {
      try {
        sink.write(XML_DECLARATION + rootTag(sum, seconds));
        await spool.pour(sink);
        sink.write('</testsuites>\n');
        await sink.end();
      } finally {
        spool.close();
      }
    },
  };
}

async function createDirectoryTarget(directory: string): Promise<Target> {
  if (directory === '-') {
    throw new VmtestError(
      'VMTEST_USAGE',
      'junit+surefire writes a directory of files: name it with junit+surefire=DIR',
    );
  }
  const unique = createUnique();
  const wrap = (cause: unknown): VmtestError => {
    return new VmtestError('VMTEST_RESULTS', `${directory} cannot be written: ${(cause as Error).message}`, { cause });
  };
  try {
    await makeDirectory(directory);
    // What an earlier run left there would be taken for a part of this one.
    const old = readdirSync(directory).find((name) => /^TEST-.*\.xml$/.test(name));
    if (old !== undefined) throw new Error(`there is ${old} already; name another directory`);
  } catch (cause) {
    throw wrap(cause);
  }
  return {
    add(xml, name) {
      const file = `TEST-${unique(name.replace(/[^\w.-]+/g, '_').slice(0, 150)).replace(' #', '-')}.xml`;
      try {
        const part = join(directory, `.${file}.part`);
        writeFileSync(part, XML_DECLARATION + xml.replace(/^ {2}/, ''));
        renameSync(part, join(directory, file));
      } catch (cause) {
        throw wrap(cause);
      }
    },
    end: () => Promise.resolve(),
  };
}
