/** Configurations in TypeScript and JavaScript: run, and what they export taken. */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createJiti } from 'jiti';
import { VmtestError } from '../errors.js';
import { ExitCode } from '../exit-codes.js';
import { findPackageRoot } from '../installation.js';
import { type Document, fileProblem } from './document.js';
import { lineInSource } from './line-in-source.js';

/**
 * The default export of the module, or what its promise resolves to. Throws `VMTEST_CONFIG` for a syntax error, an import
 * that is not there, whatever the module throws, and when there is no default export.
 */
export async function readModule(path: string, source: string): Promise<Document> {
  if (source.trim() === '') throw fileProblem('is empty; `vmtest init` writes a start');
  const jiti = createJiti(path, {
    fsCache: false, // Nothing is written beside the user's files.
    sourceMaps: true,
    interopDefault: false,
    alias: ownName(path),
  });
  const { cache } = createRequire(path);
  const before = new Set(Object.keys(cache));
  let exported: unknown;
  const stayed = noteExit(path);
  try {
    // Not `import`: that would run a module that throws a second time.
    const module = jiti.evalModule(source, { filename: path, async: true, forceTranspile: true });
    exported = await settled(Promise.resolve(module).then(exportOf));
  } catch (error) {
    throw moduleProblem(error, path);
  } finally {
    stayed();
    // --watch reads everything anew; within one reading, a module that is imported twice is run once.
    for (const key of Object.keys(cache)) {
      if (!before.has(key) && !key.includes('/node_modules/')) delete cache[key];
    }
  }
  if (exported === undefined) throw fileProblem('has no default export; write `export default defineConfig({ ... })`');
  return { value: exported, lineOf: (at) => lineInSource(source, at, exported) };
}

/** A configuration that ends the process would pass for a run in which nothing failed. Returns what is called when it did not. */
function noteExit(path: string): () => void {
  const onExit = (): void => {
    process.stderr.write(`vmtest: ${path}: calls process.exit; nothing was run\n`);
    process.exitCode = ExitCode.usage;
  };
  process.once('exit', onExit);
  return () => process.off('exit', onExit);
}

/** Where nothing is left to do and the promise is still open, Node would end without a word. */
async function settled<T>(promise: Promise<T>): Promise<T> {
  let giveUp = (): void => {};
  const never = new Promise<never>((_, reject) => {
    giveUp = () => reject(fileProblem('waits for a promise that nothing settles'));
    process.once('beforeExit', giveUp);
  });
  try {
    return await Promise.race([promise, never]);
  } finally {
    process.off('beforeExit', giveUp);
  }
}

/** `module.exports` is the configuration itself, where it was not made by `export`. */
function exportOf(module: unknown): unknown {
  if (typeof module !== 'object' || module === null) return module;
  if ('default' in module) return module.default;
  return '__esModule' in module ? undefined : module;
}

/** `import ... from 'vmtest'` works also where vmtest is not installed beside the configuration (npx); then it has `defineConfig` only. */
function ownName(path: string): Record<string, string> {
  try {
    createRequire(path).resolve('vmtest');
    return {};
  } catch {
    const root = findPackageRoot();
    const built = join(root, 'dist/runner/config/define-config.js');
    return { vmtest: existsSync(built) ? built : join(root, 'runner/config/define-config.ts') };
  }
}

function moduleProblem(error: unknown, path: string): VmtestError {
  if (error instanceof VmtestError) return error;
  const { message, stack, code } = asError(error);
  const missing = /^Cannot find (?:module|package) '([^']+)'/.exec(message)?.[1];
  if (missing !== undefined && (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND')) {
    const by = /Require stack:\n- (.*)/.exec(message)?.[1];
    const from = by === undefined || by === path ? '' : ` (imported by ${by})`;
    const advice = /^[./]/.test(missing) ? '' : '; is it installed?';
    return fileProblem(`imports ${missing}, which is not there${from}${advice}`, undefined, error);
  }
  const syntax = /ParseError: (.*?)\s*\n\s*(\S+):(\d+):\d+/s.exec(message);
  if (syntax !== null) {
    const [, what = '', file, line] = syntax;
    const own = file === path;
    const where = own ? '' : ` in ${file}:${line}`;
    return fileProblem(`syntax error${where}: ${oneLine(what)}`, own ? Number(line) : undefined, error);
  }
  const what = oneLine(message) || 'an error without a message';
  return fileProblem(`threw ${what}`, lineOfStack(stack, path), error);
}

const oneLine = (text: string): string => text.trim().replace(/\s+/g, ' ');

function asError(error: unknown): { message: string; stack: string; code: unknown } {
  if (!(error instanceof Error)) return { message: String(error), stack: '', code: undefined };
  return { message: error.message, stack: error.stack ?? '', code: (error as NodeJS.ErrnoException).code };
}

/** The innermost frame that is in the file itself: where it went wrong, or called what went wrong. */
function lineOfStack(stack: string, path: string): number | undefined {
  for (const frame of stack.split('\n').filter((line) => /^\s+at /.test(line))) {
    const at = frame.indexOf(`${path}:`);
    const line = at < 0 ? undefined : /^(\d+)(:\d+)?\)?$/.exec(frame.slice(at + path.length + 1))?.[1];
    if (line !== undefined) return Number(line);
  }
  return undefined;
}
