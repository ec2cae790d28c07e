/**
 * A running estimate of what an inference costs, from the ones measured before.
 *
 * @module
 */

/** How much of a new measurement goes into the estimate: a single slow run moves it, but does not decide alone. */
const WEIGHT = 0.25;

/** What a refusal leaves of the estimate: without it one slow run could refuse all work, and with it every measurement. */
const DECAY = 0.9;

/** Cost per unit of work (here: input pixels), measured as it goes. */
export class CostEstimate {
  #msPerUnit = 0;

  /** Time for one unit, ms; 0 before the first measurement. */
  get msPerUnit(): number {
    return this.#msPerUnit;
  }

  /**
   * Takes in a measurement.
   *
   * @param units Work done, more than 0.
   * @param ms Time it took.
   */
  measured(units: number, ms: number): void {
    const cost = ms / units;
    this.#msPerUnit = this.#msPerUnit === 0 ? cost : this.#msPerUnit + WEIGHT * (cost - this.#msPerUnit);
  }

  /** Work was refused for its expected cost: believes a little less in it, so that work is tried again some day. */
  refused(): void {
    this.#msPerUnit *= DECAY;
  }

  /** Expected time for so many units, ms. */
  msFor(units: number): number {
    return units * this.#msPerUnit;
  }

  /** How many units fit into a time; all of them as long as nothing was measured. */
  unitsWithin(ms: number): number {
    if (ms <= 0) return 0;
    return this.#msPerUnit === 0 ? Infinity : ms / this.#msPerUnit;
  }
}
