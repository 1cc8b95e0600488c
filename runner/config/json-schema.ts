/** What editors know of a configuration in JSON or YAML. */
import { z } from 'zod';
import { configSchema } from './schema/config.js';

/** As a JSON schema of 2020-12. What only vmtest itself can check, like days that exist, is not in it. */
export function configJsonSchema(): z.core.JSONSchema.JSONSchema {
  const schema = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });
  return { ...schema, title: 'Configuration of vmtest' };
}
