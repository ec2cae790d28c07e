/**
 * Loaded before each test file on Node: `--test-force-exit` ends a process without waiting for what it has still to write, so that
 * the last results are lost where the runner reads slowly. This waits until the results are written.
 *
 * @module
 */
import process from "node:process";
import { after } from "node:test";

/** Turns of the event loop without anything left to write before that is believed. */
const CALM_TURNS = 5;
/** Longest wait, turns of a millisecond. */
const MOST_TURNS = 5_000;

if (process.env.NODE_TEST_CONTEXT === "child-v8") {
  after(async () => {
    for (let turn = 0, calm = 0; calm < CALM_TURNS && turn < MOST_TURNS; turn++) {
      // fixed wait: between two looks at what is still to be written
      await new Promise((resolve) => setTimeout(resolve, 1));
      calm = process.stdout.writableLength === 0 ? calm + 1 : 0;
    }
  });
}
