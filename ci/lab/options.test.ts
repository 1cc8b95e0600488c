import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { chooseEnvironment, commandScript, parseOptions, UsageError } from './options.mjs';

describe('parseOptions', () => {
  it('takes everything after -- as the command', () => {
    expect(parseOptions(['--cpus', '4', '--timeout', '90s', '--', 'sh', '--cpus', '--'])).toMatchObject({
      cpus: 4,
      memory: 6144,
      timeout: 90_000,
      command: ['sh', '--cpus', '--'],
    });
  });

  it.each([
    [[], 'no command'],
    [['--'], 'no command'],
    [['true'], 'unknown argument true'],
    [['--frob', '--', 'true'], 'unknown argument --frob'],
    [['--cpus'], '--cpus needs a value'],
    [['--cpus', '0', '--', 'true'], '--cpus 0'],
    [['--cpus', '0x2', '--', 'true'], '--cpus 0x2'],
    [['--memory', '64', '--', 'true'], '--memory 64'],
    [['--timeout', '30', '--', 'true'], '--timeout 30'],
    [['--timeout', '0s', '--', 'true'], '--timeout 0s'],
    [['--timeout', '9999h', '--', 'true'], '--timeout 9999h'],
    [['--arch', 'aarch64', '--', 'true'], '--arch aarch64'],
  ])('refuses %j', (argv, message) => {
    expect(() => parseOptions(argv)).toThrow(UsageError);
    expect(() => parseOptions(argv)).toThrow(message);
  });
});

describe('chooseEnvironment', () => {
  it('passes what means something inside and nothing else', () => {
    const env = { PATH: '/bin', VMTEST_X: '1', NODE_OPTIONS: '', SSH_AUTH_SOCK: '/s', NPM_TOKEN: 't', NODEX: 'x' };
    expect(chooseEnvironment(env)).toEqual({ PATH: '/bin', VMTEST_X: '1', NODE_OPTIONS: '' });
  });
});

describe('commandScript', () => {
  it('survives a real shell, whatever the words hold', () => {
    const words = ['', 'a b', "it's", '"$HOME" `id` \\', 'line\nbreak', '*', '-n', 'ü'];
    const script = commandScript({
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '', ODD: "x'y" },
      command: [
        'node',
        '-e',
        'console.log(JSON.stringify([process.cwd(), process.env.ODD, process.argv.slice(1)]))',
        '--',
        ...words,
      ],
    });
    const output = execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
    expect(JSON.parse(output)).toEqual(['/', "x'y", words]);
  });

  it('does not run the command in another folder', () => {
    const script = commandScript({ cwd: '/no/such/folder', env: {}, command: ['echo', 'ran'] });
    expect(() => execFileSync('/bin/sh', ['-c', script], { stdio: 'pipe' })).toThrow(
      expect.objectContaining({ status: 125, stdout: Buffer.alloc(0) }),
    );
  });
});
