import type { Command as Parser } from 'commander';
import { describe, expect, it } from 'vitest';
import type { TestCommand } from './command.js';
import { createProgram, parseCommandLine } from './parse.js';

const context = { version: '1.2.3', env: {} };
const parse = (...argv: string[]) => parseCommandLine(argv, context);

const NOTHING: TestCommand = {
  kind: 'test',
  filters: [],
  projects: [],
  repeatEach: 1,
  lastFailed: false,
  list: false,
  dryRun: false,
  failOnFlaky: false,
  passWithNoTests: false,
  updateTimings: false,
  watch: false,
};

describe('vmtest test', () => {
  it('is what is done without a command', () => {
    expect(parse('test')).toEqual(NOTHING);
    expect(parse()).toEqual(NOTHING);
    expect(parse('--shard', '1/2')).toEqual({ ...NOTHING, shard: { index: 1, count: 2 } });
    expect(parse('-g', 'net')).toEqual({ ...NOTHING, grep: 'net' });
  });

  it('takes every flag', () => {
    const flags =
      'net fs -c ci.yaml --grep a|b --grep-invert c --project cloud/* --project x --shard 2/3 -j 50% --retries 2 --repeat-each 3 ' +
      '--max-failures 4 --last-failed --dry-run --reporter list,junit --reporter junit --output out --timeout 2m --fail-on-flaky ' +
      '--pass-with-no-tests --update-timings --watch';
    expect(parse('test', ...flags.split(' '))).toEqual({
      kind: 'test',
      filters: ['net', 'fs'],
      config: 'ci.yaml',
      grep: 'a|b',
      grepInvert: 'c',
      projects: ['cloud/*', 'x'],
      shard: { index: 2, count: 3 },
      workers: { percent: 50 },
      retries: 2,
      repeatEach: 3,
      maxFailures: 4,
      lastFailed: true,
      list: false,
      dryRun: true,
      reporters: [{ name: 'list' }, { name: 'junit' }],
      output: 'out',
      timeoutMs: 120_000,
      failOnFlaky: true,
      passWithNoTests: true,
      updateTimings: true,
      watch: true,
    });
    expect(parse('test', '-x', '--list')).toEqual({ ...NOTHING, maxFailures: 1, list: true });
    expect(parse('test', '--max-failures', '0')).toEqual({ ...NOTHING, maxFailures: 0 });
  });

  it.each([
    [
      ['doktor'],
      "unknown command 'doktor' (Did you mean doctor?); tests are run by their names with `vmtest test doktor`",
    ],
    [
      ['net'],
      "unknown command 'net' (Did you mean one of init, test?); tests are run by their names with `vmtest test net`",
    ],
    [['-x', 'net'], '"net" belongs to no flag; tests are run by their names with `vmtest test net`'],
    [['--shards', '1/2'], "unknown option '--shards' (Did you mean --shard?)"],
    [['--shard', '3/2'], '--shard: there is no shard 3/2; they are 1/2 to 2/2'],
    [['-j', '0'], '--workers: "0" is neither a number from 1 to 10000 nor a share of the CPUs like 50% nor auto'],
    [['--retries', '-1'], '--retries: "-1" is not a number from 0 to 100'],
    [['--repeat-each', '0'], '--repeat-each: "0" is not a number from 1 to 10000'],
    [['--max-failures', 'x'], '--max-failures: "x" is not a number from 0 to 1000000'],
    [['-x', '--max-failures', '2'], '-x: is --max-failures 1 and goes not with another one'],
    [['--list', '--dry-run'], '--list: goes not with --dry-run, which prints more'],
    [['--reporter', 'list,junt'], '--reporter: "junt" is no reporter; there are list, dot,'],
    [['--reporter', ''], '--reporter: "" is no reporter'],
    [['--timeout', 'soon'], '--timeout: "soon" is not a duration; write 500ms, 30s or 2m'],
    [['--config', ''], '--config: is empty'],
    [['--output', 'a\0'], '--output: contains a NUL character'],
    [['-g', ''], '--grep: is empty'],
    [['--project', ''], '--project: is empty'],
    [['test', ''], 'filter: is empty'],
  ])('refuses %j', (argv, message) => expect(() => parse(...argv)).toThrow(message));
});

describe('vmtest init and completion', () => {
  it('have defaults and choices', () => {
    expect(parse('init')).toEqual({ kind: 'init', format: 'ts', directory: '.' });
    expect(parse('init', '--format', 'yaml', 'sub')).toEqual({ kind: 'init', format: 'yaml', directory: 'sub' });
    expect(parse('completion', 'zsh')).toEqual({ kind: 'completion', shell: 'zsh' });
    expect(() => parse('init', '--format', 'toml')).toThrow('Allowed choices are ts, mjs, yaml, json.');
    expect(() => parse('completion', 'tcsh')).toThrow('Allowed choices are bash, zsh, fish.');
    expect(() => parse('init', '')).toThrow('DIR: is empty');
  });
});

it('has examples in the help of every command', () => {
  const commands = (parent: Parser, path: string[]): string[][] =>
    parent.commands.flatMap((child) => [[...path, child.name()], ...commands(child, [...path, child.name()])]);
  const all = commands(
    createProgram(context, () => {}),
    [],
  );
  expect(all.length).toBeGreaterThan(15);
  for (const path of all) {
    expect([path, parse(...path, '--help')]).toEqual([
      path,
      { kind: 'print', text: expect.stringContaining('\nExamples:\n  ') },
    ]);
  }
});
