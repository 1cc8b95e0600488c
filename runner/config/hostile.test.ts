/** Whatever a file has in it: a configuration, or one error of one line. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VmtestError } from '../errors.js';
import { normalizeConfig } from './normalize.js';
import { plainValue } from './plain-value.js';
import { checkConfig } from './problems.js';
import { readJson, readYaml } from './read-yaml.js';
import { configSchema } from './schema/config.js';

/** What is wrong, if anything is. Throws for what a user must never see. */
function outcomeOf(read: () => unknown): string | undefined {
  try {
    const checked = checkConfig(plainValue(read()));
    if ('problems' in checked) return checked.problems.map(({ message }) => message).join('; ');
    normalizeConfig(checked.config, '/base');
    return undefined;
  } catch (error) {
    if (error instanceof VmtestError && error.code === 'VMTEST_CONFIG') return error.message;
    throw error;
  }
}

const KEYS = Object.keys(configSchema.shape);
const odd = fc.constantFrom(
  '__proto__',
  'constructor',
  'toString',
  '',
  '\0',
  '*',
  '..',
  'a/b',
  'cloud',
  'x86_64',
  '512M',
  '1',
  '2G',
);
const name = fc.oneof(
  odd,
  fc.constantFrom(...KEYS, 'name', 'run', 'kernel', 'image', 'append', 'match', 'path', 'case', 'file'),
);
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 5 },
    odd,
    fc.constantFrom(null, true, 0, 1, -1, 1.5, 512, Number.NaN, Number.POSITIVE_INFINITY, undefined),
    fc.string({ maxLength: 5 }),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(name, tie('any'), { maxKeys: 4 }),
  ),
})).any;

describe('any configuration', () => {
  it('is taken, or refused in one line that a terminal can show', () => {
    fc.assert(
      fc.property(value, fc.dictionary(fc.constantFrom(...KEYS), value, { maxKeys: 3 }), (alone, keys) => {
        for (const config of [alone, keys, { suites: [{ name: 's', run: 'true' }], ...keys }]) {
          const outcome = outcomeOf(() => config);
          // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there.
          expect(outcome ?? '').not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('is refused for each wrong kind of value, whatever the key', () => {
    for (const key of KEYS.filter((each) => each !== '$schema')) {
      const taken = [5, 'x', true, null, [], {}, [[]], [{}], [null], { x: null }].filter(
        (wrong) => outcomeOf(() => ({ suites: [{ name: 's', run: 'true' }], [key]: wrong })) === undefined,
      );
      // At most one kind of value is right for it.
      expect([key, new Set(taken.map((each) => (Array.isArray(each) ? 'list' : typeof each))).size <= 1]).toEqual([
        key,
        true,
      ]);
    }
  });
});

describe('any text', () => {
  const line = fc.constantFrom(
    'suites:',
    '  - name: a',
    '    run: x',
    'axes: {a: &a {b: {}}}',
    '*a',
    '<<: *a',
    '? [a]',
    '- b',
    '"',
    '{',
    '}',
    '!!binary x',
    '%TAG',
    '---',
    '...',
    '\t',
    '# c',
    'k: |',
    'memory: [1G]',
  );
  it('is YAML of a configuration, or refused', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(line, fc.string({ unit: 'binary', maxLength: 10 })), { maxLength: 8 }), (lines) => {
        outcomeOf(() => readYaml(lines.join('\n')).value);
        outcomeOf(() => readJson(lines.join('\n')).value);
      }),
      { numRuns: 1000 },
    );
  });

  it('has a line for every path that one may ask for', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.array(fc.oneof(fc.nat(3), fc.string())), (json, path) => {
        fc.pre(json !== null);
        const text = JSON.stringify(json, null, 1);
        const document = readJson(text);
        // What the text says: JSON has no -0.
        expect(document.value).toEqual(JSON.parse(text));
        const at = document.lineOf(path);
        expect(at).toBeGreaterThanOrEqual(1);
        expect(at).toBeLessThanOrEqual(text.split('\n').length);
      }),
    );
  });
});
