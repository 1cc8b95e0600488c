/** The requests about a guest's vsock device, which `vmtest-vmm` serves for either engine. */
import type { Guest, RequestOptions } from '../guest.js';
import type { Control } from './control.js';
import { decodeNothing, decodeStream } from './control-messages.js';
import { openStream } from './streams.js';

export function vsockRequests(control: Control): Pick<Guest, 'listen' | 'unlisten' | 'connect'> {
  const onPort = async (type: string, port: number, limits?: RequestOptions): Promise<void> => {
    await control.request({ type, fields: { port }, reply: decodeNothing }, limits);
  };
  return {
    listen: (port, limits) => onPort('vsock-listen', port, limits),
    unlisten: (port, limits) => onPort('vsock-unlisten', port, limits),
    async connect(port, limits) {
      const connect = { type: 'vsock-connect', fields: { port }, reply: decodeStream };
      const { ok, fds } = await control.request(connect, limits);
      return openStream(fds[ok.stream] as number);
    },
  };
}
