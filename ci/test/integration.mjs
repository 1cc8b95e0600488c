// The specs that boot guests: with KVM, on this machine's own or in the lab, and under QEMU.
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { probeKvm } from '../lab/host.mjs';
import { EXIT } from '../lab/options.mjs';
import { ctestCommand } from './ctest.mjs';
import { exitCodeOf, inParallel, root, run } from './process.mjs';
import { addCounts, count, noCounts, RESULTS, readCtest, readGtest, readPlaywright } from './reports.mjs';

/** @typedef {import('./reports.mjs').Counts} Counts */

/**
 * One boot of the lab. An outer guest with one CPU is the steadiest, and two of them side by side are faster
 * than one with two (docs/lab.md): so everything that does not need more (`@smp`) is split over such labs.
 * @typedef {object} Shard
 * @property {string} name
 * @property {number} cpus
 * @property {number} memory MiB: the largest guest of a spec, and the tools around it
 * @property {string} playwright arguments: which specs
 */

/**
 * Specs of what is above the engines, and of how images are made: which one boots their guests says nothing about them, and
 * under QEMU alone they are done in half of the time that the lab takes.
 */
const OF_ANY_ENGINE = [
  'test-command',
  'kernel-matrix',
  'quickstart',
  'roots',
  'kernel-packages',
  'images',
  'copy',
  'fixtures',
];

/** Specs whose guests may be of either architecture; the others bring x86_64 programs or kernels of their own. */
const OF_ANY_ARCH = ['exec', 'pause', 'disk', 'vsock', 'run-exit-codes', 'copy', 'cleanup', 'fixtures'];

/** Of these, what is about the engine, for ours on aarch64; and what is that architecture's own. */
const OF_AARCH64 = ['exec', 'pause', 'disk', 'vsock', 'run-exit-codes', 'cleanup', 'aarch64'];

/** Of hosts without VHE. */
const OF_NVHE = ['aarch64-nvhe'];

const ELSEWHERE = ['@smp', '@host', '@qemu', '@aarch64', ...OF_ANY_ENGINE.map((name) => `${name}\\.spec`)].join('|');

/** @type {(parts: number) => Shard[]} */
function singleCpuShards(parts) {
  return Array.from({ length: parts }, (_, index) => ({
    name: `lab ${index + 1}`,
    cpus: 1,
    memory: 7168,
    playwright: `--workers=1 '--grep-invert=${ELSEWHERE}' --shard=${index + 1}/${parts}`,
  }));
}

/** @type {Shard} */
const SMP_SHARD = { name: 'lab smp', cpus: 4, memory: 4096, playwright: '--workers=1 --grep=@smp' };

const PLAYWRIGHT = 'npx playwright test --config integration_tests/playwright.config.ts --reporter=list,json';

/** Built by `npm run build:aarch64`. */
const AARCH64 = join(root, 'build/aarch64-release');
/** What is about KVM on that architecture; the rest is the same source as on this one. */
const AARCH64_TESTS = ['arch/aarch64/aarch64_test', 'arch/arch_test', 'kvm/kvm_test'];

/** On this machine's own KVM. @returns {Promise<Counts>} */
export async function integrationHere() {
  const kvm = await probeKvm(root);
  if (!kvm.usable) {
    return {
      ...noCounts(),
      skips: [{ name: 'integration', reason: `${kvm.reason} (without --host the lab is used)` }],
    };
  }
  const report = join(RESULTS, 'playwright.json');
  const ok = await run(['sh', '-c', PLAYWRIGHT], { env: { PLAYWRIGHT_JSON_OUTPUT_NAME: report } });
  return count('playwright', ok, report, readPlaywright);
}

/**
 * In the lab. `leftToLab`: native tests that could not run on this machine, by preset; the first shard has
 * another try at them.
 * @param {Map<string, Counts>} leftToLab
 */
export async function integrationInLab(leftToLab) {
  const cores = availableParallelism();
  /** @type {Counts[]} */
  const all = [await runOnHost()];
  // With that of aarch64 an even number on two cores, all of about the same length: no core waits at the end.
  const labs = singleCpuShards(cores + 1).map(
    (shard, index) => () => runShard(shard, index === 0 ? leftToLab : new Map()),
  );
  await inParallel([runOnAarch64, ...labs, runWithoutVhe], cores, async (lab) => {
    all.push(await lab());
  });
  // By itself: it keeps every core busy.
  all.push(await runShard(SMP_SHARD, new Map()));
  return addCounts(all);
}

/**
 * Under QEMU, on this machine: everything for guests of its own architecture, and what may be of either for the other one.
 * @returns {Promise<Counts>}
 */
export async function integrationUnderQemu() {
  const other = process.arch === 'arm64' ? 'x86_64' : 'aarch64';
  const files = OF_ANY_ARCH.map((name) => `${name}.spec.ts`).join(' ');
  return addCounts([
    await runUnderQemu('qemu', `'--grep-invert=@host|@native|@aarch64'`, {}),
    await runUnderQemu(`qemu ${other}`, `'--grep-invert=@host|@native|@aarch64' ${files}`, { VMTEST_ARCH: other }),
  ]);
}

/** @type {(name: string, which: string, env: Record<string, string>) => Promise<Counts>} */
async function runUnderQemu(name, which, env) {
  const report = join(RESULTS, `playwright-${name.replaceAll(' ', '-')}.json`);
  const ok = await run(['sh', '-c', `${PLAYWRIGHT} --workers=${availableParallelism()} ${which}`], {
    env: { ...env, VMTEST_ENGINE: 'qemu', PLAYWRIGHT_JSON_OUTPUT_NAME: report },
  });
  return count(`playwright ${name}`, ok, report, readPlaywright);
}

/** What starts no guest: commands that are refused. @returns {Promise<Counts>} */
async function runOnHost() {
  const report = join(RESULTS, 'playwright-host.json');
  const command = `${PLAYWRIGHT} --grep=@host`;
  const ok = await run(['sh', '-c', command], { env: { PLAYWRIGHT_JSON_OUTPUT_NAME: report } });
  return count('playwright on the host', ok, report, readPlaywright);
}

/** The native engine as hosts of aarch64 run it: its own tests, and the specs that are about the engine. */
const runOnAarch64 = () =>
  runInLabOfAarch64({ name: 'lab aarch64', options: [], tests: AARCH64_TESTS, specs: OF_AARCH64 });

const runWithoutVhe = () =>
  runInLabOfAarch64({ name: 'lab aarch64 nvhe', options: ['--cpu', 'cortex-a72'], tests: [], specs: OF_NVHE });

/** @type {(lab: { name: string, options: string[], tests: string[], specs: string[] }) => Promise<Counts>} */
async function runInLabOfAarch64({ name, options, tests: paths, specs }) {
  const tests = paths.map((path) => {
    const file = join(RESULTS, `gtest-${basename(path)}.json`);
    return { command: `${join(AARCH64, path)} --gtest_output=json:${file}`, file };
  });
  const file = join(RESULTS, `playwright-${name.replaceAll(' ', '-')}.json`);
  const files = specs.map((spec) => `integration_tests/${spec}.spec.ts`).join(' ');
  // Its user land has a Node and no npx.
  const playwright = PLAYWRIGHT.replace('npx playwright', 'node_modules/.bin/playwright');
  const commands = [
    ...tests.map(({ command }) => command),
    `${playwright} --workers=1 '--grep-invert=@smp|@host|@qemu' ${files}`,
  ];
  return inLab(name, {
    options: ['--arch', 'aarch64', '--memory', '4096', ...options],
    env: {
      VMTEST_ENGINE: 'native',
      VMTEST_VMM: join(AARCH64, 'vmm/vmtest-vmm'),
      VMTEST_AGENT: join(AARCH64, 'agent/vmtest-agent'),
      VMTEST_ADDON: join(AARCH64, 'addon/vmtest.node'),
      PLAYWRIGHT_JSON_OUTPUT_NAME: file,
    },
    commands,
    reports: [
      ...tests.map((test) => ({ name: test.file, file: test.file, read: readGtest })),
      { name: `playwright in ${name}`, file, read: readPlaywright },
    ],
  });
}

/** @type {(shard: Shard, leftToLab: Map<string, Counts>) => Promise<Counts>} */
async function runShard({ name, cpus, memory, playwright }, leftToLab) {
  /** @type {Report[]} */
  const reports = [];
  const commands = [];
  for (const [preset, { skips }] of leftToLab) {
    if (skips.length === 0) continue;
    const file = join(RESULTS, `ctest-${preset}-lab.xml`);
    const tests = skips.map((skip) => skip.name);
    commands.push(`(${ctestCommand(preset, file, tests)})`);
    reports.push({ name: `ctest ${preset} in the lab`, file, read: readCtest });
  }
  const file = join(RESULTS, `playwright-${name.replaceAll(' ', '-')}.json`);
  commands.push(`${PLAYWRIGHT} ${playwright}`);
  reports.push({ name: `playwright in ${name}`, file, read: readPlaywright });

  const options = ['--cpus', `${cpus}`, '--memory', `${memory}`];
  return inLab(name, { options, env: { PLAYWRIGHT_JSON_OUTPUT_NAME: file }, commands, reports });
}

/**
 * Runs each command, whatever became of those before, and reads the reports.
 * @typedef {{ name: string, file: string, read: (text: string) => Counts }} Report
 * @type {(name: string, lab: { options: string[], env: Record<string, string>, commands: string[], reports: Report[] }) => Promise<Counts>}
 */
async function inLab(name, { options, env, commands, reports }) {
  const variables = Object.entries(env).map(([key, value]) => `export ${key}=${value}; `);
  const script = `${variables.join('')}failed=0; ${commands.map((command) => `${command} || failed=1; `).join('')}exit $failed`;
  const lab = () =>
    exitCodeOf(['ci/kvm-lab', ...options, '--timeout', '30m', '--', 'sh', '-c', script], { prefix: `[${name}] ` });
  let code = await lab();
  if (code === EXIT.lab) {
    // The emulated machine itself broke down (docs/lab.md): a new one, once. A failed test is not repeated.
    console.log(`test_all: the outer guest of ${name} broke down; trying once more`);
    code = await lab();
  }
  const counts = addCounts(
    await Promise.all(reports.map((report) => count(report.name, true, report.file, report.read))),
  );
  if (code !== 0 && counts.failures.length === 0) counts.failures.push(`integration: ${name} ended with code ${code}`);
  return counts;
}
