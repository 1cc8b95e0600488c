/** `vmtest test` as it is written. Pure. */
import { Option, type Command as Parser } from 'commander';
import type { EngineChoice } from '../engine/choice.js';
import { parseReporters, REPORTER_NAMES, type ReporterSpec, takesOutput } from '../reporters/spec.js';
import type { Command, TestCommand } from './command.js';
import { testHelp } from './help.js';
import { collect, engineOption, nonEmpty, subcommand, usage } from './parse-tools.js';
import { parseCount, parseDuration, parseShard, parseWorkers } from './units.js';

/** Options as commander gives them, still as text. */
interface TestFlags {
  config?: string;
  grep?: string;
  grepInvert?: string;
  project?: string[];
  shard?: string;
  workers?: string;
  retries?: string;
  repeatEach: string;
  maxFailures?: string;
  x?: true;
  lastFailed?: true;
  list?: true;
  dryRun?: true;
  reporter?: string[];
  output?: string;
  engine?: EngineChoice;
  timeout?: string;
  failOnFlaky?: true;
  passWithNoTests?: true;
  updateTimings?: true;
  watch?: true;
}

export function addTest(program: Parser, settle: (command: Command) => void): void {
  subcommand(program, 'test')
    .description('run the suites of vmtest.config.* in all of its cells; what is done without a command')
    .argument(
      '[filter...]',
      'run only jobs whose names, `CELL > SUITE`, have one of these in them; regular expressions',
    )
    .option('-c, --config <path>', 'the configuration, or a directory that has one (default: vmtest.config.* here)')
    .option('-g, --grep <pattern>', 'run only jobs whose names fit this regular expression')
    .option('--grep-invert <pattern>', 'run only jobs whose names do not fit it')
    .option('--project <cell>', 'run only in cells of this name, * for anything; repeatable', collect)
    .option('--shard <i/n>', 'run only one of n parts, balanced by recorded times')
    .option('-j, --workers <n>', 'guests at once, at most: a number, a share of the CPUs like 50%, or auto')
    .option('--retries <n>', 'try failed suites again so often, each time in a fresh guest')
    .option('--repeat-each <n>', 'run every suite so often', '1')
    .option('--max-failures <n>', 'begin nothing more after so many failures; 0: no limit')
    .option('-x', 'the same as --max-failures 1')
    .option('--last-failed', 'run only what failed in the last run, or did not come to its turn')
    .option('--list', 'print the names of the jobs, and run nothing')
    .option('--dry-run', 'print the plan as JSON, and run nothing')
    .addOption(
      // The choices are for the help and for shells; lists are checked below.
      new Option('--reporter <name>', 'what is printed and written; repeatable, or several with commas')
        .choices(REPORTER_NAMES)
        .argParser(collect),
    )
    .option('--output <dir>', 'directory of the results')
    .addOption(engineOption())
    .option('--timeout <time>', 'limit for the command of each suite, like 30s, 2m')
    .option('--fail-on-flaky', 'fail when a suite passed only when it was tried again')
    .option('--pass-with-no-tests', 'it is no failure that no job fits')
    .option('--update-timings', 'write how long the jobs took into vmtest-timings.json, for shards and order')
    .option('--watch', 'run again when the configuration, a kernel, a root or a file to copy has changed')
    .addHelpText('after', () => `\n${testHelp()}`)
    .action((filters: string[], flags: TestFlags) => settle(testCommand(filters, flags)));
}

function testCommand(filters: string[], flags: TestFlags): TestCommand {
  const { shard, workers, retries, maxFailures, x, timeout } = flags;
  if (x === true && maxFailures !== undefined) throw usage('-x: is --max-failures 1 and goes not with another one');
  if (flags.list === true && flags.dryRun === true) throw usage('--list: goes not with --dry-run, which prints more');
  const failures = x === true ? 1 : maxFailures && parseCount('--max-failures', maxFailures, 0, 1_000_000);
  const command: TestCommand = {
    kind: 'test',
    filters: filters.map((filter) => nonEmpty('filter', filter)),
    projects: (flags.project ?? []).map((project) => nonEmpty('--project', project)),
    repeatEach: parseCount('--repeat-each', flags.repeatEach, 1, 10_000),
    lastFailed: flags.lastFailed === true,
    list: flags.list === true,
    dryRun: flags.dryRun === true,
    failOnFlaky: flags.failOnFlaky === true,
    passWithNoTests: flags.passWithNoTests === true,
    updateTimings: flags.updateTimings === true,
    watch: flags.watch === true,
  };
  if (flags.config !== undefined) command.config = nonEmpty('--config', flags.config);
  if (flags.output !== undefined) command.output = nonEmpty('--output', flags.output);
  if (flags.grep !== undefined) command.grep = nonEmpty('--grep', flags.grep);
  if (flags.grepInvert !== undefined) command.grepInvert = nonEmpty('--grep-invert', flags.grepInvert);
  if (shard !== undefined) command.shard = parseShard('--shard', shard);
  if (workers !== undefined) command.workers = parseWorkers('--workers', workers);
  if (retries !== undefined) command.retries = parseCount('--retries', retries, 0, 100);
  if (typeof failures === 'number') command.maxFailures = failures;
  if (flags.engine !== undefined) command.engine = flags.engine;
  if (timeout !== undefined) command.timeoutMs = parseDuration('--timeout', timeout);
  if (flags.reporter !== undefined) command.reporters = shared(parseReporters('--reporter', flags.reporter.join(',')));
  return command;
}

/** A document can share standard output with nothing. */
function shared(reporters: ReporterSpec[]): ReporterSpec[] {
  const there = reporters.filter(({ name, output }) => output === '-' || (!takesOutput(name) && name !== 'github'));
  const document = there.find(({ name }) => takesOutput(name));
  const other = there.find((each) => each !== document);
  if (document === undefined || other === undefined) return reporters;
  throw usage(
    `--reporter: ${document.name} cannot share standard output with ${other.name}; name a file, ${document.name}=FILE`,
  );
}
