/** docs/doctor.md describes the document that is printed. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findPackageRoot } from '../installation.js';
import { judge } from './judge.js';
import { DOCTOR_SCHEMA } from './report.js';
import { goodFacts } from './testing/facts.js';

it('has every field, fact and finding', async () => {
  const text = await readFile(join(findPackageRoot(), 'docs/doctor.md'), 'utf8');
  const report = judge(goodFacts());
  const nested = Object.values(report.facts).flatMap((value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [],
  );
  const names = [
    ...Object.keys(report),
    ...Object.keys(report.facts),
    ...nested,
    ...report.findings.map(({ id }) => id),
  ];
  const unknown = names.filter((name) => !text.includes(`\`${name}\``) && !/^(x86_64|aarch64)$/.test(name));
  expect(unknown).toEqual([]);
  expect(text).toContain(`\`schema\` is ${DOCTOR_SCHEMA}.`);
});
