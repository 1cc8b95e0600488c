/** Types with comments out of a JSON schema: those that zod infers lose their comments in declaration files. */
import type { z } from 'zod';

type Schema = z.core.JSONSchema.JSONSchema;
type Part = Schema | boolean | undefined;

/** A module that exports an interface for the schema itself, called `name`, and one type for each definition in it. */
export function typescriptOf(schema: Schema, name: string): string {
  const definitions = Object.entries(schema.$defs ?? {}).map(([id, part]) => declaration(id, part));
  return [
    '/** The configuration of vmtest as a type. Made from the schema by config-types.test.ts: `npx vitest run config-types -u`. */\n',
    declaration(name, schema, 'What `vmtest.config.ts` exports; docs/config.md is the reference.'),
    ...definitions,
  ].join('\n');
}

function declaration(name: string, schema: Schema, doc?: string): string {
  const comment = doc === undefined ? '' : `/** ${doc} */\n`;
  if (schema.properties === undefined) return `${comment}export type ${name} = ${typeOf(schema, '')};\n`;
  return `${comment}export interface ${name} ${typeOf(schema, '')}\n`;
}

function typeOf(part: Part, indent: string): string {
  if (typeof part !== 'object') return 'unknown';
  if (part.$ref !== undefined) return part.$ref.replace('#/$defs/', '');
  if (part.anyOf !== undefined) return [...new Set(part.anyOf.map((each) => typeOf(each, indent)))].join(' | ');
  if (part.enum !== undefined) return part.enum.map((value) => `'${String(value)}'`).join(' | ');
  if (Array.isArray(part.type)) return part.type.map((type: string) => primitive(type)).join(' | ');
  if (part.prefixItems !== undefined) return `[${part.prefixItems.map((item) => typeOf(item, indent)).join(', ')}]`;
  if (part.type === 'array') return `(${typeOf(part.items as Part, indent)})[]`.replace(/^\((\w+)\)/, '$1');
  if (part.properties !== undefined) return objectOf(part, indent);
  if (part.type === 'object') return `Record<string, ${typeOf(part.additionalProperties, indent)}>`;
  return primitive(part.type);
}

const primitive = (type: string | undefined): string =>
  type === undefined ? 'unknown' : type === 'integer' ? 'number' : type;

function objectOf({ properties = {}, required = [] }: Schema, indent: string): string {
  const below = `${indent}  `;
  const fields = Object.entries(properties).map(([key, value]) => {
    const doc =
      typeof value === 'object' && value.description !== undefined ? `${below}/** ${value.description} */\n` : '';
    const optional = required.includes(key) ? '' : '?';
    return `${doc}${below}${key}${optional}: ${typeOf(value, below)}${optional && ' | undefined'};\n`;
  });
  return `{\n${fields.join('')}${indent}}`;
}
