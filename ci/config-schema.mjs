#!/usr/bin/env node
// Writes dist/config.schema.json, which editors check configurations with; part of `npm run build:ts`.
import { writeFile } from 'node:fs/promises';

const built = new URL('../dist/runner/config/json-schema.js', import.meta.url).href;
const { configJsonSchema } = await import(built);
const schema = `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
await writeFile(new URL('../dist/config.schema.json', import.meta.url), schema);
