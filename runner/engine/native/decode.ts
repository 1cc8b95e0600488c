/**
 * Strict decoders for JSON that crosses a process border: what is unknown, missing or of the wrong type
 * is refused with the path of the field.
 */
export type Decoder<T> = (value: unknown, path: string) => T;

type Shape = Record<string, Decoder<unknown>>;
type Fields<S extends Shape> = { [K in keyof S]: ReturnType<S[K]> };

const refuse = (path: string, expected: string): never => {
  throw new Error(`${path === '' ? 'message' : path}: expected ${expected}`);
};

export const text: Decoder<string> = (value, path) => (typeof value === 'string' ? value : refuse(path, 'a string'));

/** An integer from `min` to `max`, both included. */
export const integer =
  (min = 0, max = Number.MAX_SAFE_INTEGER): Decoder<number> =>
  (value, path) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
      ? value
      : refuse(path, `an integer from ${min} to ${max}`);

export const oneOf =
  <const T extends readonly string[]>(...names: T): Decoder<T[number]> =>
  (value, path) =>
    typeof value === 'string' && names.includes(value) ? value : refuse(path, `one of ${names.join(', ')}`);

export const arrayOf =
  <T>(item: Decoder<T>): Decoder<T[]> =>
  (value, path) =>
    Array.isArray(value) ? value.map((v, i) => item(v, `${path}[${i}]`)) : refuse(path, 'an array');

const entriesOf = (value: unknown, path: string): [string, unknown][] =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : refuse(path, 'an object');

const join = (path: string, name: string) => (path === '' ? name : `${path}.${name}`);

/** An object with any names and values of one kind. */
export const recordOf =
  <T>(item: Decoder<T>): Decoder<Record<string, T>> =>
  (value, path) =>
    Object.fromEntries(entriesOf(value, path).map(([name, v]) => [name, item(v, join(path, name))]));

/** An object with exactly these fields. */
export const object =
  <R extends Shape, O extends Shape = Record<never, never>>(
    required: R,
    optional: O = {} as O,
  ): Decoder<Fields<R> & Partial<Fields<O>>> =>
  (value, path) => {
    const entries = entriesOf(value, path);
    const given = new Set(entries.map(([name]) => name));
    for (const name of Object.keys(required)) {
      if (!given.has(name)) refuse(join(path, name), 'a value, found none');
    }
    const decoded = entries.map(([name, v]): [string, unknown] => {
      const decoder =
        (Object.hasOwn(required, name) && required[name]) || (Object.hasOwn(optional, name) && optional[name]);
      if (!decoder) throw new Error(`${join(path, name)}: unknown field`);
      return [name, decoder(v, join(path, name))];
    });
    return Object.fromEntries(decoded) as Fields<R> & Partial<Fields<O>>;
  };

/** Objects that differ by the value of the field `tag`. */
export const tagged =
  <K extends string, T extends Record<string, Decoder<unknown>>>(tag: K, cases: T): Decoder<ReturnType<T[keyof T]>> =>
  (value, path) => {
    const name = entriesOf(value, path).find(([key]) => key === tag)?.[1];
    const decoder = typeof name === 'string' && Object.hasOwn(cases, name) ? cases[name] : undefined;
    if (decoder === undefined) return refuse(join(path, tag), `one of ${Object.keys(cases).join(', ')}`);
    return decoder(value, path) as ReturnType<T[keyof T]>;
  };

/** Exactly this string, kept as its own type. */
export const literal =
  <const T extends string>(expected: T): Decoder<T> =>
  (value, path) =>
    value === expected ? expected : refuse(path, JSON.stringify(expected));
