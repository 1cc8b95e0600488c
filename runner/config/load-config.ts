/** From a file to a configuration that can be planned: found, read, checked, made normal. */
import { readFile } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { VmtestError } from '../errors.js';
import type { ConfigPath } from '../plan/config-problem.js';
import { type Document, fileProblem } from './document.js';
import { configExtension, findConfig } from './find-config.js';
import { type NormalConfig, normalizeConfig } from './normalize.js';
import { plainValue } from './plain-value.js';
import { checkConfig } from './problems.js';

export interface LoadedConfig extends NormalConfig {
  /** Absolute. */
  file: string;
  /** That of the file; what is relative in it is relative to it. */
  directory: string;
}

export interface LoadOptions {
  /** Where to look, and what `--config` is relative to. Absolute. */
  cwd: string;
  /** A file or a directory, as `--config` names it. */
  config?: string | undefined;
}

/** No configuration is that long; other files are. */
const MAX_BYTES = 16 * 2 ** 20;

/**
 * Throws `VMTEST_CONFIG` with one line that says which file, which line (where it is known), what is there and what was
 * expected; the lines of further problems are in `context.lines`.
 */
export async function loadConfig({ cwd, config }: LoadOptions): Promise<LoadedConfig> {
  const file = await findConfig(cwd, config);
  const name = shortName(cwd, file);
  let document: Document | undefined;
  try {
    document = await readDocument(file);
    const checked = checkConfig(plainValue(document.value));
    if ('problems' in checked) throw schemaError(checked.problems, document, name);
    const directory = dirname(file);
    return { file, directory, ...normalizeConfig(checked.config, directory) };
  } catch (error) {
    throw located(error, document, name);
  }
}

/** Relative, unless that is only a longer way to say it. */
function shortName(cwd: string, file: string): string {
  const path = relative(cwd, file);
  return path.startsWith('../..') ? file : path;
}

async function readDocument(file: string): Promise<Document> {
  const bytes = await readFile(file).catch((error: Error) => {
    throw fileProblem(`cannot be read: ${error.message}`, undefined, error);
  });
  if (bytes.length > MAX_BYTES) throw fileProblem(`has ${bytes.length} bytes, more than a configuration has`);
  const text = decode(bytes);
  const extension = configExtension(file);
  if (extension === '.json') return (await import('./read-yaml.js')).readJson(text);
  if (extension === '.yaml' || extension === '.yml') return (await import('./read-yaml.js')).readYaml(text);
  return (await import('./read-module.js')).readModule(file, text);
}

function decode(bytes: Buffer): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw fileProblem('is not a text in UTF-8', undefined, cause);
  }
  const at = text.indexOf('\0');
  if (at >= 0) throw fileProblem('has a NUL character', text.slice(0, at).split('\n').length);
  return text;
}

function schemaError(
  problems: readonly { path: ConfigPath; message: string }[],
  document: Document,
  name: string,
): VmtestError {
  const placed = problems.map(({ path, message }) => ({ message, line: document.lineOf(path) }));
  placed.sort((a, b) => (a.line ?? Number.POSITIVE_INFINITY) - (b.line ?? Number.POSITIVE_INFINITY) || 0);
  const [first = '', ...more] = placed.map(({ message, line }) => at(name, line, message));
  const lines = more.length > MOST ? [...more.slice(0, MOST), `and ${more.length - MOST} more`] : more;
  return new VmtestError('VMTEST_CONFIG', first, { context: { located: true, lines } });
}

/** Problems told after the first. */
const MOST = 9;

const at = (name: string, line: number | undefined, message: string): string =>
  line === undefined ? `${name}: ${message}` : `${name}:${line}: ${message}`;

/** With the file, and with the line that the error or the path in it tells. */
function located(error: unknown, document: Document | undefined, name: string): unknown {
  if (!(error instanceof VmtestError) || error.code !== 'VMTEST_CONFIG' || error.context['located'] === true)
    return error;
  const { line, path } = error.context as { line?: number; path?: ConfigPath };
  const known = line ?? (path === undefined || path.length === 0 ? undefined : document?.lineOf(path));
  return new VmtestError('VMTEST_CONFIG', at(name, known, error.message), { cause: error.cause });
}
