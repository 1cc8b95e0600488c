/** What a module exports, made plain: nothing that is checked here can change or run code later. Pure. */
import { type ConfigPath, configProblem } from '../plan/config-problem.js';

const MAX_DEPTH = 64;
/** With what references to the same object make of it. */
const MAX_VALUES = 5_000_000;

/**
 * A copy of objects, lists, texts, numbers, true, false, null. Keys with `undefined` are left out, as if they were not
 * written. Throws `VMTEST_CONFIG` for everything else, for `__proto__` as a key, for cycles and for what is without end.
 */
export function plainValue(root: unknown): unknown {
  const open = new Set<object>();
  let values = 0;
  const copy = (value: unknown, path: ConfigPath): unknown => {
    values += 1;
    if (values > MAX_VALUES) throw configProblem([], `has more than ${MAX_VALUES} values`);
    if (typeof value !== 'object' || value === null) {
      if (value === undefined || ['string', 'number', 'boolean'].includes(typeof value) || value === null) return value;
      throw configProblem(path, `is a ${typeof value}, and not a plain value`);
    }
    if (open.has(value)) throw configProblem(path, 'contains itself');
    if (path.length > MAX_DEPTH) throw configProblem(path.slice(0, 3), `is nested more than ${MAX_DEPTH} levels deep`);
    open.add(value);
    const copied = Array.isArray(value)
      ? value.map((item: unknown, index) => copy(item, [...path, index]))
      : copyObject(value, path);
    open.delete(value);
    return copied;
  };
  const copyObject = (value: object, path: ConfigPath): Record<string, unknown> => {
    if (!isPlain(value)) throw configProblem(path, `is ${kindOf(value)}, and not a plain value`);
    const copied: Record<string, unknown> = {};
    for (const [key, child] of Object.entries(value)) {
      if (key === '__proto__') throw configProblem(path, 'has the key "__proto__", which no object may have');
      const plain = copy(child, [...path, key]);
      if (plain !== undefined) copied[key] = plain;
    }
    return copied;
  };
  return copy(root, []);
}

/** Made by `{}`, also in another realm: a prototype of a prototype would bring in what is not written there. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'hasOwnProperty');
}

/** `a Date`. */
function kindOf(value: object): string {
  const made: unknown = (value as { constructor?: unknown }).constructor;
  const name = typeof made === 'function' ? made.name : '';
  return name === '' || name === 'Object' ? 'an object with a prototype of its own' : `a ${name}`;
}
