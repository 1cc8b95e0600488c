/** For editors: gives a configuration its type. Loads nothing. */
import type { VmtestConfig } from './vmtest-config.js';

export type { VmtestConfig } from './vmtest-config.js';

/** Its argument, as it is; `vmtest.config.ts` exports it as the default. It is checked when it is loaded. */
export const defineConfig = (config: VmtestConfig): VmtestConfig => config;
