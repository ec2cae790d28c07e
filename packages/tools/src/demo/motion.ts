/**
 * How the view of the demo moves: it pans over the photograph, rests, and then a small window slides over the resting view.
 * A pan changes every tile, a rest none, the window a few: what "changed tiles" saves is different every second. All
 * positions are whole pixels, so that the original is the photograph itself and nothing is resampled.
 *
 * @module
 */

/** A corner, pixels of the photograph or of the view. */
export interface Corner {
  /** From the left. */
  readonly x: number;
  /** From the top. */
  readonly y: number;
}

/** What the view shows at one moment. */
export interface ViewState {
  /** What moves. */
  readonly kind: "pan" | "rest" | "window";
  /** Upper left corner of the view in the photograph. */
  readonly view: Corner;
  /** Upper left corner of the sliding window in the view; null = there is none. */
  readonly window: Corner | null;
}

/** Sizes of photograph, view and window, pixels, and how long one round takes. */
export interface MotionOptions {
  /** Width of the photograph. */
  readonly photoWidth: number;
  /** Height of the photograph. */
  readonly photoHeight: number;
  /** Width of the view, at most that of the photograph. */
  readonly viewWidth: number;
  /** Height of the view, at most that of the photograph. */
  readonly viewHeight: number;
  /** Width of the sliding window, less than that of the view. */
  readonly windowWidth: number;
  /** Height of the sliding window, less than that of the view. */
  readonly windowHeight: number;
  /** Time of one round: pan, rest, window, ms. */
  readonly roundMs: number;
}

/** Where pans begin and end, as parts of the way the view can go. */
const STOPS: readonly (readonly [x: number, y: number])[] = [[0.05, 0.9], [0.95, 0.1], [0.3, 0], [0.6, 1]];
/** Part of a round that is panned. */
const PAN = 0.45;
/** Part of a round after which the rest ends and the window comes. */
const REST = 0.62;

/**
 * The state at a time.
 *
 * @param options Sizes and speed.
 * @param ms Time since the beginning, ms.
 */
export function viewAt(options: MotionOptions, ms: number): ViewState {
  const round = Math.floor(ms / options.roundMs);
  const part = ms / options.roundMs - round;
  const from = stop(options, round);
  const to = stop(options, round + 1);
  if (part < PAN) {
    const done = ease(part / PAN);
    return {
      kind: "pan",
      view: { x: between(from.x, to.x, done), y: between(from.y, to.y, done) },
      window: null,
    };
  }
  if (part < REST) return { kind: "rest", view: to, window: null };
  return { kind: "window", view: to, window: windowAt(options, (part - REST) / (1 - REST)) };
}

/** From left to right, in one slow wave. */
function windowAt(options: MotionOptions, part: number): Corner {
  const roomX = options.viewWidth - options.windowWidth;
  const roomY = options.viewHeight - options.windowHeight;
  return {
    x: between(0, roomX, part),
    y: between(0, roomY, 0.5 - 0.35 * Math.sin(2 * Math.PI * part)),
  };
}

function stop(options: MotionOptions, index: number): Corner {
  const [x, y] = STOPS[index % STOPS.length];
  return {
    x: between(0, options.photoWidth - options.viewWidth, x),
    y: between(0, options.photoHeight - options.viewHeight, y),
  };
}

/** Starts and ends gently. */
function ease(part: number): number {
  return part * part * (3 - 2 * part);
}

function between(from: number, to: number, part: number): number {
  return Math.round(from + (to - from) * part);
}
