/** Everything from a kernel's name to a running machine. */
import { type Cleanup, createCleanup } from '../cleanup.js';
import { defaultEngine, type EngineChoice } from '../engine/choice.js';
import { createEngines, type Engine, type Engines } from '../engine/engines.js';
import { VmtestError } from '../errors.js';
import { defaultArchitecture } from '../images/kernels/architecture.js';
import { type BootOptions, bootMachine } from './boot.js';
import { withDefaults } from './command-defaults.js';
import { DEFAULT_BOOT_TIMEOUT_MS } from './defaults.js';
import type { Machine } from './machine.js';
import { type GuestPlan, type PlanOptions, planGuest } from './plan.js';

export interface LaunchOptions extends PlanOptions, Omit<BootOptions, 'timeoutMs' | 'timeScale' | 'signal'> {
  /** From the start of the guest until the agent is ready, milliseconds. Default: 120 s. */
  bootTimeoutMs?: number;
  /** Default: `VMTEST_ENGINE`, else `auto`. */
  engine?: EngineChoice | undefined;
  /** What is known of the engines here, so that it is found out once for many guests. */
  engines?: Engines;
  /** Called when everything is found and made, and the guest is about to be started. */
  onStart?: (plan: GuestPlan, engine: Engine) => void;
}

/** Boots a machine; see `bootMachine` and `Engines.for` for the errors. Disposing it leaves nothing behind. */
export async function launch(options: LaunchOptions = {}): Promise<Machine> {
  await using cleanup = createCleanup();
  const { engine, plan } = await chooseAndPlan(options, cleanup);
  const { guest: spec, command } = plan;
  options.onStart?.(plan, engine);
  const timeoutMs = options.bootTimeoutMs ?? DEFAULT_BOOT_TIMEOUT_MS;
  const machine = await bootMachine(spec, engine.create, { ...options, timeoutMs, timeScale: engine.timeScale });
  cleanup.use(machine);
  await engine.onReady?.(machine.agent, options.signal);
  const owned = cleanup.move();
  return {
    ...machine,
    exec: (argv, execOptions) => machine.exec(argv, withDefaults(execOptions ?? {}, command)),
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

/** The probe of KVM runs a small guest of its own: side by side with the work on the images it costs no time. */
async function chooseAndPlan(options: LaunchOptions, cleanup: Cleanup): Promise<{ engine: Engine; plan: GuestPlan }> {
  const { env = process.env } = options;
  const arch = options.arch ?? defaultArchitecture(env);
  const noEngine = new AbortController();
  const signal = options.signal === undefined ? noEngine.signal : AbortSignal.any([options.signal, noEngine.signal]);
  const engines = options.engines ?? createEngines({ env });
  const mounts = (options.mounts ?? []).length > 0;
  const { signal: given } = options;
  const request = { mounts, ...(given === undefined ? {} : { signal: given }) };
  const chosen = engines.for(options.engine ?? defaultEngine(env), arch, request).catch((error: unknown) => {
    noEngine.abort(error);
    throw error;
  });
  const [engine, plan] = await Promise.allSettled([chosen, planGuest({ ...options, signal }, cleanup)]);
  if (plan.status === 'fulfilled' && engine.status === 'fulfilled') return { engine: engine.value, plan: plan.value };
  // What the user got wrong is wrong on every host; other troubles may come from the one that the engine has.
  if (plan.status === 'rejected' && (isBadInput(plan.reason) || engine.status === 'fulfilled')) throw plan.reason;
  throw (engine as PromiseRejectedResult).reason;
}

const isBadInput = (error: unknown): boolean => error instanceof VmtestError && error.code === 'VMTEST_BAD_INPUT';
