/** vsock of the QEMU engine beside a virtio-serial port of the same QEMU (./serial-guest.ts has what each side does). */
import type { Cleanup } from '../../../runner/cleanup.js';
import { createEngines } from '../../../runner/engine/engines.js';
import { bootMachine } from '../../../runner/machine/boot.js';
import type { Machine } from '../../../runner/machine/machine.js';
import { execRoundTrips, throughputFromGuest, throughputToGuest } from '../agent.js';
import { guestAgentTree } from './guest-agent.js';
import { bootSerial, SERIAL_INIT, SERIAL_PROGRAM, type SerialGuest, type SerialOptions } from './serial-guest.js';
import { microWith } from './subject.js';

export interface TransportFigures {
  /** Sorted, milliseconds. */
  execMs: number[];
  /** One for each round, MiB per second. */
  toGuest: number[];
  fromGuest: number[];
}

export interface TransportSamples {
  vmtest: TransportFigures;
  serial: TransportFigures;
  /** Of QEMU's guest agent on the port. Sorted, milliseconds. */
  guestAgentMs: number[];
}

const STREAM_MIB = 64;
const ROUND_TRIPS = 100;
const BOOT_LIMIT_MS = 120_000;

/** In turn, so that a slow spell of the host hits both; each round has so many round trips and streams of either. */
export async function measureTransport(
  rounds: number,
  { directory, cleanup, ...serial }: SerialOptions & { directory: string; cleanup: Cleanup },
): Promise<TransportSamples> {
  const program = { type: 'file', data: Buffer.from(SERIAL_PROGRAM), mode: 0o755 } as const;
  const added = new Map([[SERIAL_INIT, program], ...(await guestAgentTree(cleanup))]);
  const spec = await microWith(added, { kernel: 'cloud', load: ['virtio_console'], directory, cleanup });
  const engine = await createEngines().for('qemu', 'x86_64');
  await using machine = await bootMachine(spec, engine.create, { timeoutMs: BOOT_LIMIT_MS });
  await using port = await bootSerial(spec, serial);
  await using agentPort = await bootSerial(spec, serial);
  const guestAgent = await agentPort.startGuestAgent();
  const samples: TransportSamples = { vmtest: noFigures(), serial: noFigures(), guestAgentMs: [] };
  // The first one only warms up both: their code is translated when it first runs.
  for (let round = 0; round <= rounds; round += 1) {
    const vmtest = await roundOfVsock(machine);
    const other = await roundOfSerial(port);
    const guestAgentMs = await roundTrips(() => guestAgent.runTrue());
    if (round === 0) continue;
    add(samples.vmtest, vmtest);
    add(samples.serial, other);
    samples.guestAgentMs.push(...guestAgentMs);
  }
  samples.guestAgentMs.sort((a, b) => a - b);
  return samples;
}

const noFigures = (): TransportFigures => ({ execMs: [], toGuest: [], fromGuest: [] });

function add(figures: TransportFigures, { execMs, toGuest, fromGuest }: TransportFigures): void {
  figures.execMs = [...figures.execMs, ...execMs].sort((a, b) => a - b);
  figures.toGuest.push(...toGuest);
  figures.fromGuest.push(...fromGuest);
}

async function roundOfVsock(machine: Machine): Promise<TransportFigures> {
  return {
    execMs: await execRoundTrips(machine, ROUND_TRIPS, '/bin/true'),
    toGuest: [await throughputToGuest(machine, STREAM_MIB)],
    fromGuest: [await throughputFromGuest(machine, STREAM_MIB)],
  };
}

async function roundOfSerial(port: SerialGuest): Promise<TransportFigures> {
  return {
    execMs: await roundTrips(() => port.runTrue()),
    toGuest: [await port.take(STREAM_MIB)],
    fromGuest: [await port.give(STREAM_MIB)],
  };
}

async function roundTrips(one: () => Promise<number>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < ROUND_TRIPS; i += 1) times.push(await one());
  return times;
}
