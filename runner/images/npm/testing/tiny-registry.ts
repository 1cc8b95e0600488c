/** As much of a registry as can lie: a server of HTTP on this machine that answers as the test says. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TinyRegistry extends AsyncDisposable {
  url: string;
  /** The paths that were asked for. */
  asked: string[];
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export async function serve(answer: Answer): Promise<TinyRegistry> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const sha512Of = (data: Uint8Array): string => `sha512-${createHash('sha512').update(data).digest('base64')}`;

/** What a registry says of a package with one version. `host`: of the registry, as the client calls it. */
export function packument(name: string, version: string, tarball: Uint8Array, host: string) {
  const dist = { tarball: `http://${host}/tarball.tgz`, integrity: sha512Of(tarball) };
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { name, version, dist } } };
}

export type Packument = ReturnType<typeof packument>;
