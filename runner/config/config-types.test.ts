/** The schema, its types and its documents say the same. */
import { readFile } from 'node:fs/promises';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { configJsonSchema } from './json-schema.js';
import type { ConfigInput } from './schema/config.js';
import { typescriptOf } from './testing/typescript-of.js';
import type { VmtestConfig } from './vmtest-config.js';

type Json = ReturnType<typeof configJsonSchema>;

/** Every field with the path to it. */
function* fieldsOf(part: unknown, path: string): Generator<[path: string, description: string | undefined]> {
  if (typeof part !== 'object' || part === null) return;
  for (const [key, value] of Object.entries((part as Json).properties ?? {})) {
    yield [`${path}.${key}`, (value as Json).description];
    yield* fieldsOf(value, `${path}.${key}`);
  }
  for (const [key, value] of Object.entries(part)) if (key !== 'properties') yield* fieldsOf(value, path);
}

describe('the schema of a configuration', () => {
  const schema = configJsonSchema();
  const fields = [...fieldsOf(schema, '')];

  it('describes every field', () => {
    expect(fields.length).toBeGreaterThan(80);
    expect(fields.filter(([, description]) => description === undefined)).toEqual([]);
  });

  it('has its types written out, with the descriptions as comments', async () => {
    await expect(typescriptOf(schema, 'VmtestConfig')).toMatchFileSnapshot('vmtest-config.ts');
    expectTypeOf<VmtestConfig>().toEqualTypeOf<ConfigInput>();
  });

  it('is told in docs/config.md, field by field', async () => {
    const text = await readFile(new URL('../../docs/config.md', import.meta.url), 'utf8');
    const names = new Set(fields.map(([path]) => path.split('.').at(-1)));
    expect([...names].filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });
});
