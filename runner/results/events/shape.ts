/** Checks of values that someone else wrote as JSON. Pure. */
import { type JsonObject, objectOf } from '../json-value.js';

/** What was expected and is not there, as `FIELD: what`; `undefined` when all is well. */
export type Check = (value: unknown) => string | undefined;

const when = (test: (value: unknown) => boolean, expected: string): Check => {
  return (value) => (test(value) ? undefined : `: expected ${expected}`);
};

export const text: Check = when((value) => typeof value === 'string', 'a text');
export const number: Check = when((value) => typeof value === 'number' && Number.isFinite(value), 'a number');
export const positive: Check = when((value) => Number.isFinite(value) && Number(value) > 0, 'a number above 0');
export const count: Check = when((value) => Number.isSafeInteger(value) && Number(value) >= 0, 'a count');
export const yes: Check = when((value) => value === true, 'true');

export const oneOf = (words: readonly string[]): Check => {
  const known = new Set<unknown>(words);
  return when((value) => known.has(value), `one of ${words.join(', ')}`);
};

export const exactly = (only: unknown): Check => when((value) => value === only, JSON.stringify(only));

/** A path that stays in its directory. */
export const innerPath: Check = when(
  (value) =>
    typeof value === 'string' &&
    value !== '' &&
    !value.startsWith('/') &&
    !value.includes('\0') &&
    !value.split('/').includes('..'),
  'a relative path without ..',
);

export const listOf = (element: Check): Check => {
  return (value) => {
    if (!Array.isArray(value)) return ': expected a list';
    for (const [i, each] of value.entries()) {
      const wrong = element(each);
      if (wrong !== undefined) return `[${i}]${wrong}`;
    }
    return undefined;
  };
};

/** An object whose values all pass. */
export const recordOf = (element: Check): Check => {
  return (value) => {
    const object = objectOf(value);
    if (object === undefined) return ': expected an object';
    for (const [name, each] of Object.entries(object)) {
      const wrong = element(each);
      if (wrong !== undefined) return `.${name}${wrong}`;
    }
    return undefined;
  };
};

/** An object with these fields; those whose name ends in `?` may be absent. Others are not looked at. */
export function shape(fields: Readonly<Record<string, Check>>): Check {
  const checks = Object.entries(fields).map(([name, check]) => {
    const optional = name.endsWith('?');
    return { name: optional ? name.slice(0, -1) : name, optional, check };
  });
  return (value) => {
    const object: JsonObject | undefined = objectOf(value);
    if (object === undefined) return ': expected an object';
    for (const { name, optional, check } of checks) {
      const field = Object.hasOwn(object, name) ? object[name] : undefined;
      if (field === undefined) {
        if (optional) continue;
        return `.${name}: is missing`;
      }
      const wrong = check(field);
      if (wrong !== undefined) return `.${name}${wrong}`;
    }
    return undefined;
  };
}
