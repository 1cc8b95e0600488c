/** `report` and `merge-reports`: argv to typed commands. Pure. */
import type { Command as Parser } from 'commander';
import { VmtestError } from '../errors.js';
import { parseReporters, type ReporterSpec, takesOutput } from '../reporters/spec.js';
import type { Command } from './command.js';
import { mergeReportsHelp, reportHelp } from './help.js';

type Settle = (command: Command) => void;

const usage = (message: string): VmtestError => new VmtestError('VMTEST_USAGE', message);

const REPORTERS = '--reporter <names>';

export function addReport(program: Parser, settle: Settle): void {
  program
    .command('report')
    .description('make reports of a run that has ended, or was killed, out of its results')
    .requiredOption('--from <dir>', 'the results: a directory with events.jsonl')
    .option(REPORTERS, 'which reports, NAME[=FILE], separated by commas; see below', 'list')
    .option('--output <file>', 'where the one that is a document goes; - is standard output (default: -)')
    .addHelpText('after', () => `\n${reportHelp()}`)
    .action((flags: { from: string; reporter: string; output?: string }) => {
      checkPath('--from', flags.from);
      const reporters = withOutput(parseReporters('--reporter', flags.reporter), flags.output);
      checkStandardOutput(reporters);
      settle({ kind: 'report', from: flags.from, reporters });
    });
}

export function addMergeReports(program: Parser, settle: Settle): void {
  program
    .command('merge-reports')
    .description('join the results of shards, and report on them as on one run')
    .argument('<dir...>', 'results or blobs of shards, or directories that have such ones')
    .option(REPORTERS, 'which reports, NAME[=FILE], separated by commas; see below', 'list')
    .option('--output <dir>', 'write the joined results there, with the files of the jobs and the reports')
    .addHelpText('after', () => `\n${mergeReportsHelp()}`)
    .action((directories: string[], flags: { reporter: string; output?: string }) => {
      for (const directory of directories) checkPath('merge-reports', directory);
      const { output } = flags;
      if (output !== undefined) checkPath('--output', output);
      const reporters = parseReporters('--reporter', flags.reporter);
      if (output === undefined) checkStandardOutput(reporters);
      settle({ kind: 'merge-reports', directories, reporters, ...(output === undefined ? {} : { output }) });
    });
}

function checkPath(name: string, path: string): void {
  if (path === '') throw usage(`${name}: is empty`);
  if (path.includes('\0')) throw usage(`${name}: contains a NUL character`);
}

function withOutput(reporters: ReporterSpec[], output: string | undefined): ReporterSpec[] {
  if (output === undefined) return reporters;
  checkPath('--output', output);
  const documents = reporters.filter((spec) => takesOutput(spec.name) && spec.output === undefined);
  if (documents.length !== 1) {
    throw usage(`--output: there must be one report to write there; name files with --reporter NAME=FILE`);
  }
  return reporters.map((spec) => (spec === documents[0] ? { ...spec, output } : spec));
}

/** A document cannot share standard output with anything; annotations can. */
function checkStandardOutput(reporters: readonly ReporterSpec[]): void {
  const there = reporters.filter(({ name, output = '-' }) => output === '-' && name !== 'github');
  const document = there.find(({ name }) => takesOutput(name));
  const directory = there.find(({ name, junit }) => name === 'blob' || junit?.dialect === 'surefire');
  if (directory !== undefined) throw usage(`--reporter: ${directory.name} writes a directory: name it with =DIR`);
  const others = reporters.filter(({ name, output = '-' }) => output === '-' || name === 'github');
  if (document !== undefined && others.length > 1) {
    throw usage(`--reporter: ${document.name} would be mixed with other reports; write ${document.name}=FILE`);
  }
}
