/**
 * Lines of TAP to cases. Subtests are told by their indentation: a line of TAP that stands deeper opens a level, the
 * next test point above it closes the level and is the result of the subtest. A case is a test point without a
 * subtest. A subtest becomes a case when it failed and none of its cases did: else it would be told twice.
 *
 *     KTAP version 1                     level 0
 *     1..1
 *       KTAP version 1                   level 1, opened by standing deeper
 *       # Subtest: suite                 its name
 *       1..2
 *       ok 1 first                       case suite / first
 *       not ok 2 second                  case suite / second
 *     not ok 1 suite                     closes level 1; not a case: suite / second said it
 *
 * In memory: the open levels, the last test point with the text that belongs to it, and the cases of subtests whose
 * name comes last, a limited number of them.
 */
import { createBoundedText } from '../bounded-text.js';
import type { Collector, FoundCase } from '../collector.js';
import { MAX_DEPTH } from '../limits.js';
import type { RunEnd } from '../suite-result.js';
import { kernelFacts } from './kernel-facts.js';
import {
  addCase,
  addNotRun,
  createLevel,
  hasContent,
  type Level,
  numbered,
  pathOf,
  restart,
  setNames,
} from './level.js';
import { parseTapLine, type TapLine, type TestPoint } from './line.js';
import type { TapRules } from './rules.js';
import { verdictOf } from './verdict-of.js';
import { createYamlReader, locationOf, type YamlReader } from './yaml-facts.js';

export interface TapDocument {
  /** `number`: of the line, from 1. */
  line(text: string, number: number): void;
  running(): string[] | undefined;
  end(how: RunEnd): void;
}

/** A test point that may still get diagnostics. */
interface Pending {
  level: Level;
  found: FoundCase;
}

export function createTapDocument(rules: TapRules, collector: Collector): TapDocument {
  let root = createLevel(0);
  /** The deepest level that is open. */
  let open = root;
  let pending: Pending | undefined;
  let yaml: { indent: number; closed: boolean; reader: YamlReader } | undefined;
  let bailed = false;
  let at = 0;
  /** What was written since the last test point, and does not belong to it. */
  const before = createBoundedText();
  /** What belongs to the last test point. */
  const after = createBoundedText();

  function flush(): void {
    if (pending === undefined) return;
    const { level, found } = pending;
    pending = undefined;
    const facts = yaml?.reader.facts() ?? {};
    yaml = undefined;
    if (found.verdict === 'passed') {
      addCase(
        level,
        { ...found, durationMs: found.durationMs ?? facts.durationMs, location: locationOf(facts) },
        collector,
      );
      after.clear();
      return;
    }
    const said = [found.diagnostics ?? '', after.text()].filter((text) => text !== '').join('\n');
    const { message, location } = rules.commentsBefore
      ? kernelFacts(said)
      : { message: facts.message, location: locationOf(facts) };
    addCase(
      level,
      {
        ...found,
        message: found.message || (found.verdict === 'failed' ? message : ''),
        diagnostics: said,
        durationMs: found.durationMs ?? facts.durationMs,
        location,
      },
      collector,
    );
    after.clear();
  }

  function take(line: TapLine, indent: number, text: string): void {
    switch (line.kind) {
      case 'version':
        levelFor(indent);
        // Two programs, one after the other.
        if (hasContent(open)) {
          finishPlan(open);
          restart(open);
        }
        return;
      case 'plan':
        levelFor(indent);
        takePlan(open, line.count, line.skipReason);
        return;
      case 'subtest':
        takeSubtest(rules.names(line.name), indent);
        return;
      case 'point':
        takePoint(line, indent);
        return;
      case 'bail':
        takeBail(line.reason, indent);
        return;
      case 'pragma':
        return;
      case 'comment':
        if (pending === undefined || rules.commentsBefore) before.addLine(line.text);
        else after.addLine(line.text);
        return;
      case 'other':
        before.addLine(text.slice(Math.min(widthOf(text), rules.outputIndent)));
    }
  }

  /** Makes `open` the level of a line with this indentation: leaves deeper ones, opens one when none fits. */
  function levelFor(indent: number): void {
    flush();
    while (open.parent !== undefined && open.indent > indent) leave();
    if (indent > open.indent) {
      open = createLevel(indent, open, open.announced);
      if (open.parent !== undefined) open.parent.announced = undefined;
    }
  }

  /** Leaves the deepest level, of which the result never came. */
  function leave(): void {
    const { parent } = open;
    if (parent === undefined) return;
    finishPlan(open);
    if (open.names === undefined) setNames(open, [numbered(parent.next)], collector);
    collector.problem(`subtest ${pathOf(open).join(' / ')} has no result`, at);
    open = parent;
  }

  function takePlan(level: Level, count: number, skipReason = ''): void {
    if (level.plan !== undefined) {
      collector.problem(`a second plan, 1..${count}, after 1..${level.plan.count}`, at);
      return;
    }
    level.plan = { count, afterPoints: level.points, skipReason };
    if (count === 0 && level.parent === undefined) collector.skipAll(skipReason);
  }

  function takeSubtest(names: string[], indent: number): void {
    flush();
    // A level that has just begun takes the name that its parent's line announced; the line itself is then of a
    // subtest of its own.
    const deeper = indent > open.indent;
    const unannounced = deeper && open.announced === undefined;
    levelFor(indent);
    const { parent } = open;
    if (parent !== undefined && open.names === undefined && open.points === 0 && (unannounced || !deeper)) {
      setNames(open, names, collector);
    } else if (rules.siblingSubtests && !deeper && parent !== undefined && open.names !== undefined) {
      leave();
      open = createLevel(indent, open, names);
    } else {
      if (open.announced !== undefined) {
        collector.problem(`subtest ${[...pathOf(open), ...open.announced].join(' / ')} has no result`, at);
      }
      open.announced = names;
    }
  }

  function takePoint(point: TestPoint, indent: number): void {
    flush();
    // The levels below that of this point end here; the topmost of them is the subtest that it closes.
    let child: Level | undefined;
    while (open.parent !== undefined && open.indent > indent) {
      if (open.parent.indent === indent) {
        child = open;
        open = open.parent;
      } else leave();
    }
    levelFor(indent);
    const level = open;
    checkNumber(level, point);
    const announced = level.announced ?? (child?.madeUp === true ? undefined : child?.names);
    level.announced = undefined;
    const names = rules.names(point.name === '' ? numbered(point.number ?? level.next) : point.name);
    if (announced !== undefined && point.name !== '' && !sameNames(announced, names)) {
      collector.problem(`the result of subtest ${announced.join(' / ')} is called ${names.join(' / ')}`, at);
    }
    let { verdict, message } = verdictOf(point);
    if (child !== undefined) {
      close(child, announced ?? names, verdict === 'skipped');
      if (child.plan?.count === 0) {
        if (verdict === 'passed') verdict = 'skipped';
        message ||= child.plan.skipReason;
      }
    }
    if (level.plan !== undefined && level.plan.afterPoints === level.points && level.points > 0) {
      collector.problem(`test ${level.next} comes after the plan, which stood neither first nor last`, at);
    }
    level.points += 1;
    level.next = (point.number ?? level.next) + 1;
    // Otherwise its cases have told it all.
    if (child === undefined || child.cases === 0 || (verdict === 'failed' && !child.failed)) {
      const { durationMs } = point;
      pending = {
        level,
        found: {
          path: announced ?? names,
          verdict,
          message,
          durationMs,
          diagnostics: verdict === 'passed' ? '' : before.text(),
        },
      };
    }
    before.clear();
    after.clear();
    if (rules.commentsBefore) flush();
  }

  function checkNumber(level: Level, { number }: TestPoint): void {
    if (number === undefined || number === level.next) return;
    collector.problem(`test number ${number} where ${level.next} was expected`, at);
  }

  function close(child: Level, names: readonly string[], skipped: boolean): void {
    if (child.names === undefined) setNames(child, names, collector);
    // A test that skips itself half-way says so instead of the rest of its plan.
    if (!skipped) finishPlan(child);
  }

  /** What is to be said of the plan when the document ended by itself. */
  function finishPlan(level: Level): void {
    if (level.announced !== undefined) {
      collector.problem(`subtest ${[...pathOf(level), ...level.announced].join(' / ')} has no result`, at);
      level.announced = undefined;
    }
    if (level.bailed) return;
    const path = pathOf(level).join(' / ');
    const where = path === '' ? '' : `${path}: `;
    if (level.plan === undefined) {
      if (rules.planRequired && level.points > 0)
        collector.problem(`${where}there is no plan; the output may be cut off`, at);
      return;
    }
    const { count } = level.plan;
    if (count === level.points) return;
    collector.problem(`${where}the plan says ${count}, and ${level.points} came`, at);
    addNotRun(level, level.points + 1, collector);
  }

  function takeBail(reason: string, indent: number): void {
    const text = reason === '' ? 'Bail out!' : `Bail out! ${reason}`;
    flush();
    if (!rules.bailEndsAll && indent > 0) {
      levelFor(indent);
      collector.problem(`${pathOf(open).join(' / ')}: ${text}`, at);
      addNotRun(open, open.points + 1, collector);
      open.bailed = true;
      return;
    }
    collector.problem(text, at);
    abandon('here');
    bailed = true;
  }

  /** Tells the rest of every open plan as not run; `deepest`: where the rest of the deepest level begins. */
  function abandon(deepest: 'here' | 'after-next'): void {
    for (let level: Level | undefined = open; level !== undefined; level = level.parent) {
      const skip = level !== open || deepest === 'after-next' ? 1 : 0;
      if (level.names === undefined && level.parent !== undefined) {
        setNames(level, [numbered(level.parent.next)], collector);
      }
      if (!level.bailed) addNotRun(level, level.points + 1 + skip, collector);
    }
  }

  /** The path below `open` of the test that runs: [] is the subtest itself, `undefined` none. */
  function runningBelow(): readonly string[] | undefined {
    if (bailed) return undefined;
    if (open.announced !== undefined) return open.announced;
    const known = open.plan;
    const unfinished = known === undefined ? rules.planRequired && open.points > 0 : open.points < known.count;
    if (unfinished && !open.bailed) return [numbered(open.next)];
    return open.parent === undefined ? undefined : [];
  }

  function running(): string[] | undefined {
    const below = runningBelow();
    return below === undefined ? undefined : [...pathOf(open), ...below];
  }

  /** Whether the line belongs to the YAML block of the last test point. */
  function takeYaml(text: string, content: string, indent: number): boolean {
    if (pending === undefined || rules.commentsBefore) return false;
    if (yaml === undefined) {
      if (content !== '---' || indent <= pending.level.indent) return false;
      yaml = { indent, closed: false, reader: createYamlReader() };
      return true;
    }
    if (yaml.closed) return false;
    // A block that is not ended by itself ends where the text moves out of it.
    yaml.closed = content === '...' || (content !== '' && indent < yaml.indent);
    if (yaml.closed) return content === '...';
    const inner = text.slice(yaml.indent);
    yaml.reader.line(inner);
    after.addLine(inner);
    return true;
  }

  function line(text: string, number: number): void {
    at = number;
    const indent = indentOf(text);
    const content = indent === 0 ? text : text.slice(widthOf(text));
    if (takeYaml(text, content, indent)) return;
    const parsed = parseTapLine(content);
    const isTap = parsed.kind !== 'other' && parsed.kind !== 'comment';
    if (bailed) {
      // Only a program that comes after the one that gave up is heard.
      if (parsed.kind !== 'version' || indent > 0) return;
      bailed = false;
      root = createLevel(0);
      open = root;
    }
    const stray = parsed.kind === 'point' && rules.numberRequired && parsed.number === undefined;
    if (stray || (isTap && indent > open.indent && !opens(parsed))) take({ kind: 'other' }, indent, text);
    else take(parsed, indent, text);
  }

  /** Whether a line may open a level: output that is indented should not. */
  function opens(parsed: TapLine): boolean {
    if (depthOf(open) >= MAX_DEPTH) return false;
    return parsed.kind !== 'pragma' && (parsed.kind !== 'point' || parsed.number !== undefined);
  }

  return {
    line,
    running,
    end(how) {
      flush();
      if (bailed) return;
      if (!('verdict' in how)) {
        while (open.parent !== undefined) leave();
        finishPlan(root);
        return;
      }
      const below = runningBelow();
      if (below === undefined) {
        abandon('here');
        return;
      }
      const diagnostics = before.text();
      if (below.length > 0) {
        addCase(open, { path: below, verdict: how.verdict, message: how.message, diagnostics }, collector);
        abandon('after-next');
      } else if (open.parent !== undefined) {
        const names = open.names ?? [numbered(open.parent.next)];
        setNames(open, names, collector);
        open = open.parent;
        addCase(open, { path: names, verdict: how.verdict, message: how.message, diagnostics }, collector);
        abandon('after-next');
      }
    },
  };
}

const TAB = 4;

/** Columns; a tab is as wide as a level. */
function indentOf(text: string): number {
  let columns = 0;
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === ' ') columns += 1;
    else if (text[i] === '\t') columns += TAB;
    else break;
  }
  return columns;
}

/** Characters of the indentation. */
function widthOf(text: string): number {
  let width = 0;
  while (text[width] === ' ' || text[width] === '\t') width += 1;
  return width;
}

function depthOf(level: Level): number {
  let depth = 0;
  for (let at = level.parent; at !== undefined; at = at.parent) depth += 1;
  return depth;
}

const words = (names: readonly string[]): string => names.join('\0').replace(/\s+/g, ' ').trim();
const sameNames = (a: readonly string[], b: readonly string[]): boolean => words(a) === words(b);
