/**
 * The user's settings of npm: npmrc files of the project, the user and the machine, and `npm_config_` variables, read
 * by npm's own library. So scoped registries, credentials, proxies and certificates are what `npm install` has.
 */
import { dirname, resolve } from 'node:path';
import { VmtestError } from '../../errors.js';
import { printable } from '../printable.js';
import { PACKAGE_SCOPE } from './package-name.js';

export interface SettingsOptions {
  /** Where the project's npmrc is looked for, upwards. Default: the working directory. */
  cwd?: string | undefined;
  /** Default: that of the process. It is not changed. */
  env?: NodeJS.ProcessEnv | undefined;
}

export interface NpmSettings {
  /** What `pacote` takes. */
  flat: Readonly<Record<string, unknown>>;
  /** Host and port of the registry that our packages come from, for messages. */
  registry: string;
  /** How long a registry may be silent. Milliseconds. */
  patience: number;
}

/**
 * In the place of npm's defaults, not of what the user chose: npm waits for five minutes, three times, too long for a
 * run that could build the image meanwhile. Milliseconds.
 */
const PATIENCE = 30_000;
const PAUSES = { factor: 2, minTimeout: 500, maxTimeout: 2000 };
const PAUSE_SETTINGS = ['fetch-retry-factor', 'fetch-retry-mintimeout', 'fetch-retry-maxtimeout'];

/** Throws `VMTEST_PULL` where npm would not accept the settings either. */
export async function readSettings({ cwd, env = process.env }: SettingsOptions): Promise<NpmSettings> {
  const [{ default: Config }, { default: all }] = await Promise.all([
    import('@npmcli/config'),
    import('@npmcli/config/lib/definitions/index.js'),
  ]);
  try {
    const config = new Config({
      ...all,
      npmPath: resolve(dirname(process.execPath), '../lib/node_modules/npm'),
      env: { ...env },
      argv: [],
      cwd: resolve(cwd ?? '.'),
    });
    await config.load();
    config.validate();
    const { flat } = config;
    const own = config.isDefault('fetch-timeout') ? undefined : flat['timeout'];
    const patience = typeof own === 'number' && own > 0 ? own : PATIENCE;
    const pauses = PAUSE_SETTINGS.every((setting) => config.isDefault(setting)) ? PAUSES : {};
    const retry = { ...(flat['retry'] as object | undefined), ...pauses };
    return {
      // Without a cache of npm's, whose place is not ours to fill; without it `prefer-online` is what there is.
      flat: { ...flat, cache: undefined, preferOnline: true, timeout: patience, retry },
      registry: hostOf(flat[`${PACKAGE_SCOPE}:registry`] ?? flat['registry']),
      patience,
    };
  } catch (cause) {
    const why = printable((cause as Error).message.replace(/\s*\n\s*/g, ' '), 300);
    throw new VmtestError('VMTEST_PULL', `npm's settings are not usable: ${why}`, { cause });
  }
}

function hostOf(registry: unknown): string {
  try {
    return new URL(String(registry)).host;
  } catch {
    return printable(String(registry));
  }
}
