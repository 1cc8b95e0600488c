/** `vmtest completion`: scripts for shells, made from the commands and flags themselves. */
import type { Argument, Option, Command as Parser } from 'commander';
import type { Shell } from './command.js';
import { createProgram } from './parse.js';

export function completion(shell: Shell): number {
  const program = createProgram({ version: '', env: {} }, () => {});
  process.stdout.write(completionScript(shell, program));
  return 0;
}

/** What may come in one command; pure. */
interface Node {
  /** The words that lead to it, `images fetch`; empty at the top. */
  path: string;
  flags: { names: string[]; takesValue: boolean; choices: readonly string[]; doc: string }[];
  words: { name: string; doc: string }[];
}

export function completionScript(shell: Shell, program: Parser): string {
  const nodes = nodesOf(program, '');
  switch (shell) {
    case 'bash':
      return bash(nodes);
    case 'zsh':
      return zsh(nodes);
    case 'fish':
      return fish(nodes);
  }
}

function nodesOf(command: Parser, path: string): Node[] {
  const help = command.createHelp();
  const children = help.visibleCommands(command);
  const flags = help.visibleOptions(command).map((option: Option) => ({
    names: [option.short, option.long].filter((name) => name !== undefined && name !== null),
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
    doc: option.description,
  }));
  const choices = command.registeredArguments.flatMap((argument: Argument) => argument.argChoices ?? []);
  const words = [
    ...children.flatMap((child) =>
      [child.name(), ...child.aliases()].map((name) => ({ name, doc: help.subcommandDescription(child) })),
    ),
    ...choices.map((name) => ({ name, doc: '' })),
  ];
  const below = children
    .filter((child) => child.name() !== 'help')
    .flatMap((child) => nodesOf(child, path === '' ? child.name() : `${path} ${child.name()}`));
  return [{ path, flags, words }, ...below];
}

/** What is completed without a command is what `test` has. */
const flagsOf = (nodes: readonly Node[], { path, flags }: Node): Node['flags'] =>
  path === ''
    ? [
        ...flags,
        ...(nodes.find((node) => node.path === 'test')?.flags ?? []).filter(({ names }) => !names.includes('-h')),
      ]
    : flags;

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const unique = (words: readonly string[]): string => [...new Set(words)].join(' ');

/** The part that bash and zsh have in common: `at` is the command so far, `previous` the word before, `offered` the answer; `path` and `words` are zsh's own. */
function cases(nodes: readonly Node[]): string {
  const values = nodes.flatMap((node) =>
    flagsOf(nodes, node)
      .filter(({ takesValue }) => takesValue)
      .map(({ names, choices }) => {
        const patterns = names.map((name) => quoted(`${node.path}:${name}`)).join('|');
        return `    ${patterns}) offered=${quoted(choices.join(' '))}; value=1 ;;\n`;
      }),
  );
  const own = nodes.map((node) => {
    const flags = flagsOf(nodes, node).flatMap(({ names }) => names);
    const words = unique(node.words.map(({ name }) => name));
    return `      ${quoted(node.path)}) offered=${quoted(words)}; flags=${quoted(unique(flags))} ;;\n`;
  });
  return [
    '  case "$at:$previous" in\n',
    ...values,
    '  esac\n',
    '  if [ -z "$value" ]; then\n',
    '    case "$at" in\n',
    ...own,
    '    esac\n',
    '    case "$current" in -*) offered="$flags" ;; esac\n',
    '  fi\n',
  ].join('');
}

/** Goes along the words before the cursor: a word that is a command below the last one is one more. */
function walk(nodes: readonly Node[]): string {
  const paths = nodes.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  return `    case "\${at:+$at }$word" in\n      ${paths.join('|')}) at="\${at:+$at }$word" ;;\n    esac\n`;
}

function bash(nodes: readonly Node[]): string {
  return `# bash completion of vmtest
_vmtest() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="" at="" offered="" flags="" value="" word
  [ "$COMP_CWORD" -gt 0 ] && previous="\${COMP_WORDS[COMP_CWORD-1]}"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [ "$word" = "--" ] && return 0
${walk(nodes)}  done
${cases(nodes)}  COMPREPLY=($(compgen -W "$offered" -- "$current"))
}
complete -o default -F _vmtest vmtest
`;
}

function zsh(nodes: readonly Node[]): string {
  return `#compdef vmtest
_vmtest() {
  local current="\${words[CURRENT]}" previous="\${words[CURRENT-1]}" answer=""
  local -a before; before=("\${(@)words[2,CURRENT-1]}")
  _vmtest_words "$current" "$previous" "\${before[@]}"
  if [[ -n "$answer" ]]; then compadd -- \${=answer}; else _files; fi
}
_vmtest_words() {
  emulate -L sh
  local current="$1" previous="$2" at="" offered="" flags="" value="" word
  shift 2
  for word in "$@"; do
    [ "$word" = "--" ] && return 0
${walk(nodes)}  done
${cases(nodes)}  answer="$offered"
}
if [ "$funcstack[1]" = "_vmtest" ]; then _vmtest "$@"; else compdef _vmtest vmtest; fi
`;
}

function fish(nodes: readonly Node[]): string {
  const lines = nodes.flatMap((node) => {
    const names = node.path.split(' ').filter((name) => name !== '');
    const seen = names.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ');
    const none = `not __fish_seen_subcommand_from ${unique(nodes[0]?.words.map(({ name }) => name) ?? [])}`;
    const when = quoted(node.path === '' ? none : seen);
    const words = node.words.map(
      ({ name, doc }) => `complete -c vmtest -n ${when} -a ${quoted(name)} -d ${quoted(doc)}\n`,
    );
    const flags = flagsOf(nodes, node).map(({ names: both, takesValue, choices, doc }) => {
      const spelled = both
        .map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`))
        .join(' ');
      const value = choices.length > 0 ? ` -x -a ${quoted(choices.join(' '))}` : takesValue ? ' -r' : '';
      return `complete -c vmtest -n ${when} ${spelled}${value} -d ${quoted(doc)}\n`;
    });
    return [...words, ...flags];
  });
  return `# fish completion of vmtest\n${lines.join('')}`;
}
