/** Real guests for a test run. */
import { defaultEngine, type EngineChoice } from '../engine/choice.js';
import { engineUse } from '../engine/engine-use.js';
import { createEngines, type Engines } from '../engine/engines.js';
import { type Architecture, defaultArchitecture } from '../images/kernels/architecture.js';
import { launch } from '../machine/launch.js';
import type { GuestOptions } from '../plan/guest-options.js';
import type { EngineUse } from '../results/events/event.js';
import type { Boot } from './boot.js';

export interface GuestBoot {
  boot: Boot;
  /** Which engines will serve the guests that were asked about, and why. */
  uses: readonly EngineUse[];
}

export interface GuestBootOptions {
  /** All guests of the run. */
  guests: readonly GuestOptions[];
  /** Of the command line: comes before what guests say themselves. */
  engine?: EngineChoice | undefined;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

/**
 * Finds the engines once, for all guests of a run: rejects as `Engines.for` when there is none for any of them. One that
 * has none while others have is refused when it is to be booted; otherwise the errors are those of `launch`.
 */
export async function prepareGuestBoot({ guests, engine, env, signal }: GuestBootOptions): Promise<GuestBoot> {
  const engines = createEngines({ env });
  const wantedBy = (guest: GuestOptions): EngineChoice => engine ?? guest.engine ?? defaultEngine(env);
  const boot: Boot = async (guest, request) => {
    return launch({
      ...guest,
      engine: wantedBy(guest),
      engines,
      bootTimeoutMs: request.timeoutMs,
      signal: request.signal,
      onStart: ({ image }, { reason, timeScale }) => request.onStart({ image, engineReason: reason, timeScale }),
      onConsole: request.onConsole,
      onLog: (level, message) => request.onLog(`${level}: ${message}`),
      // What takes long is told as the stage that the job is in.
      onProgress: () => {},
    });
  };
  const questions = distinct(
    guests.map((guest) => [
      wantedBy(guest),
      guest.arch ?? defaultArchitecture(env),
      guest.mounts !== undefined && guest.mounts.length > 0,
    ]),
  );
  return { boot, uses: await usesOf(engines, questions, signal) };
}

type Question = readonly [wanted: EngineChoice, arch: Architecture, mounts: boolean];

const distinct = (questions: readonly Question[]): Question[] => [
  ...new Map(questions.map((question) => [question.join(' '), question])).values(),
];

async function usesOf(engines: Engines, questions: readonly Question[], signal: AbortSignal): Promise<EngineUse[]> {
  const answers = await Promise.allSettled(
    questions.map(async ([wanted, arch, mounts]): Promise<EngineUse> => {
      return engineUse(await engines.for(wanted, arch, { mounts, signal }), arch);
    }),
  );
  const uses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  const [first] = answers;
  if (uses.length === 0 && first?.status === 'rejected') throw first.reason;
  return uses;
}
