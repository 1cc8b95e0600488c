/**
 * How many times slower than its host a guest under QEMU runs: measured once for a kind of machine, by a fixed piece of
 * work that the agent does in a guest and on the host, and kept in the cache. Time limits are multiplied by it.
 */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { AgentClient } from '../../agent/index.js';
import { createCleanup } from '../../cleanup.js';
import { type Cache, cached, cacheRoot, find, keyOf } from '../../images/cache.js';
import type { Architecture } from '../../images/kernels/architecture.js';
import { findInstallation } from '../../installation.js';
import { type QemuVersion, versionText } from './version.js';

/** Of a machine that was not measured yet: more than any that was. */
const ASSUMED = 20;
/** A guest that is faster than its host was measured while the host was busy. */
const LEAST = 1;
/** The shortest of so many: the others were disturbed. */
const ROUNDS = 3;
/** For a machine that hangs. */
const HOST_LIMIT_MS = 30_000;
/** Of the piece of work; a new one makes old measurements worthless. */
const WORKLOAD = 1;
const KIND = 'slowdown';
const FILE = 'factor';

export interface Slowdown {
  factor: number;
  /** Otherwise it is assumed, and the first guest that is ready is measured. */
  measured: boolean;
}

export interface SlowdownKey {
  /** Of the guests. */
  arch: Architecture;
  version: QemuVersion;
  /** Model of their CPU, where it is not the engine's own. */
  cpu?: string | undefined;
}

const keyOfMachine = ({ arch, version, cpu }: SlowdownKey): string =>
  keyOf(
    KIND,
    WORKLOAD,
    arch,
    versionText(version),
    process.arch,
    cpus()[0]?.model ?? '',
    ...(cpu === undefined ? [] : [cpu]),
  );

const cacheOf = (env: NodeJS.ProcessEnv): Cache => ({ root: cacheRoot(env), cleanup: createCleanup() });

/** What was measured, else what is assumed. Never rejects. */
export async function knownSlowdown(key: SlowdownKey, env: NodeJS.ProcessEnv): Promise<Slowdown> {
  const directory = await find(cacheOf(env), KIND, keyOfMachine(key));
  const text = directory === undefined ? '' : await readFile(join(directory, FILE), 'utf8').catch(() => '');
  const factor = Number(text.trim());
  return text !== '' && Number.isFinite(factor) && factor >= LEAST
    ? { factor, measured: true }
    : { factor: ASSUMED, measured: false };
}

/** Measures a guest that has just booted, and keeps the answer for the guests to come. */
export async function measureSlowdown(
  agent: AgentClient,
  key: SlowdownKey,
  { env, signal }: { env: NodeJS.ProcessEnv; signal?: AbortSignal | undefined },
): Promise<number> {
  let guest = Number.POSITIVE_INFINITY;
  let host = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    guest = Math.min(guest, await agent.measure(signal === undefined ? {} : { signal }));
    host = Math.min(host, await measureHost(env, signal));
  }
  const factor = Math.max(LEAST, Math.round((guest / host) * 10) / 10);
  if (!Number.isFinite(factor)) throw new Error('the agent of the host told no time');
  const cache = cacheOf(env);
  await using _ = cache.cleanup;
  await cached(cache, KIND, keyOfMachine(key), (directory) => writeFile(join(directory, FILE), `${factor}\n`), FILE);
  return factor;
}

/** Milliseconds. */
async function measureHost(env: NodeJS.ProcessEnv, signal: AbortSignal | undefined): Promise<number> {
  const options = { timeout: HOST_LIMIT_MS, ...(signal === undefined ? {} : { signal }) };
  const { stdout } = await promisify(execFile)(findInstallation(env).agent, ['--measure'], options);
  return Number(stdout.trim()) / 1e6;
}
