import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { parseLine, type QmpEvent, startQmp } from './qmp.js';
import { duplexPair } from './testing/duplex-pair.js';

const GREETING = '{"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": []}}\r\n';

/** The other end: answers each command by `answer`. */
function peer(stream: Duplex, answer: (command: { execute: string; id: number }) => string | undefined): void {
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    rest += chunk.toString();
    for (let at = rest.indexOf('\n'); at >= 0; at = rest.indexOf('\n')) {
      const reply = answer(JSON.parse(rest.slice(0, at)));
      rest = rest.slice(at + 1);
      if (reply !== undefined) stream.write(reply);
    }
  });
  stream.on('error', () => {});
}

function start(answer: Parameters<typeof peer>[1], commandTimeoutMs?: number) {
  const [ours, theirs] = duplexPair();
  const events: QmpEvent[] = [];
  peer(theirs, answer);
  const options = commandTimeoutMs === undefined ? {} : { commandTimeoutMs };
  return { qmp: startQmp(ours, { onEvent: (event) => void events.push(event), ...options }), theirs, events };
}
const ok = ({ id }: { id: number }) => `{"return": {}, "id": ${id}}\r\n`;

describe('QMP', () => {
  it('negotiates, executes, and hears events in their order, however the bytes are cut', async () => {
    const { qmp, theirs, events } = start(ok);
    for (const byte of Buffer.from(GREETING)) theirs.write(Buffer.from([byte]));
    await qmp.negotiate();
    theirs.write('{"event": "STOP", "timestamp": {}}\r\n{"event": "SHUTDOWN", "data": {"reason": "guest-reset"}}\r\n');
    expect(await qmp.execute('cont')).toEqual({});
    expect(events).toEqual([
      { name: 'STOP', data: {} },
      { name: 'SHUTDOWN', data: { reason: 'guest-reset' } },
    ]);
    qmp.close();
  });

  it('says what was refused', async () => {
    const { qmp } = start(({ id }) => `{"error": {"class": "GenericError", "desc": "no"}, "id": ${id}}\n`);
    await expect(qmp.execute('cont')).rejects.toMatchObject({
      code: 'QMP_REFUSED',
      message: 'QEMU refused cont: no',
    });
    qmp.close();
  });

  it('ends what waits when the connection ends', async () => {
    const { qmp, theirs } = start(() => undefined);
    const waiting = qmp.execute('stop');
    theirs.destroy();
    await expect(waiting).rejects.toMatchObject({ code: 'QMP_CLOSED' });
    await expect(qmp.execute('cont')).rejects.toMatchObject({ code: 'QMP_CLOSED' });
    expect((await qmp.closed).code).toBe('QMP_CLOSED');
  });

  it('has a limit for each command', async () => {
    const { qmp } = start(() => undefined, 20);
    await expect(qmp.execute('stop')).rejects.toMatchObject({ code: 'QMP_TIMEOUT' });
    await expect(qmp.negotiate()).rejects.toMatchObject({ code: 'QMP_TIMEOUT' });
    qmp.close();
  });

  it.each([
    ['what is no JSON', 'hello\n'],
    ['what is no object', '[]\n'],
    ['an answer that nobody asked for', '{"return": {}, "id": 99}\n'],
    ['what is neither', '{"x": 1}\n'],
    ['a line without an end', 'x'.repeat(1024 * 1024 + 1)],
  ])('ends on %s', async (_, bytes) => {
    const { qmp, theirs } = start(() => undefined);
    theirs.write(bytes);
    expect((await qmp.closed).code).toBe('QMP_PROTOCOL');
  });
});

describe('parseLine', () => {
  it('knows the three kinds', () => {
    expect(parseLine(GREETING)).toEqual({ kind: 'greeting' });
    expect(parseLine('{"event":"RESUME"}')).toEqual({ kind: 'event', event: { name: 'RESUME', data: {} } });
    expect(parseLine('{"return":[1],"id":3}')).toEqual({ kind: 'answer', id: 3, value: [1] });
    expect(() => parseLine('{"event":"X","data":1}')).toThrow();
  });
});
