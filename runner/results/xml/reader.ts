/**
 * XML as events, out of pieces of any size, within limits. saxes does the parsing: it takes pieces, knows the five
 * entities of XML and no others, and reads nothing that a document names.
 */
import { StringDecoder } from 'node:string_decoder';
import { SaxesParser } from 'saxes';
import { MAX_LINE } from '../limits.js';
import { createEncoder } from '../lines.js';

export interface XmlEvents {
  open(name: string, attributes: Readonly<Record<string, string>>): void;
  close(name: string): void;
  /** A piece of the text of an element; there may be many. */
  text(piece: string): void;
  /** The document is no good: once, at the first mistake. */
  problem(message: string): void;
}

export interface XmlReader {
  write(chunk: Uint8Array | string): void;
  /** `complain`: whether a document that is cut off is a problem. */
  end(complain: boolean): void;
  readonly empty: boolean;
  readonly binary: boolean;
}

/** Elements in each other. */
const MAX_ELEMENTS = 100;
const MAX_ATTRIBUTES = 200;
/** UTF-16 units of a name, or of the attributes of one element. */
const MAX_TAG = 1024 * 1024;
/** Mistakes, of which each costs time: what has more of them is no XML. */
const MAX_MISTAKES = 100;
/** References to characters that are forbidden, which are forgiven. */
const MAX_REFERENCES = 1_000_000;
const PIECE = MAX_LINE;

/** Leaves the parser in the middle of a piece; it is not used again. */
const STOP = Symbol('stop');

/** Characters that XML forbids: a test that prints colours must not cost all the results. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const FORBIDDEN = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;

export function createXmlReader(events: XmlEvents): XmlReader {
  const parser = new SaxesParser({ xmlns: false, position: false });
  const toBytes = createEncoder();
  const decoder = new StringDecoder('utf8');
  let depth = 0;
  let attributes = 0;
  let inTag = false;
  let stopped = false;
  let told = false;
  let mistakes = 0;
  let references = 0;
  let ending = false;
  let complainAtEnd = true;
  let binary = false;
  let empty = true;
  let read = 0;

  function problem(message: string): void {
    if (told || (ending && !complainAtEnd)) return;
    told = true;
    events.problem(message);
  }
  function stop(message: string): void {
    problem(`${message}; the rest of the XML is not read`);
    stopped = true;
  }

  parser.on('error', ({ message }) => {
    // A reference to a forbidden character, as &#27;, stays as it is written, and the results are sound.
    if (message.includes('malformed character entity')) {
      references += 1;
      if (references <= MAX_REFERENCES) return;
    }
    // Its own words have no line: positions would cost a third of the time.
    if (ending) problem('the XML is cut off');
    else problem(`bad XML: ${message.replace(/\.$/, '')}`);
    mistakes += 1;
    if (mistakes > MAX_MISTAKES && !ending) throw STOP;
  });
  parser.on('opentagstart', () => {
    inTag = true;
    attributes = 0;
  });
  parser.on('attribute', () => {
    attributes += 1;
    if (attributes > MAX_ATTRIBUTES) stop(`an element has more than ${MAX_ATTRIBUTES} attributes`);
  });
  parser.on('opentag', (tag) => {
    inTag = false;
    depth += 1;
    if (depth > MAX_ELEMENTS) stop(`more than ${MAX_ELEMENTS} elements stand in each other`);
    if (!stopped) events.open(tag.name, tag.attributes);
  });
  parser.on('closetag', (tag) => {
    depth -= 1;
    if (!stopped) events.close(tag.name);
  });
  const onText = (text: string): void => {
    if (!stopped) events.text(text);
  };
  parser.on('text', onText);
  parser.on('cdata', onText);

  /** saxes collects a text until its end; what is collected is handed on now, and long tags are refused. */
  function bound(): void {
    const inner = parser as unknown as { text: string; name: string; entity: string; openWakaBang: string };
    if (!inTag && inner.text.length > PIECE) {
      // Comments go the same way, so that a test that looks at texts might see one; it is longer than 64 KiB then.
      onText(inner.text);
      inner.text = '';
    }
    const held = inner.text.length + inner.name.length + inner.entity.length + (inner.openWakaBang?.length ?? 0);
    if (held > MAX_TAG) stop('a name or an attribute is longer than 1 MiB');
  }

  function feed(text: string): void {
    if (text === '') return;
    const from = empty ? text.search(/[^\s\ufeff]/) : 0;
    if (from < 0) return;
    empty = false;
    // White space before the declaration is a mistake of whoever joined files, and harmless.
    const clean = text.slice(from).replace(FORBIDDEN, '\ufffd');
    try {
      for (let start = 0; start < clean.length && !stopped; start += PIECE) {
        parser.write(clean.slice(start, start + PIECE));
        bound();
      }
    } catch (error) {
      if (error !== STOP) throw error;
      stopped = true;
    }
  }

  return {
    write(chunk) {
      const bytes = toBytes(chunk);
      read += bytes.length;
      if (!binary && bytes.includes(0)) binary = true;
      if (!stopped) feed(decoder.write(bytes));
    },
    end(complain) {
      feed(decoder.end(toBytes(undefined)));
      ending = true;
      complainAtEnd = complain;
      if (!stopped && !empty) parser.close();
    },
    get empty() {
      return read === 0 || empty;
    },
    get binary() {
      return binary;
    },
  };
}
