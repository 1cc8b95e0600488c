/** argv to a typed command. Pure: nothing is read but its arguments, nothing is printed. */
import { CommanderError, Option, Command as Parser } from 'commander';
import { ARCHITECTURES, type Architecture } from '../images/kernels/architecture.js';
import { checkFormatName } from '../results/format-names.js';
import type { Command, ParseResultsCommand } from './command.js';
import { doctorHelp, formatsHelp, scanHelp } from './help.js';
import { addImages } from './parse-images.js';
import { addCompletion, addInit } from './parse-init.js';
import { addMergeReports, addReport } from './parse-reports.js';
import { addRun } from './parse-run.js';
import { addTest } from './parse-test.js';
import { type ParseContext, subcommand, usage } from './parse-tools.js';
import { parseCount } from './units.js';

/** `argv` without node and the script. Throws `VMTEST_USAGE` with one clear line. */
export function parseCommandLine(argv: readonly string[], context: ParseContext): Command {
  let parsed: Command | undefined;
  let printed = '';
  const words = withDefault(argv);
  const settle = (command: Command): void => {
    parsed = command;
  };
  // Most of a start of `run` would be for flags of other commands.
  const program = createProgram(context, settle, words[0]);
  for (const command of allCommands(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => {
        printed += text;
      },
      writeErr: () => {},
      getOutHelpWidth: () => 110,
    });
  }
  try {
    program.parse(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'print', text: printed };
    throw usage(messageOf(error, argv));
  }
  if (parsed === undefined) throw usage('which command? See `vmtest --help`');
  if (parsed.kind === 'test' && argv[0] !== 'test' && parsed.filters[0] !== undefined) {
    throw usage(`"${parsed.filters[0]}" belongs to no flag; ${filterAdvice(parsed.filters[0])}`);
  }
  return parsed;
}

type Add = (program: Parser, context: ParseContext, settle: (command: Command) => void) => void;

/** In the order of the help. */
const COMMANDS: Readonly<Record<string, Add>> = {
  test: (program, _, settle) => addTest(program, settle),
  run: addRun,
  init: (program, _, settle) => addInit(program, settle),
  scan: (program, _, settle) => addScan(program, settle),
  parse: (program, _, settle) => addParse(program, settle),
  report: (program, _, settle) => addReport(program, settle),
  'merge-reports': (program, _, settle) => addMergeReports(program, settle),
  doctor: (program, _, settle) => addDoctor(program, settle),
  images: (program, _, settle) => addImages(program, settle),
  'kernel-config': (program, _, settle) => addKernelConfig(program, settle),
  completion: (program, _, settle) => addCompletion(program, settle),
};

/** The commands and their flags, or only one of them; `settle` gets the one that is parsed. */
export function createProgram(
  context: ParseContext,
  settle: (command: Command) => void,
  only?: string | undefined,
): Parser {
  const program = new Parser('vmtest')
    .description(
      'Boots Linux guests under its own KVM core and runs tests and commands in them.\n' +
        'Without a command it is `vmtest test`: the suites of vmtest.config.* in all of its cells.',
    )
    .usage('[command] [options]')
    .version(context.version, '-V, --version')
    .helpCommand('help [command]', 'say more about a command')
    .enablePositionalOptions();
  const wanted = only !== undefined && Object.hasOwn(COMMANDS, only) ? [COMMANDS[only]] : Object.values(COMMANDS);
  for (const add of wanted) add?.(program, context, settle);
  return program;
}

/** Flags alone are those of `test`; a word is a command, so that a mistyped one does not become a filter. */
function withDefault(argv: readonly string[]): string[] {
  const [first] = argv;
  const own = ['-h', '--help', '-V', '--version'];
  return first === undefined || (first.startsWith('-') && !own.includes(first)) ? ['test', ...argv] : [...argv];
}

function messageOf({ code, message }: CommanderError, argv: readonly string[]): string {
  if (code === 'commander.help') return 'which command? See `vmtest --help`';
  const text = message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
  return code === 'commander.unknownCommand' && argv[0] !== undefined ? `${text}; ${filterAdvice(argv[0])}` : text;
}

const filterAdvice = (word: string): string => `tests are run by their names with \`vmtest test ${word}\``;

function* allCommands(command: Parser): Generator<Parser> {
  yield command;
  for (const child of command.commands) yield* allCommands(child);
}

function addScan(program: Parser, settle: (command: Command) => void): void {
  subcommand(program, 'scan')
    .description("find the kernel's reports of faults in a console log: oops, WARNING, KASAN, lockdep, ...")
    .argument('<file>', 'the log; - is standard input')
    .option('--vmlinux <path>', 'the kernel with debug information, for lines of the source')
    .option('--json', 'print a list of faults as JSON')
    .addHelpText('after', `\n${scanHelp()}`)
    .action((file: string, flags: { vmlinux?: string; json?: true }) => {
      for (const [name, value] of [
        ['the file', file],
        ['--vmlinux', flags.vmlinux],
      ]) {
        if (value === '') throw usage(`${name}: is empty`);
        if (value?.includes('\0')) throw usage(`${name}: contains a NUL character`);
      }
      const { vmlinux } = flags;
      settle({ kind: 'scan', file, json: flags.json === true, ...(vmlinux === undefined ? {} : { vmlinux }) });
    });
}

function addDoctor(program: Parser, settle: (command: Command) => void): void {
  subcommand(program, 'doctor')
    .alias('probe')
    .description('say which guests this machine can run, and what stands in the way of the others')
    .option('--json', 'print all that was found out as JSON')
    .addHelpText('after', `\n${doctorHelp()}`)
    .action(({ json }: { json?: true }) => settle({ kind: 'doctor', json: json === true }));
}

function addKernelConfig(program: Parser, settle: (command: Command) => void): void {
  subcommand(program, 'kernel-config')
    .description("print the configuration that a guest's kernel needs, for scripts/kconfig/merge_config.sh")
    .addOption(
      new Option('--arch <arch>', 'architecture of the kernel')
        .choices(ARCHITECTURES)
        .default(undefined, "this machine's"),
    )
    .action(({ arch }: { arch?: Architecture }) =>
      settle({ kind: 'kernel-config', ...(arch === undefined ? {} : { arch }) }),
    );
}

function addParse(program: Parser, settle: (command: Command) => void): void {
  subcommand(program, 'parse')
    .description('read test results out of a file; exit code 1 when something failed')
    .argument('<file>', 'what the tests wrote; - is standard input')
    .requiredOption('--format <format>', 'what it is written in; see below')
    .option('--exit-code <n>', 'exit code of the command that wrote it (default: nobody knows)')
    .option('--json', 'print the cases, the verdict and the problems as JSON')
    .addHelpText('after', () => `\n${formatsHelp()}`)
    .action((file: string, flags: { format: string; exitCode?: string; json?: true }) => {
      const format = checkFormatName('--format', flags.format);
      const exitCode = flags.exitCode === undefined ? undefined : parseCount('--exit-code', flags.exitCode, 0, 255);
      if (format === 'exit-code' && exitCode === undefined) throw usage('--format exit-code: needs --exit-code');
      if (file === '' || file.includes('\0'))
        throw usage('parse: the name of the file is empty or has a NUL character');
      const command: ParseResultsCommand = { kind: 'parse', format, file, json: flags.json === true };
      settle(exitCode === undefined ? command : { ...command, exitCode });
    });
}
