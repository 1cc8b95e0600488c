/** What the parsers of several commands need. */
import type { Command as Parser } from 'commander';
import { VmtestError } from '../errors.js';
import { examplesHelp } from './help.js';

export interface ParseContext {
  version: string;
  /** For `--env NAME`, which takes the value from here. */
  env: NodeJS.ProcessEnv;
}

export const usage = (message: string): VmtestError => new VmtestError('VMTEST_USAGE', message);

/** For options that may be given more than once. */
export const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

/** A command whose help ends with its examples. */
export function subcommand(parent: Parser, name: string): Parser {
  const path = parent.parent === null ? name : `${parent.name()} ${name}`;
  return parent.command(name).addHelpText('after', () => examplesHelp(path));
}

/** The value of a flag that names something: neither empty nor with a NUL character. */
export function nonEmpty(flag: string, value: string): string {
  if (value === '') throw usage(`${flag}: is empty`);
  if (value.includes('\0')) throw usage(`${flag}: contains a NUL character`);
  return value;
}
