/** `vmtest run` as it is written. Pure. */
import { Option, type Command as Parser } from 'commander';
import type { EngineChoice } from '../engine/choice.js';
import type { DiskMode, DiskSpec } from '../engine/guest.js';
import type { Architecture } from '../images/kernels/architecture.js';
import { MAX_DISKS, SYSTEMD } from '../machine/defaults.js';
import { mountsProblem } from '../machine/mounts.js';
import type { Command, RunCommand } from './command.js';
import { parseCopies } from './copy-spec.js';
import { exitCodesHelp } from './help.js';
import { parseMount } from './mount-spec.js';
import { archOption, collect, engineOption, type ParseContext, subcommand, usage } from './parse-tools.js';
import { parseCount, parseDuration, parseSize } from './units.js';

const MIB = 2 ** 20;

/** Options as commander gives them, still as text. */
interface RunFlags {
  engine?: EngineChoice;
  arch?: Architecture;
  image?: string;
  kernel?: string;
  initrd?: string;
  modules?: string;
  module?: string[];
  cpus: string;
  memory: string;
  append?: string;
  disk?: string[];
  mount?: string[];
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
  pmu?: true;
  sve?: true;
  failOnSplat?: true;
  dryRun?: true;
  tty: 'auto' | 'always' | 'never';
}

export function addRun(program: Parser, context: ParseContext, settle: (command: Command) => void): void {
  subcommand(program, 'run')
    .description('boot a guest, run a command in it, exit with its exit code')
    .usage('[options] -- <command> [args...]')
    .argument('<command...>', 'the command and its arguments')
    .addOption(engineOption())
    .addOption(archOption())
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
    .option(
      '--mount <host:guest[:mode]>',
      "a directory of this host at /GUEST: ro, rw or exclusive (default: ro); at / it is the guest's root; QEMU only; repeatable",
      collect,
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
    .option('--pmu', 'show the performance monitor to a guest of aarch64')
    .option('--sve', 'show the scalable vectors to a guest of aarch64')
    .option('--fail-on-splat', 'exit 119 when the kernel reports a fault: oops, WARNING, KASAN, ...')
    .option('--dry-run', 'print the guest that would be started, as JSON, and start nothing')
    .addOption(
      new Option('--tty <when>', 'give the command a terminal; auto: when this is one')
        .choices(['auto', 'always', 'never'])
        .default('never'),
    )
    .addHelpText('after', `\n${exitCodesHelp()}`)
    .passThroughOptions()
    .action((argv: string[], flags: RunFlags) => settle(runCommand(argv, flags, context)));
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
    mounts: (flags.mount ?? []).map(parseMount),
    env: parseEnvironment(flags.env ?? [], context.env),
    bootTimeoutMs: parseDuration('--boot-timeout', flags.bootTimeout),
    nested: flags.nested === true,
    pmu: flags.pmu === true,
    sve: flags.sve === true,
    failOnSplat: flags.failOnSplat === true,
    dryRun: flags.dryRun === true,
    tty: flags.tty,
  };
  if (flags.engine !== undefined) command.engine = flags.engine;
  if (flags.arch !== undefined) command.arch = flags.arch;
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
  const hasRoot = (command.root ?? command.image) !== undefined || command.mounts.some(({ guest }) => guest === '/');
  if (flags.init !== undefined) command.init = parseInit(flags.init, hasRoot);
  const most = command.root === undefined ? MAX_DISKS : MAX_DISKS - 1;
  if (command.disks.length > most) {
    throw usage(`--disk: at most ${most} disks${command.root === undefined ? '' : ' beside a root'}`);
  }
  const problem = mountsProblem(command.mounts, command);
  if (problem !== undefined) throw usage(`--mount: ${problem}`);
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
  if (!hasRoot) throw usage('--init: needs --root, --image or a --mount on /, whose init it names');
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
