/** The examples of docs/config.md are configurations. */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { load } from './testing/write.js';

const SUITES = 'suites: [{name: boots, run: uname}]\n';

it('has examples that do what the text says', async () => {
  const text = await readFile(new URL('../../docs/config.md', import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, code]) => ({ language, code }));
  const found = await Promise.all(
    blocks
      .filter(({ language }) => language === 'ts' || language === 'yaml')
      .map(async ({ language, code = '' }) => {
        const files = language === 'ts' ? { 'vmtest.config.ts': code } : { 'vmtest.config.yaml': `${code}${SUITES}` };
        return (await load(files)).cells.map(({ name }) => name);
      }),
  );
  expect(found).toEqual([
    ['cloud/512M', 'cloud/4G', 'linux/512M', 'linux/4G'],
    ['stable/full', 'stable/lazy', 'next/full', 'next/lazy'],
    ['stable/512M/on', 'next/4G'],
  ]);
});
