/**
 * The bricks of the schema. Each has a message that says what was expected, as the end of a sentence: `1.5 is not
 * {a whole number from 0 to 100}`; `../problems.ts` writes the rest.
 */
import { z } from 'zod';
import { didYouMean } from '../../nearest.js';

/** An object that has these keys and no others. */
export const strict = <Shape extends z.core.$ZodShape>(shape: Shape) =>
  z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? didYouMean(issue.keys[0] ?? '', Object.keys(shape)) : 'an object',
  });

/** A text without NUL characters; not empty, unless `expected` says so. */
export const text = (expected = 'a text that is not empty', { empty = false } = {}) =>
  z
    .string({ error: expected })
    .min(empty ? 0 : 1, { error: expected })
    .refine((value) => !value.includes('\0'), { error: `${expected}, and without NUL characters` });

/** A text that fits a regular expression, which editors check, too. */
export const fitting = (pattern: RegExp, expected: string) =>
  z.string({ error: expected }).regex(pattern, { error: expected });

export const whole = (min: number, max: number) => {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};

export const flag = () => z.boolean({ error: 'true or false' });

export const oneOf = <const Names extends readonly [string, ...string[]]>(names: Names) =>
  z.enum(names, {
    error: ({ input }) =>
      typeof input === 'string' && names.length > 3
        ? `one of ${names.join(', ')}; ${didYouMean(input, names)}`
        : `one of ${names.join(', ')}`,
  });

/** At least one. */
export const listOf = <Item extends z.core.SomeType>(item: Item, expected = 'a list of one or more') =>
  z.array(item, { error: expected }).min(1, { error: expected });

/** May be empty. */
export const anyListOf = <Item extends z.core.SomeType>(item: Item) => z.array(item, { error: 'a list' });

/** Names that the user chooses, with what they stand for. */
export const recordOf = <Value extends z.core.SomeType>(key: z.ZodString, value: Value) =>
  z.record(key, value, { error: 'an object' });

/** A text or a number, by a check of our own. `json` is what editors are told. */
export const textOrNumber = (check: (value: string | number) => boolean, expected: string) =>
  z
    .custom<string | number>(
      (value) => (typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value))) && check(value),
      { error: expected },
    )
    .meta({ type: ['string', 'number'] });
