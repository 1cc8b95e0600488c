// What ./test_all does, stage by stage.
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { probeKvm } from '../lab/host.mjs';
import { quote } from '../lab/options.mjs';
import { inParallel, root, run } from './process.mjs';
import { addCounts, noCounts, readCtest, readPlaywright, readVitest } from './reports.mjs';

export const RESULTS = join(root, 'build/test-results');

/**
 * @typedef {import('./reports.mjs').Counts} Counts
 * @typedef {{ name: string, needs: string[], run: () => Promise<Counts> }} Stage
 */

const NATIVE_PRESETS = ['release', 'asan-ubsan'];

/**
 * @param {{ host: boolean, fuzzSeconds: number }} options
 * @returns {Stage[]}
 */
export function createStages({ host, fuzzSeconds }) {
  /** Native tests that could not run on this machine, by preset: the lab has another try at them. */
  /** @type {Map<string, Counts>} */
  const leftToLab = new Map();
  return [
    step('install', [], [['npm', 'ci', '--no-audit', '--no-fund']]),
    step('build', ['install'], [['npm', 'run', 'build']]),
    step('lint', ['install'], [['npm', 'run', 'lint']]),
    { name: 'unit', needs: ['build'], run: unit },
    ...NATIVE_PRESETS.map((preset) => ({
      name: `native ${preset}`,
      needs: ['install'],
      run: async () => {
        const counts = await native(preset);
        if (host) return counts;
        leftToLab.set(preset, counts);
        if (counts.skips.length > 0) console.log(`test_all: ${counts.skips.length} tests are left to the lab`);
        return { ...counts, skips: [] };
      },
    })),
    { name: 'fuzz', needs: [], run: () => fuzz(fuzzSeconds) },
    step(
      'kernels',
      ['build'],
      ['cloud', 'generic'].map((flavour) => [...vmtest(), 'images', 'fetch', '--flavour', flavour]),
    ),
    { name: 'integration', needs: ['build', 'kernels'], run: () => (host ? integrationHere() : inLab(leftToLab)) },
  ];
}

function vmtest() {
  return ['node', join(root, 'dist/runner/cli/main.js')];
}

/** A stage of plain commands: one test each. @type {(name: string, needs: string[], commands: string[][]) => Stage} */
function step(name, needs, commands) {
  return {
    name,
    needs,
    run: async () => {
      const counts = noCounts();
      for (const command of commands) {
        if (await run(command)) counts.passed++;
        else counts.failures.push(`${name}: ${command.join(' ').replaceAll(`${root}/`, '')}`);
      }
      return counts;
    },
  };
}

async function unit() {
  const file = join(RESULTS, 'vitest.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const ok = await run(['npx', 'vitest', 'run', ...reporters]);
  return count('vitest', ok, file, readVitest);
}

/** @param {string} preset */
async function native(preset) {
  const cwd = join(root, 'native');
  if (!(await run(['cmake', '--preset', preset], { cwd }))) throw new Error('cmake failed');
  if (!(await run(['cmake', '--build', '--preset', preset], { cwd }))) throw new Error('the build failed');
  const file = join(RESULTS, `ctest-${preset}.xml`);
  const ok = await run(['sh', '-c', ctestCommand(preset, file)]);
  return count(`ctest ${preset}`, ok, file, readCtest);
}

/** @type {(preset: string, file: string, tests?: string[]) => string} */
function ctestCommand(preset, file, tests) {
  const only = tests ? ` -R ${quote(`^(${tests.map(escapeRegex).join('|')})$`)}` : '';
  const jobs = availableParallelism();
  return `cd native && ctest --preset ${preset} --progress -j ${jobs} --output-junit ${quote(file)}${only}`;
}

/** @param {string} text */
function escapeRegex(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** @param {number} seconds */
async function fuzz(seconds) {
  const cwd = join(root, 'native');
  if (!(await run(['cmake', '--preset', 'fuzz'], { cwd }))) throw new Error('cmake failed');
  if (!(await run(['cmake', '--build', '--preset', 'fuzz'], { cwd }))) throw new Error('the build failed');
  const targets = await fuzzTargets(join(root, 'build/fuzz/fuzz'));
  if (targets.length === 0) throw new Error('there are no fuzz targets');
  const artifacts = join(RESULTS, 'fuzz');
  await mkdir(artifacts, { recursive: true });
  const counts = noCounts();
  await inParallel(targets, availableParallelism(), async (target) => {
    const flags = [`-max_total_time=${seconds}`, '-timeout=10', `-artifact_prefix=${artifacts}/${target.name}-`];
    const ok = await run([target.path, ...flags], { quiet: true });
    console.log(`fuzz: ${target.name}: ${ok ? 'clean' : 'FAILED'} (${seconds} s)`);
    if (ok) counts.passed++;
    else counts.failures.push(`fuzz: ${target.name}: the input is in build/test-results/fuzz`);
  });
  return counts;
}

/** @param {string} folder */
async function fuzzTargets(folder) {
  const targets = [];
  for (const name of (await readdir(folder)).sort()) {
    const path = join(folder, name);
    const info = await stat(path);
    if (info.isFile() && info.mode & 0o100) targets.push({ name, path });
  }
  return targets;
}

const PLAYWRIGHT_REPORT = join(RESULTS, 'playwright.json');
const PLAYWRIGHT = 'npx playwright test --config integration_tests/playwright.config.ts --reporter=list,json';

async function integrationHere() {
  const kvm = await probeKvm(root);
  if (!kvm.usable) {
    return {
      ...noCounts(),
      skips: [{ name: 'integration', reason: `${kvm.reason} (without --host the lab is used)` }],
    };
  }
  const ok = await run(['sh', '-c', PLAYWRIGHT], { env: { PLAYWRIGHT_JSON_OUTPUT_NAME: PLAYWRIGHT_REPORT } });
  return count('playwright', ok, PLAYWRIGHT_REPORT, readPlaywright);
}

/**
 * Everything that needs KVM, in one run of the lab: it costs more to boot than most tests.
 * @param {Map<string, Counts>} leftToLab
 */
async function inLab(leftToLab) {
  /** @type {{ name: string, file: string, read: (text: string) => Counts }[]} */
  const expected = [];
  const commands = [];
  for (const [preset, { skips }] of leftToLab) {
    if (skips.length === 0) continue;
    const file = join(RESULTS, `ctest-${preset}-lab.xml`);
    const names = skips.map(({ name }) => name);
    commands.push(`(${ctestCommand(preset, file, names)})`);
    expected.push({ name: `ctest ${preset} in the lab`, file, read: readCtest });
  }
  commands.push(PLAYWRIGHT);
  expected.push({ name: 'playwright', file: PLAYWRIGHT_REPORT, read: readPlaywright });

  const script = `failed=0; ${commands.map((command) => `${command} || failed=1; `).join('')}exit $failed`;
  const lab = ['ci/kvm-lab', '--cpus', '2', '--memory', '7168', '--timeout', '40m', '--', 'sh', '-c', script];
  const ok = await run(lab, { env: { PLAYWRIGHT_JSON_OUTPUT_NAME: PLAYWRIGHT_REPORT } });
  const counts = addCounts(await Promise.all(expected.map(({ name, file, read }) => count(name, true, file, read))));
  if (!ok && counts.failures.length === 0) counts.failures.push('integration: the lab failed');
  return counts;
}

/**
 * A runner that failed without naming a failure, or that left no report, still counts as one.
 * @type {(name: string, ok: boolean, file: string, read: (text: string) => Counts) => Promise<Counts>}
 */
async function count(name, ok, file, read) {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return { ...noCounts(), failures: [`${name}: ended without a report`] };
  const counts = read(text);
  if (!ok && counts.failures.length === 0) counts.failures.push(`${name}: failed, though no test did`);
  if (ok && counts.passed + counts.failures.length + counts.skips.length === 0) {
    counts.failures.push(`${name}: ran no tests`);
  }
  return counts;
}
