/**
 * What is worth knowing of the YAML block of a test point, without a YAML parser: the block is a guest's, its keys are
 * only a habit, and it is kept as text in any case.
 */
import type { CaseLocation } from '../case-result.js';

export interface YamlFacts {
  message?: string;
  durationMs?: number;
  file?: string;
  line?: number;
}

export interface YamlReader {
  /** A line of the block without the block's indentation. */
  line(text: string): void;
  facts(): YamlFacts;
}

export function createYamlReader(): YamlReader {
  const facts: YamlFacts = {};
  /** A block scalar (`message: |-`) of which the first line is wanted. */
  let scalar = false;
  /** Inside `at:`, whose keys are the location. */
  let inAt = false;

  function setNumber(key: 'durationMs' | 'line', text: string): void {
    if (/^\d+(\.\d+)?$/.test(text)) facts[key] ??= Number(text);
  }

  function setKey(key: string, value: string): void {
    const text = unquoted(value);
    if (key === 'duration_ms') setNumber('durationMs', text);
    else if (key === 'message' || key === 'error') {
      if (/^[|>][+-]?\d?$/.test(value)) scalar = facts.message === undefined;
      else if (text !== '') facts.message ??= text;
    } else if (key === 'location') {
      // node:test writes 'file:line:column'.
      const place = /^(.*?):(\d+)(?::\d+)?$/s.exec(text);
      if (place !== null) Object.assign(facts, { file: place[1], line: Number(place[2]) });
    } else if (key === 'file') facts.file ??= text;
    else if (key === 'line') setNumber('line', text);
  }

  return {
    line(text) {
      const match = /^(\s*)([\w-]+):(?:\s+(.*))?$/.exec(text);
      if (scalar && /^\s/.test(text)) {
        if (text.trim() === '') return;
        facts.message ??= text.trim();
        scalar = false;
        return;
      }
      scalar = false;
      if (match === null) return;
      const [, indent = '', key = '', value = ''] = match;
      if (indent === '') {
        inAt = key === 'at';
        setKey(key, value.trim());
      } else if (inAt && (key === 'file' || key === 'line')) setKey(key, value.trim());
    },
    facts: () => facts,
  };
}

export function locationOf({ file, line }: YamlFacts): CaseLocation | undefined {
  if (file === undefined) return undefined;
  return line === undefined ? { file } : { file, line };
}

const unquoted = (text: string): string => /^(['"])(.*)\1$/s.exec(text)?.[2] ?? text;
