import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { completionScript } from './completion.js';
import { createProgram } from './parse.js';

const program = createProgram({ version: '1', env: {} }, () => {});
const bash = completionScript('bash', program);

/** What bash offers for the last of the words. */
async function offered(...words: string[]): Promise<string[]> {
  const script = `${bash}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _vmtest; printf '%s\\n' "\${COMPREPLY[@]-}"`;
  // Where its standard input is a socket, it takes itself for a remote shell and reads what the machine has for those.
  const { stdout, stderr } = await execa('bash', ['--norc', '-uc', script, 'bash', 'vmtest', ...words]);
  expect(stderr).toBe('');
  return stdout === '' ? [] : stdout.split('\n');
}

describe('completion of bash', () => {
  it('is a script', async () => expect(await execa('bash', ['-n'], { input: bash })).toMatchObject({ exitCode: 0 }));

  it.each([
    [['ru'], ['run']],
    [['pro'], ['probe']],
    [['--sh'], ['--shard']],
    [
      ['test', '--gr'],
      ['--grep', '--grep-invert'],
    ],
    [['test', '--timeout', ''], []],
    [
      ['--reporter', 'j'],
      ['json', 'junit'],
    ],
    [['images', 'fetch', '--flavour', 'g'], ['generic']],
    [
      ['init', '--format', ''],
      ['ts', 'mjs', 'yaml', 'json'],
    ],
    [['init', '--format', 'y'], ['yaml']],
    [
      ['init', '--format', 'yaml', '--'],
      ['--format', '--help'],
    ],
    [
      ['images', 'p'],
      ['path', 'pull', 'pack', 'prune'],
    ],
    [
      ['images', 'fetch', '--arch', ''],
      ['x86_64', 'aarch64'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [
      ['run', '--tty', 'a'],
      ['auto', 'always'],
    ],
    [['run', '--', '--'], []],
    [['test', 'images', '--fail'], ['--fail-on-flaky']],
  ])('%j: %j', async (words, answers) => expect(await offered(...words)).toEqual(answers));
});

describe('every script', () => {
  it.each(['bash', 'zsh', 'fish'] as const)('has every command and flag: %s', (shell) => {
    const script = completionScript(shell, program);
    const flags = program.commands.flatMap((command) => command.options.map(({ long }) => long ?? '-x'));
    const words = flags.map((flag) => (shell === 'fish' ? flag.replace('--', '-l ').replace(/^-x/, '-s x') : flag));
    const names = program.commands.map((command) => command.name());
    expect([...names, ...words].filter((word) => !script.includes(word))).toEqual([]);
  });
});
