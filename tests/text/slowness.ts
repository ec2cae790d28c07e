/**
 * Feeds parsers of peers' bytes with what makes bad ones slow. Run with the numbers of the first parser and of the one after the
 * last; prints a line per case before it runs
 * and its verdict after it, so whoever kills it knows where it was.
 *
 * @module
 */
import process from "node:process";
import { ALL_PARSERS } from "./parsers.ts";

/** What is repeated up to the wanted length: blanks, one character, near-matches, nesting. */
const PIECES = [
  ...[" ", "a", "0", "\t", "\r", "\n", "\0", "\xff", "\u202e", ":", ",", "=", "/", "|", "@", "-"],
  ...[
    "[",
    "(",
    "<",
    '[{"a":',
    "a:\r\n",
    ", ",
    "a ",
    "00 ",
    "0x",
    "4e4e5250",
    "00000000: 00  ",
    "*\n",
    "NNRP",
  ],
  ...[
    "alert",
    "SSL routines:",
    "expired not valid ",
    "-----BEGIN CERTIFICATE-----",
    " (expected ",
    "GET / HTTP/1.1 ",
  ],
  ...["HTTP/1.1 101 ", "ws://a@", "?a#", "\x1b[31m", "\x01\x80\x00\x00\x00\x00\x00\x00"],
];
const FEW = [" ", "\r", "\0", "\xff", "a:\r\n", "NNRP"];
const SMALL = 32 * 1024;
const LARGE = 1024 * 1024;
const RUNS = 7;
/** 32 times the length may take so many times as long. */
const MOST = 128;
/** Other programs may have the machine meanwhile; what is not linear fails every time. */
const ATTEMPTS = 3;

for (const parser of ALL_PARSERS.slice(Number(process.argv[2]), Number(process.argv[3]))) {
  for (const piece of parser.few ? FEW : PIECES) {
    const name = `${parser.name} with ${JSON.stringify(piece)}`;
    process.stdout.write(`${JSON.stringify({ begins: name })}\n`);
    attempt(parser.prepare(filling(piece, parser.bound)));
    const small = parser.prepare(filling(piece, SMALL));
    const large = parser.prepare(filling(piece, LARGE));
    let smallMs = 0;
    let largeMs = 0;
    let ok = false;
    for (let i = 0; i < ATTEMPTS && !ok; i++) {
      smallMs = best(() => batch(small), 0);
      largeMs = best(() => measure(large), smallMs * MOST); // more runs could not change the verdict
      ok = largeMs < smallMs * MOST;
    }
    process.stdout.write(`${JSON.stringify({ ended: name, ok, smallMs, largeMs })}\n`);
  }
}

function filling(piece: string, length: number): string {
  return piece.repeat(Math.ceil(length / piece.length)).slice(0, length);
}

/** The shortest of several measurements; stops early at one below `enough`. */
function best(run: () => number, enough: number): number {
  let shortest = Infinity;
  for (let i = 0; i < RUNS && shortest >= enough; i++) shortest = Math.min(shortest, run());
  return shortest;
}

function measure(run: () => unknown): number {
  const start = performance.now();
  attempt(run);
  return performance.now() - start;
}

/** One run of many: clocks are too coarse for some. */
function batch(run: () => unknown): number {
  const start = performance.now();
  let runs = 0;
  let took = 0;
  do {
    attempt(run);
    runs++;
    took = performance.now() - start;
  } while (took < 0.2);
  return took / runs;
}

function attempt(run: () => unknown): void {
  try {
    run();
  } catch {
    // A refusal: that is what a parser is for.
  }
}
