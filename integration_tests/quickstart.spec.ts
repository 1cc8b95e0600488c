/** The example that `npm start` runs: what a user sees first. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { readJunit } from '../runner/reporters/junit/testing/readers.js';
import { vmtest } from './support/cli.js';

const EXAMPLE = fileURLToPath(new URL('../examples/quickstart', import.meta.url));

test('three suites pass, and each of their tests is a case', async () => {
  test.setTimeout(600_000);
  const results = test.info().outputPath('results');
  const { code, stdout, stderr } = await vmtest(['test', '--config', EXAMPLE, '--output', results]);
  expect(code, stdout + stderr).toBe(0);

  const { cases } = await readJunit(await readFile(join(results, 'junit.xml'), 'utf8'));
  // Suites that run at once end in any order.
  const order = ['micro.boots', 'micro.tmpfs', 'micro.kernel log'];
  cases.sort((a, b) => order.indexOf(a.classname ?? '') - order.indexOf(b.classname ?? ''));
  expect(cases.map(({ classname, name, outcome }) => [classname, name, outcome])).toEqual([
    ['micro.boots', 'boots', 'passed'],
    ['micro.tmpfs', 'files > mount', 'passed'],
    ['micro.tmpfs', 'files > write and read', 'passed'],
    ['micro.tmpfs', 'files > rename replaces', 'passed'],
    ['micro.tmpfs', 'limits > more than fits is refused', 'passed'],
    ['micro.tmpfs', 'limits > what was removed is free again', 'passed'],
    ['micro.tmpfs', 'limits > unmount', 'passed'],
    ['micro.kernel log', 'a message to /dev/kmsg is in the log', 'passed'],
    ['micro.kernel log', 'the boot has no warnings', 'passed'],
  ]);
});
