/** A pattern of host paths, made ready for the crawl. Pure. */
import { componentSource, isPattern, tokenize, unquote } from '../../agent/index.js';
import { VmtestError } from '../../errors.js';

export interface HostPattern {
  /** The directory before the first component with a sign in it: absolute, or relative to the current directory. */
  base: string;
  /** What is below it, for the crawler: a little more than what is wanted. */
  crawl: string;
  /** Tells what is wanted, by the path from `base`. */
  fits: (relative: string) => boolean;
  onlyDirectories: boolean;
  /** `**` goes down without an end, and so not through links, which can lead back. */
  deep: boolean;
}

/**
 * `pattern` has at least one sign. Its sets are given to the crawler as `?`, because crawlers have ideas of their own
 * about them, about dots and about braces; what is wanted is then told by our own reading, which is also the guest's.
 */
export function planHostPattern(pattern: string): HostPattern {
  const components = pattern.replace(/\/+$/, '').split('/');
  const first = components.findIndex(isPattern);
  const base = unquote(components.slice(0, first).join('/'));
  const rest = components.slice(first).filter((component) => component !== '' && component !== '.');
  if (rest.includes('..')) {
    throw new VmtestError('VMTEST_BAD_INPUT', `${pattern}: ".." cannot stand behind a wildcard`);
  }
  // The crawler takes a backslash for the separator of another system.
  if (base.includes('\\')) {
    throw new VmtestError(
      'VMTEST_BAD_INPUT',
      `${pattern}: a directory with a backslash in its name cannot be searched`,
    );
  }
  const wanted = new RegExp(`^${pathSource(rest)}$`, 's');
  return {
    base: base !== '' ? base : first > 0 ? '/' : '.',
    crawl: rest.map(crawlComponent).join('/'),
    fits: (relative) => wanted.test(relative),
    onlyDirectories: pattern.endsWith('/'),
    deep: rest.includes('**'),
  };
}

/** Any names below each other, none of them hidden. */
const DEEP = '(?:(?!\\.)[^/]+/)*';

function pathSource(components: readonly string[]): string {
  const last = components.length - 1;
  return components
    .map((component, index) => {
      if (component === '**') return index === last ? `${DEEP}(?!\\.)[^/]+` : DEEP;
      return componentSource(component) + (index === last ? '' : '/');
    })
    .join('');
}

function crawlComponent(component: string): string {
  if (component === '**') return component;
  const parts = tokenize(component).map((token) => {
    if (token.kind === 'star') return '*';
    return token.kind === 'text' ? token.text.replace(/[\\()[\]{}*?|!+@^$]/g, '\\$&') : '?';
  });
  // Two stars that belong to a name mean no more than one.
  return parts.join('').replace(/\*{2,}/g, '*');
}
