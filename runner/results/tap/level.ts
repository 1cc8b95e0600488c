/** One document of test points: the outermost, or that of a subtest. */
import type { Collector, FoundCase } from '../collector.js';
import { MAX_HELD, MAX_HELD_TEXT, MAX_LISTED } from '../limits.js';
import { isFailure } from '../verdict.js';

export interface Level {
  readonly indent: number;
  readonly parent: Level | undefined;
  /** Of the subtest; a bare subtest of TAP 14 gets them from the test point that closes it. */
  names: readonly string[] | undefined;
  /** Whether its name is only its number, because too many cases waited for the real one. */
  madeUp: boolean;
  /** Names of a subtest that was announced and has not begun. */
  announced: readonly string[] | undefined;
  plan: { count: number; afterPoints: number; skipReason: string } | undefined;
  /** Test points so far. */
  points: number;
  /** The number that the next test point should have. */
  next: number;
  /** Cases of this level and of those below. */
  cases: number;
  /** Whether one of them is no success. */
  failed: boolean;
  /** After `Bail out!` nobody waits for the rest. */
  bailed: boolean;
  /** Cases that wait for the name of this level; their paths begin below it. */
  held: FoundCase[];
  /** UTF-16 units of their diagnostics. */
  heldText: number;
}

export function createLevel(indent: number, parent?: Level, names?: readonly string[]): Level {
  return {
    indent,
    parent,
    names: parent === undefined ? [] : names,
    madeUp: false,
    announced: undefined,
    plan: undefined,
    points: 0,
    next: 1,
    cases: 0,
    failed: false,
    bailed: false,
    held: [],
    heldText: 0,
  };
}

/** Whether anything of a document was seen. */
export const hasContent = (level: Level): boolean => level.points > 0 || level.plan !== undefined;

/** A new document at the same place, as when two programs run one after the other. */
export function restart(level: Level): void {
  Object.assign(level, { announced: undefined, plan: undefined, points: 0, next: 1, bailed: false });
}

/** How a test is called that has no name. */
export const numbered = (number: number): string => `test ${number}`;

/** The names from the outermost level down to this one. */
export function pathOf(level: Level): string[] {
  if (level.parent === undefined) return [];
  return [...pathOf(level.parent), ...(level.names ?? [numbered(level.parent.next)])];
}

/** A case of this level; its path begins below the level. */
export function addCase(level: Level, found: FoundCase, collector: Collector): void {
  for (let at: Level | undefined = level; at !== undefined; at = at.parent) {
    at.cases += 1;
    if (isFailure(found.verdict)) at.failed = true;
  }
  pass(level, found, collector);
}

function pass(level: Level, found: FoundCase, collector: Collector): void {
  if (level.parent === undefined) {
    collector.add(found);
  } else if (level.names === undefined) {
    level.held.push(found);
    level.heldText += found.diagnostics?.length ?? 0;
    // Memory comes first: such a subtest goes by its number.
    if (level.held.length > MAX_HELD || level.heldText > MAX_HELD_TEXT) {
      level.madeUp = true;
      setNames(level, [numbered(level.parent.next)], collector);
    }
  } else {
    pass(level.parent, { ...found, path: [...level.names, ...found.path] }, collector);
  }
}

/** Names a level, and lets go what waited for it. */
export function setNames(level: Level, names: readonly string[], collector: Collector): void {
  level.names = names;
  const { held } = level;
  level.held = [];
  level.heldText = 0;
  for (const found of held) pass(level, found, collector);
}

/** Tells the tests `from` to the end of the plan as not run. */
export function addNotRun(level: Level, from: number, collector: Collector): void {
  const last = level.plan?.count ?? 0;
  if (last - from + 1 > MAX_LISTED) {
    addCase(level, { path: [`tests ${from} to ${last}`], verdict: 'not-run' }, collector);
    return;
  }
  for (let number = from; number <= last; number += 1) {
    addCase(level, { path: [numbered(number)], verdict: 'not-run' }, collector);
  }
}
