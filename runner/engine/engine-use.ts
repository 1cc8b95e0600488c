/** An engine as reports have it. Pure. */
import type { Architecture } from '../images/kernels/architecture.js';
import type { EngineUse } from '../results/events/event.js';
import type { Engine } from './engines.js';

export function engineUse({ engine, reason, timeScale, timeScaleIsMeasured }: Engine, arch: Architecture): EngineUse {
  return { arch, engine, reason, timeScale, ...(timeScaleIsMeasured ? {} : { assumed: true }) };
}
