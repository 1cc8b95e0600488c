/** HELLO: what an agent says of itself. */
import { VmtestError } from '../errors.js';
import { PayloadReader } from './codec.js';
import { PROTOCOL_VERSION } from './protocol.js';

export interface FailedModule {
  path: string;
  /** The guest's errno number. */
  osError: number;
}

/** What an agent says of itself and its guest when it is ready. */
export interface AgentHello {
  protocol: number;
  version: string;
  kernelRelease: string;
  /** As uname says, like `x86_64`. */
  machine: string;
  /** Microseconds since the guest's kernel started. */
  uptimeUs: number;
  role: 'service' | 'init';
  failedModules: FailedModule[];
}

/** Throws `VMTEST_AGENT_VERSION` when the agent is of another version. */
export function readHello(payload: Buffer): AgentHello {
  const reader = new PayloadReader(payload);
  // First and by itself: the rest of another version's HELLO may look different.
  const protocol = reader.u32();
  if (protocol !== PROTOCOL_VERSION) {
    throw new VmtestError(
      'VMTEST_AGENT_VERSION',
      `the guest agent speaks protocol ${protocol} and this vmtest speaks ${PROTOCOL_VERSION}; rebuild the guest image`,
      { context: { agent: protocol, host: PROTOCOL_VERSION } },
    );
  }
  const hello: AgentHello = {
    protocol,
    version: reader.text(),
    kernelRelease: reader.text(),
    machine: reader.text(),
    uptimeUs: reader.length(),
    role: reader.u8() === 1 ? 'init' : 'service',
    failedModules: [],
  };
  const count = reader.u32();
  for (let i = 0; i < count; i += 1) hello.failedModules.push({ path: reader.text(), osError: reader.u32() });
  reader.end();
  return hello;
}
