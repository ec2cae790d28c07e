/**
 * What the server's order of work can reach at best: one worker that never wastes a moment, given the moments at which frames
 * came and how long each run took. Round robin over sessions, earliest deadline first inside one, frames that may be dropped
 * go when their budget ends, at most so many wait per session.
 *
 * @module
 */

/** A frame as it came. */
export interface Arrival {
  /** Whose it is. */
  readonly session: number;
  /** When it came, ms. */
  readonly atMs: number;
  /** How long its answer may take, ms; Infinity = no limit. */
  readonly budgetMs: number;
  /** Whether it may be dropped once its budget is over, and for a newer one when too many wait. */
  readonly droppable: boolean;
}

/** How a frame ended: answered within its budget, answered later, dropped, or refused since too many waited. */
export type Ending = "inTime" | "late" | "dropped" | "refused";

interface Waiting {
  readonly index: number;
  readonly endsMs: number;
  readonly droppable: boolean;
}

/** The waiting frames of a session. */
interface Line {
  frames: Waiting[];
  inRing: boolean;
}

/**
 * Plays it through.
 *
 * @param arrivals Frames in the order in which they came.
 * @param servicesMs How long the runs took, in the order in which they began; begun anew when they are used up.
 * @param queueBound Frames that may wait per session.
 * @param betweenMs What the worker does between two runs: receiving and sending, ms.
 * @returns How each frame ended.
 */
export function simulate(
  arrivals: readonly Arrival[],
  servicesMs: readonly number[],
  queueBound: number,
  betweenMs = 0,
): Ending[] {
  const endings: Ending[] = new Array(arrivals.length).fill("dropped");
  const lines = new Map<number, Line>();
  const ring: Line[] = [];
  let next = 0; // arrival to come
  let runs = 0;
  let nowMs = 0;

  const arrive = (): void => {
    const { session, atMs, budgetMs, droppable } = arrivals[next];
    let line = lines.get(session);
    if (line === undefined) lines.set(session, line = { frames: [], inRing: false });
    expire(line, atMs);
    if (line.frames.length >= queueBound) {
      const oldest = line.frames.filter((frame) => frame.droppable)
        .reduce<Waiting | null>((a, b) => a === null || b.index < a.index ? b : a, null);
      if (oldest === null) {
        endings[next++] = "refused";
        return;
      }
      line.frames.splice(line.frames.indexOf(oldest), 1);
    }
    const frame = { index: next++, endsMs: atMs + budgetMs, droppable };
    let at = line.frames.length;
    while (at > 0 && line.frames[at - 1].endsMs > frame.endsMs) at--;
    line.frames.splice(at, 0, frame);
    if (!line.inRing) {
      line.inRing = true;
      ring.push(line);
    }
  };

  for (;;) {
    while (next < arrivals.length && arrivals[next].atMs <= nowMs) arrive();
    const line = ring.shift();
    if (line === undefined) {
      if (next === arrivals.length) return endings;
      nowMs = arrivals[next].atMs;
      continue;
    }
    expire(line, nowMs);
    const frame = line.frames.shift();
    line.inRing = line.frames.length > 0;
    if (line.inRing) ring.push(line);
    if (frame === undefined) continue;
    nowMs += servicesMs[runs++ % servicesMs.length];
    endings[frame.index] = nowMs <= frame.endsMs ? "inTime" : "late";
    nowMs += betweenMs;
  }
}

/** What the timer does: frames that may be dropped are gone when their budget ends. */
function expire(line: Line, nowMs: number): void {
  line.frames = line.frames.filter(({ endsMs, droppable }) => !droppable || endsMs > nowMs);
}

/**
 * Jain's index: 1 when all get the same, 1/n when one gets everything.
 *
 * @param shares What each one gets.
 */
export function jainIndex(shares: readonly number[]): number {
  const sum = shares.reduce((a, b) => a + b, 0);
  const squares = shares.reduce((a, b) => a + b * b, 0);
  return squares === 0 ? 1 : sum * sum / (shares.length * squares);
}

/** Of each session's frames, the share that was answered in time; sessions in ascending order. */
export function goodputShares(
  arrivals: readonly Arrival[],
  endings: readonly Ending[],
): Map<number, { offered: number; share: number }> {
  const counts = new Map<number, { offered: number; good: number }>();
  arrivals.forEach(({ session }, i) => {
    let count = counts.get(session);
    if (count === undefined) counts.set(session, count = { offered: 0, good: 0 });
    count.offered++;
    if (endings[i] === "inTime") count.good++;
  });
  return new Map(
    [...counts].sort(([a], [b]) => a - b).map(([session, { offered, good }]) => [
      session,
      { offered, share: good / offered },
    ]),
  );
}
