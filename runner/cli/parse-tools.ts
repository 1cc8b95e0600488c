/** What the parsers of several commands need. */
import { Option, type Command as Parser } from 'commander';
import { ENGINE_CHOICES } from '../engine/choice.js';
import { VmtestError } from '../errors.js';
import { ARCHITECTURES } from '../images/kernels/architecture.js';
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

export const archOption = (): Option =>
  new Option('--arch <arch>', `${ARCHITECTURES.join(' or ')} (default: this machine's, or VMTEST_ARCH)`).choices(
    ARCHITECTURES,
  );

export const engineOption = (): Option =>
  new Option(
    '--engine <name>',
    'native (KVM), qemu (emulation), or auto: native where KVM works, else qemu (default: auto, or VMTEST_ENGINE)',
  ).choices(ENGINE_CHOICES);
