import { describe, expect, it } from 'vitest';
import { chooseEnvironment, hostArch, parseOptions, UsageError } from './options.mjs';

describe('parseOptions', () => {
  it('takes everything after -- as the command', () => {
    expect(parseOptions(['--cpus', '4', '--timeout', '90s', '--', 'sh', '--cpus', '--'])).toMatchObject({
      cpus: 4,
      memory: 6144,
      timeout: 90_000,
      command: ['sh', '--cpus', '--'],
    });
  });

  it('takes another architecture, and a CPU', () => {
    expect(parseOptions(['--', 'true'])).toMatchObject({ arch: hostArch(), cpu: undefined });
    expect(parseOptions(['--arch', 'aarch64', '--cpu', 'cortex-a72', '--', 'true'])).toMatchObject({
      arch: 'aarch64',
      cpu: 'cortex-a72',
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
    [['--arch', 'riscv64', '--', 'true'], '--arch riscv64'],
  ])('refuses %j', (argv, message) => {
    expect(() => parseOptions(argv)).toThrow(UsageError);
    expect(() => parseOptions(argv)).toThrow(message);
  });
});

describe('chooseEnvironment', () => {
  it('passes what means something inside and nothing else', () => {
    const env = {
      PATH: '/bin',
      VMTEST_X: '1',
      NODE_OPTIONS: '',
      NODE_EXTRA_CA_CERTS: '/c',
      SSH_AUTH_SOCK: '/s',
      NPM_TOKEN: 't',
      NODEX: 'x',
    };
    expect(chooseEnvironment(env)).toEqual({ PATH: '/bin', VMTEST_X: '1', NODE_OPTIONS: '' });
  });
});
