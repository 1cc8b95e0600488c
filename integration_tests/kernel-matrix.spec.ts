/** The example with two kernels: its results, as CI systems read them. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { execa } from 'execa';
import { readJunit, readWithJunit2json, readWithTestResultsParser } from '../runner/reporters/junit/testing/readers.js';
import { vmtest } from './support/cli.js';
import { readResults } from './support/test-run.js';

const EXAMPLE = fileURLToPath(new URL('../examples/kernel-matrix', import.meta.url));
const XSD = fileURLToPath(new URL('../runner/reporters/junit/testing/jenkins.xsd', import.meta.url));

const SUREFIRE_XSD = fileURLToPath(new URL('../runner/reporters/junit/testing/surefire.xsd', import.meta.url));

test('two kernels, two sizes, four suites: each case has the right verdict in the JUnit file', async () => {
  test.setTimeout(1_200_000);
  const results = test.info().outputPath('results');
  const { code, stdout, stderr } = await vmtest(['test', '--config', EXAMPLE, '--output', results]);
  expect(code, stdout + stderr).toBe(1);

  const cells = ['cloud/192M', 'cloud/256M', 'generic/192M', 'generic/256M'];
  const { ends } = await readResults(results);
  const jobs = Object.fromEntries(ends.map(({ job, verdict }) => [job, verdict]));
  const expected = { boots: 'passed', ktap: 'failed', splat: 'kernel-splat', hang: 'command-timeout' };
  const all = cells.flatMap((cell) =>
    Object.entries(expected).map(([suite, verdict]) => [`${cell} > ${suite}`, verdict]),
  );
  expect(jobs, stdout).toEqual(Object.fromEntries(all));

  const path = join(results, 'junit.xml');
  const xml = await readFile(path, 'utf8');
  await execa('xmllint', ['--noout', '--schema', XSD, path]);
  const { cases, tests, failures } = await readJunit(xml);
  expect([tests, failures]).toEqual([4 * 8, 4 * 3]);
  const outcomes = cases
    .filter(({ classname }) => classname.startsWith('cloud/192M.'))
    .map(({ classname, name, outcome }) => [classname.replace('cloud/192M.', ''), name, outcome]);
  expect(outcomes.sort()).toEqual([
    ['boots', 'boots', 'passed'],
    ['hang', 'hang', 'failure command-timeout'],
    ['ktap', 'list > add', 'passed'],
    ['ktap', 'list > remove', 'passed'],
    ['ktap', 'tree > balance', 'failure failed'],
    ['ktap', 'tree > insert', 'passed'],
    ['ktap', 'tree > lookup', 'skipped'],
    ['splat', 'splat', 'failure kernel-splat'],
  ]);
  expect(await readWithJunit2json(xml)).toEqual(await readWithTestResultsParser(xml));

  // A file for each job, as Maven's reader wants them; Jenkins' takes these, too.
  const directory = test.info().outputPath('surefire');
  await vmtest(['report', '--from', results, '--reporter', `junit+surefire=${directory}`]);
  const files = (await readdir(directory)).map((name) => join(directory, name));
  expect(files).toHaveLength(16);
  for (const xsd of [XSD, SUREFIRE_XSD]) await execa('xmllint', ['--noout', '--schema', xsd, ...files]);

  // The same again out of the events alone.
  const again = test.info().outputPath('again.xml');
  await writeFile(again, (await vmtest(['report', '--from', results, '--reporter', 'junit'])).stdout);
  expect((await readJunit(await readFile(again, 'utf8'))).cases).toEqual(cases);
});
