/**
 * What the test of linear time knows of a parser.
 *
 * @module
 */

/** Takes one filling; what it throws is its verdict on it, and no fault. */
export interface Parser {
  /** Its name. */
  readonly name: string;
  /** Longest input that it gets from a peer, characters. */
  readonly bound: number;
  /** Whether a few fillings must do, since every run takes long. */
  readonly few?: boolean;
  /** Makes a run on a filling, so that preparing it is not measured. */
  prepare(filling: string): () => unknown;
}
