/** Paths of a configuration: relative to its directory, `~/` for the home of whoever runs it. Pure but for that. */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

const expanded = (path: string): string =>
  path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;

export const resolvePath = (directory: string, path: string): string => resolve(directory, expanded(path));

/**
 * For paths that may be patterns: what is put before them is no pattern, whatever is in its name. A slash at the end stays:
 * it means a directory.
 */
export function resolvePattern(directory: string, pattern: string): string {
  if (isAbsolute(pattern)) return pattern;
  if (pattern === '~' || pattern.startsWith('~/')) return join(literalPath(homedir()), pattern.slice(1));
  return join(literalPath(directory), pattern);
}

/** A pattern that only the path itself fits. */
export const literalPath = (path: string): string => path.replace(/[\\*?[\]]/g, '\\$&');
