import { describe, expect, it } from 'vitest';
import { VmtestError } from '../errors.js';
import type { RunCommand } from './command.js';
import { parseCommandLine } from './parse.js';

const context = { version: '1.2.3', env: { HOME: '/home/me' } };
const parse = (...argv: string[]) => parseCommandLine(argv, context);
const run = (...argv: string[]) => parse('run', ...argv) as RunCommand;

describe('vmtest run', () => {
  it('has defaults', () => {
    expect(run('--', 'uname', '-a')).toEqual({
      kind: 'run',
      argv: ['uname', '-a'],
      cpus: 1,
      memoryMib: 512,
      disks: [],
      mounts: [],
      env: {},
      bootTimeoutMs: 120_000,
      nested: false,
      pmu: false,
      sve: false,
      failOnSplat: false,
      dryRun: false,
      tty: 'never',
    });
  });

  it('takes every flag', () => {
    const flags =
      '--kernel k --initrd i --modules m --cpus 4 --memory 2G --append a=b --disk d.img --disk e.img,ro --mount s:/s:rw --root r,w.tar --env A=1=2 ' +
      '--env HOME --cwd /tmp --user nobody --timeout 2m --boot-timeout 30s --console - --nested --pmu --sve --fail-on-splat --tty auto';
    expect(run(...flags.split(' '), '--', 'true')).toEqual({
      kind: 'run',
      argv: ['true'],
      kernel: 'k',
      initrd: 'i',
      modules: 'm',
      cpus: 4,
      memoryMib: 2048,
      append: 'a=b',
      disks: [
        { path: 'd.img', mode: 'overlay' },
        { path: 'e.img', mode: 'ro' },
      ],
      mounts: [{ host: 's', guest: '/s', mode: 'rw' }],
      root: { path: 'r,w.tar', writable: false },
      env: { A: '1=2', HOME: '/home/me' },
      cwd: '/tmp',
      user: 'nobody',
      timeoutMs: 120_000,
      bootTimeoutMs: 30_000,
      console: '-',
      nested: true,
      pmu: true,
      sve: true,
      failOnSplat: true,
      dryRun: false,
      tty: 'auto',
    });
  });

  it('takes copies, each as often as wanted', () => {
    const flags = ['--copy-in', 'a:/a', '--copy-in', 'b:/b', '--copy-out', '/c:c'];
    expect(run(...flags, '--', 'true')).toMatchObject({
      copyIn: [
        { text: 'a:/a', source: 'a', destination: '/a' },
        { text: 'b:/b', source: 'b', destination: '/b' },
      ],
      copyOut: [{ text: '/c:c', source: '/c', destination: 'c' }],
    });
    expect(() => run('--copy-out', 'c:c', '--', 'true')).toThrow(/--copy-out: "c:c" does not begin with an absolute/);
  });

  it("leaves the command's own flags alone", () => {
    expect(run('--', 'ls', '--help', '--', '--cpus', '9').argv).toEqual(['ls', '--help', '--', '--cpus', '9']);
    expect(run('ls', '-la', '--memory').argv).toEqual(['ls', '-la', '--memory']);
    expect(run('--', 'sh', '-c', '').argv).toEqual(['sh', '-c', '']);
  });

  it.each([
    [['run'], "missing required argument 'command'"],
    [['run', '--'], "missing required argument 'command'"],
    [['run', '--cpu', '2', '--', 'true'], "unknown option '--cpu' (Did you mean --cpus?)"],
    [['run', '--cpus', '0', '--', 'true'], '--cpus: "0" is not a number from 1 to 32'],
    [['run', '--cpus', '33', '--', 'true'], '--cpus: "33" is not a number from 1 to 32'],
    [['run', '--memory', '63M', '--', 'true'], '--memory: 63M is not between 64M and 64G'],
    [['run', '--memory', '65G', '--', 'true'], '--memory: 65G is not between 64M and 64G'],
    [['run', '--memory', 'lots', '--', 'true'], '--memory: "lots" is not a size; write 512M or 2G'],
    [['run', '--timeout', '0', '--', 'true'], '--timeout: 0 is not between 1ms and 24 days'],
    [['run', '--disk', 'a.img,rx', '--', 'true'], '--disk: "rx" is not a mode; write a.img,ro or ,rw or ,overlay'],
    [['run', '--disk', ',ro', '--', 'true'], '--disk: ",ro" names no file'],
    [['run', '--root', ',rw', '--', 'true'], '--root: ",rw" names no file'],
    [['run', '--root', '', '--', 'true'], '--root: "" names no file'],
    [['run', '--env', '=x', '--', 'true'], '--env: "=x" has no name; write NAME=value'],
    [['run', '--env', 'NOPE', '--', 'true'], '--env: NOPE is not set here; write NOPE=value'],
    [['run', '--kernel', '', '--', 'true'], '--kernel: is empty'],
    [['run', '--tty', 'maybe', '--', 'true'], "option '--tty <when>' argument 'maybe' is invalid"],
    [['run', '--kernel'], "option '--kernel <path>' argument missing"],
    [['kernel-config', '--arch', 'vax'], "argument 'vax' is invalid. Allowed choices are x86_64, aarch64."],
    [['kernel-config', 'x86_64'], 'too many arguments'],
    [['walk'], "unknown command 'walk'"],
    [['--cpus', '1'], "unknown option '--cpus'"],
    [['images'], 'which command? See `vmtest --help`'],
    [['run', '--image', 'micro', '--initrd', 'x', '--', 'true'], '--initrd: goes with --kernel'],
    [['run', '--module', '../x', '--', 'true'], '--module: "../x" is no name of a module'],
    [['run', '--init', 'systemd', '--', 'true'], '--init: needs --root, --image or a --mount on /'],
    [['run', '--mount', '/a', '--', 'true'], '--mount: "/a" names no absolute path of the guest; write HOST:/GUEST'],
    [['run', '--mount', '/a:b', '--', 'true'], '--mount: "/a:b" names no absolute path of the guest'],
    [['run', '--mount', ':/a', '--', 'true'], '--mount: ":/a" names no directory of the host'],
    [['run', '--mount', '/a:/b:rx', '--', 'true'], '--mount: "/a:/b:rx" has no mode behind /b'],
    [['run', '--mount', 'a:/', '--root', 'r', '--', 'true'], '--mount: there are two roots'],
    [['images', 'pack', 'micro', '--out', ''], '--out: is empty'],
    [['images', 'fetch', '--flavour', 'fat'], '--flavour: "fat" is not one of cloud, generic'],
  ])('%j is one clear line', (argv, message) => {
    const error = catchError(() => parse(...argv));
    expect(error.code).toBe('VMTEST_USAGE');
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('\n');
  });

  it.each([
    ['a.img', { path: 'a.img', writable: false }],
    ['a.img,rw', { path: 'a.img', writable: true }],
    ['a.img,ro', { path: 'a.img', writable: false }],
    ['a.img:2,rw', { path: 'a.img:2', writable: true }],
    ['a,b', { path: 'a,b', writable: false }],
  ])('takes the root %s', (text, root) => expect(run('--root', text, '--', 'true').root).toEqual(root));

  it.each([
    ['.:/src', { host: '.', guest: '/src', mode: 'ro' }],
    ['/a:b:/c:rw', { host: '/a:b', guest: '/c', mode: 'rw' }],
    ['a:/b:exclusive', { host: 'a', guest: '/b', mode: 'exclusive' }],
    ['/:/:ro', { host: '/', guest: '/', mode: 'ro' }],
    ['/a,b:/c', { host: '/a,b', guest: '/c', mode: 'ro' }],
  ])('takes the mount %s', (text, mount) => expect(run('--mount', text, '--', 'true').mounts).toEqual([mount]));

  it('takes the init of a root that is mounted', () => {
    expect(run('--mount', 'tree:/', '--init', 'systemd', '--', 'true').init).toBe('/lib/systemd/systemd');
  });

  it('refuses more disks than a guest can have', () => {
    const disks = Array.from({ length: 17 }, (_, i) => ['--disk', `${i}.img`]).flat();
    expect(() => run(...disks, '--', 'true')).toThrow('at most 16 disks');
    expect(run(...disks.slice(2), '--', 'true').disks).toHaveLength(16);
    expect(() => run('--root', 'r', ...disks.slice(2), '--', 'true')).toThrow('at most 15 disks beside a root');
  });
});

describe('the other commands', () => {
  it('are parsed', () => {
    expect(parse('doctor')).toEqual({ kind: 'doctor', json: false });
    expect(parse('probe', '--json')).toEqual({ kind: 'doctor', json: true });
    expect(parse('images', 'pull', 'micro', '--arch', 'aarch64')).toEqual({
      kind: 'images-pull',
      name: 'micro',
      arch: 'aarch64',
    });
    const pack = { kind: 'images-pack', name: 'micro', arch: 'x86_64' };
    expect(parse('images', 'pack', 'micro', '--arch', 'x86_64')).toEqual(pack);
    expect(parse('images', 'pack', 'micro', '--arch', 'x86_64', '--out', 'd')).toEqual({ ...pack, out: 'd' });
    expect(parse('images', 'fetch')).toMatchObject({ kind: 'images-fetch', names: ['micro'], flavours: [] });
    expect(parse('images', 'fetch', 'debian-12', '--arch', 'aarch64')).toMatchObject({
      names: ['debian-12'],
      arch: 'aarch64',
    });
    expect(parse('images', 'fetch', '--flavour', 'cloud', '--flavour', 'generic')).toMatchObject({
      names: [],
      flavours: ['cloud', 'generic'],
    });
  });

  it('name an architecture or leave it to this machine', () => {
    expect(parse('kernel-config')).toEqual({ kind: 'kernel-config' });
    expect(parse('kernel-config', '--arch', 'aarch64')).toEqual({ kind: 'kernel-config', arch: 'aarch64' });
  });

  it('print help and the version', () => {
    expect(parse('--version')).toEqual({ kind: 'print', text: '1.2.3\n' });
    for (const argv of [['--help'], ['-h'], ['help'], ['run', '--help'], ['help', 'run']]) {
      const command = parse(...argv);
      expect(command.kind === 'print' && command.text).toMatch(/^Usage: vmtest/);
    }
    const help = parse('run', '--help');
    expect(help.kind === 'print' && help.text).toMatch(/Examples:.*vmtest run -- uname -a.*Exit codes:.*120 /s);
  });
});

function catchError(act: () => unknown): VmtestError {
  try {
    act();
  } catch (error) {
    if (error instanceof VmtestError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('vmtest parse', () => {
  it.each([
    [['--format', 'tap', 'out.tap'], { format: 'tap', file: 'out.tap', json: false }],
    [['--format', 'junit', '--json', '-'], { format: 'junit', file: '-', json: true }],
    [
      ['--format', 'exit-code', '--exit-code', '3', 'log'],
      { format: 'exit-code', file: 'log', json: false, exitCode: 3 },
    ],
  ])('%j', (args, expected) => {
    expect(parse('parse', ...args)).toEqual({ kind: 'parse', ...expected });
  });

  it.each([
    [['out.tap'], "required option '--format <format>' not specified"],
    [['--format', 'tap'], "missing required argument 'file'"],
    [
      ['--format', 'kselftst', 'f'],
      '--format: "kselftst" is no format of test results; did you mean one of kselftest, ',
    ],
    [['--format', 'exit-code', 'f'], '--format exit-code: needs --exit-code'],
    [['--format', 'tap', '--exit-code', '256', 'f'], '--exit-code: "256" is not a number from 0 to 255'],
    [['--format', 'tap', ''], 'the name of the file is empty'],
  ])('refuses %j', (args, message) => {
    expect(() => parse('parse', ...args)).toThrow(message);
  });

  it('lists the formats in its help', () => {
    expect(parse('parse', '--help')).toMatchObject({
      kind: 'print',
      text: expect.stringMatching(/^ {2}ktap {7}KTAP 1 of the kernel/m),
    });
  });
});
