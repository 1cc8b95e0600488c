/** Counts how often a path came, in a few bytes for each: a stream may have a million of them. */

export interface PathCounter {
  /** How often the path came before; it is counted by this call. */
  add(path: readonly string[]): number;
  has(path: readonly string[]): boolean;
}

/**
 * Paths are told apart by 52 bits of a hash. Two that share them get a number that one of them does not need, about
 * once in ten thousand streams of a million cases; nothing is lost by it.
 */
export function createPathCounter(): PathCounter {
  // Open addressing; 0 is an empty place.
  let keys = new Float64Array(1024);
  let counts = new Uint32Array(1024);
  let used = 0;

  /** The place of the key, or the empty one where it belongs. */
  function placeOf(key: number, table: Float64Array): number {
    const mask = table.length - 1;
    let place = key & mask;
    while (table[place] !== 0 && table[place] !== key) place = (place + 1) & mask;
    return place;
  }

  function grow(): void {
    const moreKeys = new Float64Array(keys.length * 2);
    const moreCounts = new Uint32Array(keys.length * 2);
    for (let i = 0; i < keys.length; i += 1) {
      const key = keys[i] ?? 0;
      if (key === 0) continue;
      const place = placeOf(key, moreKeys);
      moreKeys[place] = key;
      moreCounts[place] = counts[i] ?? 0;
    }
    keys = moreKeys;
    counts = moreCounts;
  }

  return {
    add(path) {
      const key = hashOf(path);
      if (2 * (used + 1) > keys.length) grow();
      const place = placeOf(key, keys);
      const before = counts[place] ?? 0;
      if (keys[place] === 0) used += 1;
      keys[place] = key;
      counts[place] = before + 1;
      return before;
    },
    has: (path) => keys[placeOf(hashOf(path), keys)] !== 0,
  };
}

/** Two multiplicative hashes of 32 bits over the UTF-16 units, joined to one number that is exact and never 0. */
function hashOf(path: readonly string[]): number {
  let a = 0x811c9dc5;
  let b = 0x2c1b3c6d;
  for (const name of path) {
    for (let i = 0; i < name.length; i += 1) {
      const unit = name.charCodeAt(i);
      a = Math.imul(a ^ unit, 0x01000193);
      b = Math.imul(b ^ unit, 0x85ebca6b);
      b ^= b >>> 15;
    }
    // No name has it, so that ['ab', 'c'] is not ['a', 'bc'].
    a = Math.imul(a ^ 0x10000, 0x01000193);
    b = Math.imul(b ^ 0x10000, 0x85ebca6b);
  }
  a ^= a >>> 16;
  b ^= b >>> 13;
  return (b & 0xfffff) * 2 ** 32 + (a >>> 0) || 1;
}
