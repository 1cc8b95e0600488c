/** A real registry, verdaccio, on a free port of this machine. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROCESS = fileURLToPath(new URL('verdaccio-process.mjs', import.meta.url));

export interface Verdaccio extends AsyncDisposable {
  url: string;
  /** Its `host:port`, as npmrc files name it. */
  host: string;
  /** The directory of its packages. */
  storage: string;
  /** Makes a user; returns a token. */
  addUser(name: string): Promise<string>;
}

/** All of it is for users, reading as well as writing. No other registry is asked. */
const config = (directory: string): string => `
storage: ${JSON.stringify(join(directory, 'storage'))}
auth:
  htpasswd:
    file: ${JSON.stringify(join(directory, 'htpasswd'))}
    algorithm: sha1
packages:
  '**': { access: $authenticated, publish: $authenticated }
uplinks: {}
web: { enable: false }
max_body_size: 100mb
log: { type: file, path: ${JSON.stringify(join(directory, 'log'))}, level: warn }
`;

/** `directory` is for all that it writes. */
export async function startVerdaccio(directory: string): Promise<Verdaccio> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'config.yaml');
  await writeFile(path, config(directory));
  const child = fork(PROCESS, [path], {
    stdio: 'ignore',
    cwd: directory,
    execArgv: [],
    env: { PATH: process.env['PATH'] },
  });
  const started = once(child, 'message') as Promise<[{ port: number }]>;
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`verdaccio ended with ${code}`);
  });
  ended.catch(() => {});
  const [{ port }] = await Promise.race([started, ended]);
  const host = `127.0.0.1:${port}`;
  return {
    url: `http://${host}/`,
    host,
    storage: join(directory, 'storage'),
    async addUser(name) {
      const response = await fetch(`http://${host}/-/user/org.couchdb.user:${name}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name, password: 'a password of tests' }),
      });
      const { token } = (await response.json()) as { token?: string };
      if (token === undefined) throw new Error(`verdaccio answers ${response.status}`);
      return token;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended.catch(() => {});
    },
  };
}
