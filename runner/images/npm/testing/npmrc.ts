/** Settings of npm that are those of a test and nobody else's. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Makes a home with an npmrc of these lines. Returns an environment in which npm and its libraries find this one, and
 * neither the user's nor the machine's.
 */
export async function npmHome(home: string, lines: readonly string[]): Promise<NodeJS.ProcessEnv> {
  await mkdir(home, { recursive: true });
  await writeFile(join(home, '.npmrc'), lines.map((line) => `${line}\n`).join(''));
  const inherited = Object.entries(process.env).filter(([name]) => !/^npm_|proxy$/i.test(name));
  return {
    ...Object.fromEntries(inherited),
    HOME: home,
    npm_config_userconfig: join(home, '.npmrc'),
    npm_config_globalconfig: join(home, 'global'),
    npm_config_cache: join(home, 'cache'),
    npm_config_update_notifier: 'false',
  };
}
