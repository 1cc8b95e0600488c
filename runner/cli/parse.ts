/** argv to a typed command. Pure: nothing is read but its arguments, nothing is printed. */
import { CommanderError, Option, Command as Parser } from 'commander';
import type { DiskMode, DiskSpec } from '../engine/guest.js';
import { VmtestError } from '../errors.js';
import { ARCHITECTURES, type Architecture, hostArchitecture } from '../images/kernels/architecture.js';
import { FLAVOURS, type Flavour } from '../images/packages.js';
import { DEFAULT_IMAGE, MAX_DISKS, SYSTEMD } from '../machine/defaults.js';
import { checkFormatName } from '../results/format-names.js';
import type { Command, ParseResultsCommand, RunCommand } from './command.js';
import { parseCopies } from './copy-spec.js';
import { examplesHelp, exitCodesHelp, formatsHelp, scanHelp } from './help.js';
import { addMergeReports, addReport } from './parse-reports.js';
import { parseCount, parseDuration, parseSize } from './units.js';

export interface ParseContext {
  version: string;
  /** For `--env NAME`, which takes the value from here. */
  env: NodeJS.ProcessEnv;
}

const MIB = 2 ** 20;
const usage = (message: string): VmtestError => new VmtestError('VMTEST_USAGE', message);

/** `argv` without node and the script. Throws `VMTEST_USAGE` with one clear line. */
export function parseCommandLine(argv: readonly string[], context: ParseContext): Command {
  let parsed: Command | undefined;
  let printed = '';
  const program = new Parser('vmtest')
    .description('Boots Linux guests under its own KVM core and runs commands in them.')
    .version(context.version, '-V, --version')
    .helpCommand('help [command]', 'say more about a command')
    .enablePositionalOptions();
  const settle = (command: Command): void => {
    parsed = command;
  };
  addRun(program, context, settle);
  addScan(program, settle);
  addDoctor(program, settle);
  addImages(program, settle);
  addKernelConfig(program, settle);
  addParse(program, settle);
  addReport(program, settle);
  addMergeReports(program, settle);
  for (const command of allCommands(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => {
        printed += text;
      },
      writeErr: () => {},
      getOutHelpWidth: () => 110,
    });
  }
  if (argv.length === 0) return { kind: 'print', text: program.helpInformation() };
  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'print', text: printed };
    const message = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
    throw usage(error.code === 'commander.help' ? 'which command? See `vmtest --help`' : message);
  }
  if (parsed === undefined) throw usage('which command? See `vmtest --help`');
  return parsed;
}

function* allCommands(command: Parser): Generator<Parser> {
  yield command;
  for (const child of command.commands) yield* allCommands(child);
}

/** Options as commander gives them, still as text. */
interface RunFlags {
  image?: string;
  kernel?: string;
  initrd?: string;
  modules?: string;
  module?: string[];
  cpus: string;
  memory: string;
  append?: string;
  disk?: string[];
  root?: string;
  init?: string;
  copyIn?: string[];
  copyOut?: string[];
  env?: string[];
  cwd?: string;
  user?: string;
  timeout?: string;
  bootTimeout: string;
  console?: string;
  nested?: true;
  failOnSplat?: true;
  dryRun?: true;
  tty: 'auto' | 'always' | 'never';
}

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

function addRun(program: Parser, context: ParseContext, settle: (command: Command) => void): void {
  program
    .command('run')
    .description('boot a guest, run a command in it, exit with its exit code')
    .usage('[options] -- <command> [args...]')
    .argument('<command...>', 'the command and its arguments')
    .option('--image <name>', 'kernel and root from an image, like debian-12 (default: micro)')
    .option(
      '--kernel <path>',
      'kernel, package, build tree or directory, or of Debian: cloud, generic (default: the image has one)',
    )
    .option('--initrd <path>', 'initial RAM file system; the agent is added to it (default: the image has one)')
    .option('--modules <dir>', 'lib/modules/RELEASE of the kernel (default: searched beside it, then on this host)')
    .option('--module <name>', 'load this module of the kernel before the command; repeatable', collect)
    .option('--cpus <n>', 'virtual CPUs, 1 to 32', '1')
    .option('--memory <size>', "guest memory, 64M to 64G; Debian's kernels need 128M", '512M')
    .option('--append <args>', 'more kernel arguments, put last')
    .option(
      '--disk <path[,mode]>',
      'a raw disk: ro, rw or overlay (default: overlay, writes are lost); repeatable',
      collect,
    )
    .option(
      '--root <path[,rw]>',
      'root of the guest: a directory, tarball, container image, or raw image; writes are lost, but with rw',
    )
    .option('--env <name[=value]>', 'set a variable for the command, or pass one on; repeatable', collect)
    .option('--cwd <dir>', 'working directory of the command')
    .option('--init <path>', "boot the root's own init, `systemd` or a path; the agent is its service")
    .option('--user <user>', 'name, or uid[:gid], that the command runs as (default: root)')
    .option('--copy-in <src:dst>', 'copy SRC of this host to /DST of the guest before the command; repeatable', collect)
    .option(
      '--copy-out <src:dst>',
      "copy the guest's /SRC to DST after the command, also when it failed; repeatable",
      collect,
    )
    .option('--timeout <time>', 'limit for the command, like 500ms, 30s, 2m (default: none)')
    .option('--boot-timeout <time>', 'limit for the boot', '120s')
    .option('--console <file>', 'write the serial console there; - is standard error')
    .option('--nested', 'show the virtualization extensions to the guest')
    .option('--fail-on-splat', 'exit 119 when the kernel reports a fault: oops, WARNING, KASAN, ...')
    .option('--dry-run', 'print the guest that would be started, as JSON, and start nothing')
    .addOption(
      new Option('--tty <when>', 'give the command a terminal; auto: when this is one')
        .choices(['auto', 'always', 'never'])
        .default('never'),
    )
    .addHelpText('after', `\n${examplesHelp()}\n${exitCodesHelp()}`)
    .passThroughOptions()
    .action((argv: string[], flags: RunFlags) => settle(runCommand(argv, flags, context)));
}

function addScan(program: Parser, settle: (command: Command) => void): void {
  program
    .command('scan')
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
  program
    .command('doctor')
    .alias('probe')
    .description('say whether KVM is usable here, and if not, why and what would help')
    .action(() => settle({ kind: 'doctor' }));
}

function addImages(program: Parser, settle: (command: Command) => void): void {
  const images = program.command('images').description('the images and kernels that guests boot from');
  addImageCommands(images, settle);
}

function addImageCommands(images: Parser, settle: (command: Command) => void): void {
  const archOption = () =>
    new Option('--arch <arch>', `${ARCHITECTURES.join(' or ')} (default: this machine's)`).choices(ARCHITECTURES);
  const archOf = (flags: { arch?: Architecture }): Architecture => flags.arch ?? hostArchitecture();
  images
    .command('fetch')
    .description('get images and kernels into the cache, for runs without a network; what is there stays')
    .argument('[name...]', 'images (default: micro, where no --flavour is given)')
    .addOption(archOption())
    .addOption(
      new Option('--flavour <flavour>', "a kernel of Debian's: cloud, or generic, which has every driver; repeatable")
        .default([], 'none')
        .argParser((value: string, before: Flavour[]) => {
          const flavour = FLAVOURS.find((name) => name === value);
          if (flavour === undefined) throw usage(`--flavour: "${value}" is not one of ${FLAVOURS.join(', ')}`);
          return [...before, flavour];
        }),
    )
    .action((given: string[], flags: { arch?: Architecture; flavour: Flavour[] }) => {
      if (flags.flavour.length > 0 && archOf(flags) !== hostArchitecture()) {
        throw usage("--flavour: only this machine's own kernels can be booted; leave --arch out");
      }
      const names = given.length === 0 && flags.flavour.length === 0 ? [DEFAULT_IMAGE] : given;
      settle({ kind: 'images-fetch', names, arch: archOf(flags), flavours: flags.flavour });
    });
  images
    .command('list')
    .description('the images that can be built, and those in the store')
    .action(() => settle({ kind: 'images-list' }));
  images
    .command('build')
    .description("make an image out of Debian's packages, and store it")
    .argument('<name>', 'its name, like micro')
    .addOption(archOption())
    .action((name: string, flags: { arch?: Architecture }) =>
      settle({ kind: 'images-build', name, arch: archOf(flags) }),
    );
  images
    .command('path')
    .description('print where the manifest of an image is')
    .argument('<name>', 'its name, like micro')
    .addOption(archOption())
    .action((name: string, flags: { arch?: Architecture }) =>
      settle({ kind: 'images-path', name, arch: archOf(flags) }),
    );
  images
    .command('pull')
    .description("get an image, prebuilt, out of the npm registry that is set for @vmtest, with npm's own settings")
    .argument('<name>', 'its name, like micro')
    .addOption(archOption())
    .action((name: string, flags: { arch?: Architecture }) =>
      settle({ kind: 'images-pull', name, arch: archOf(flags) }),
    );
  images
    .command('pack')
    .description('write an image of the store as an npm package, for `npm publish`; prints its path')
    .argument('<name>', 'its name, like micro')
    .addOption(archOption())
    .option('--out <dir>', 'directory for the tarball (default: this one)')
    .action((name: string, flags: { arch?: Architecture; out?: string }) => {
      if (flags.out === '') throw usage('--out: is empty');
      if (flags.out?.includes('\0')) throw usage('--out: contains a NUL character');
      settle({
        kind: 'images-pack',
        name,
        arch: archOf(flags),
        ...(flags.out === undefined ? {} : { out: flags.out }),
      });
    });
  images
    .command('verify')
    .description('hash every file of every image; what is wrong is set aside')
    .action(() => settle({ kind: 'images-verify' }));
  images
    .command('prune')
    .description('remove what no image needs')
    .option('--all', 'also what is made or fetched again when it is wanted: unpacked kernels, packed roots, packages')
    .action((flags: { all?: true }) => settle({ kind: 'images-prune', all: flags.all === true }));
}

function addKernelConfig(program: Parser, settle: (command: Command) => void): void {
  program
    .command('kernel-config')
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
  program
    .command('parse')
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

function runCommand(argv: string[], flags: RunFlags, context: ParseContext): RunCommand {
  const memory = parseSize('--memory', flags.memory);
  if (memory < 64 * MIB || memory > 65536 * MIB) throw usage(`--memory: ${flags.memory} is not between 64M and 64G`);
  const command: RunCommand = {
    kind: 'run',
    argv,
    cpus: parseCount('--cpus', flags.cpus, 1, 32),
    memoryMib: Math.ceil(memory / MIB),
    disks: (flags.disk ?? []).map(parseDisk),
    env: parseEnvironment(flags.env ?? [], context.env),
    bootTimeoutMs: parseDuration('--boot-timeout', flags.bootTimeout),
    nested: flags.nested === true,
    failOnSplat: flags.failOnSplat === true,
    dryRun: flags.dryRun === true,
    tty: flags.tty,
  };
  for (const name of ['image', 'kernel', 'initrd', 'modules', 'append', 'cwd', 'user', 'console'] as const) {
    const value = flags[name];
    if (value === undefined) continue;
    if (value === '') throw usage(`--${name}: is empty`);
    if (value.includes('\0')) throw usage(`--${name}: contains a NUL character`);
    command[name] = value;
  }
  if (flags.module !== undefined) command.load = flags.module.map(parseModule);
  if (flags.timeout !== undefined) command.timeoutMs = parseDuration('--timeout', flags.timeout);
  if (flags.root !== undefined) command.root = parseRoot(flags.root);
  Object.assign(command, parseCopies(flags));
  if (command.image !== undefined && command.initrd !== undefined) {
    throw usage('--initrd: goes with --kernel and not with --image, which has one');
  }
  if (flags.init !== undefined) command.init = parseInit(flags.init, (command.root ?? command.image) !== undefined);
  const most = command.root === undefined ? MAX_DISKS : MAX_DISKS - 1;
  if (command.disks.length > most) {
    throw usage(`--disk: at most ${most} disks${command.root === undefined ? '' : ' beside a root'}`);
  }
  return command;
}

function parseModule(name: string): string {
  if (/^\w[\w-]*$/.test(name)) return name;
  throw usage(`--module: "${name}" is no name of a module; write it as lsmod does`);
}

const DISK_MODES: readonly DiskMode[] = ['ro', 'rw', 'overlay'];

function parseDisk(text: string): DiskSpec {
  const comma = /^(.*),(\w*)$/s.exec(text);
  const [path, name] = comma === null ? [text, 'overlay'] : [comma[1] ?? '', comma[2]];
  const mode = DISK_MODES.find((known) => known === name);
  if (mode === undefined) throw usage(`--disk: "${name}" is not a mode; write ${path},ro or ,rw or ,overlay`);
  if (path === '') throw usage(`--disk: "${text}" names no file`);
  return { path, mode };
}

/** `,rw` and `,ro` are modes; any other comma belongs to the path. */
function parseRoot(text: string): { path: string; writable: boolean } {
  const path = text.replace(/,r[ow]$/, '');
  if (path === '') throw usage(`--root: "${text}" names no file`);
  if (path.includes('\0')) throw usage('--root: contains a NUL character');
  return { path, writable: text.endsWith(',rw') };
}

function parseInit(text: string, hasRoot: boolean): string {
  if (!hasRoot) throw usage('--init: needs --root or --image, whose init it names');
  if (text === 'systemd') return SYSTEMD;
  if (!/^\/[^\s\0]+$/.test(text))
    throw usage(`--init: "${text}" is neither systemd nor an absolute path without blanks`);
  return text;
}

function parseEnvironment(settings: readonly string[], host: NodeJS.ProcessEnv): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const setting of settings) {
    const equals = setting.indexOf('=');
    const name = equals < 0 ? setting : setting.slice(0, equals);
    if (name === '') throw usage(`--env: "${setting}" has no name; write NAME=value`);
    const value = equals < 0 ? host[name] : setting.slice(equals + 1);
    if (value === undefined) throw usage(`--env: ${name} is not set here; write ${name}=value`);
    environment[name] = value;
  }
  return environment;
}
