/** `vmtest init` and `vmtest completion` as they are written. Pure. */
import { Argument, Option, type Command as Parser } from 'commander';
import { type Command, SHELLS, type Shell, STARTER_FORMATS, type StarterFormat } from './command.js';
import { nonEmpty, subcommand } from './parse-tools.js';

export function addInit(program: Parser, settle: (command: Command) => void): void {
  subcommand(program, 'init')
    .description('write a configuration to start from; what is there is never overwritten')
    .argument('[dir]', 'directory for it; made, if need be', '.')
    .addOption(new Option('--format <format>', 'language of the configuration').choices(STARTER_FORMATS).default('ts'))
    .action((directory: string, { format }: { format: StarterFormat }) =>
      settle({ kind: 'init', format, directory: nonEmpty('DIR', directory) }),
    );
}

export function addCompletion(program: Parser, settle: (command: Command) => void): void {
  subcommand(program, 'completion')
    .description('print a script that lets a shell complete commands and flags')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .action((shell: Shell) => settle({ kind: 'completion', shell }));
}
