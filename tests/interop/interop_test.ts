/**
 * Our client against the reference server and the reference client against our server, live, over TCP. Deno only.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { test } from "node:test";
import { nnrpCommand, runMatrix, type Verdict } from "./matrix.ts";
import { ensurePeerPython } from "./venv.ts";

/** Scenarios of the reference peer that TCP alone can play, and those that need QUIC beside it. */
const TCP_VERDICTS = 45;
const NEED_BOTH_CARRIERS = ["migrate", "migrate-reject", "probe", "probe-fallback"];

const DIRECTIONS = [
  {
    title: "our client plays every scenario with the reference server",
    side: "--client-cmd",
    words: "peer drive",
  },
  {
    title: "our server satisfies every scenario of the reference client",
    side: "--server-cmd",
    words: "peer serve",
  },
];

const python = await ensurePeerPython();
const missing = typeof python === "string" ? undefined : python.skipped;
if (missing !== undefined) console.warn(`interop tests cannot run: ${missing}`);
// A machine that is meant to test everything must not skip in silence.
const skip = missing !== undefined && process.env["CI"] !== "true" ? missing : false;

for (const { title, side, words } of DIRECTIONS) {
  test(title, { skip }, async (t) => {
    assert(typeof python === "string", missing);
    const outcome = await runMatrix(python, ["--transport", "tcp", side, nnrpCommand(words)]);
    for (const verdict of outcome.verdicts) {
      if (verdict.skipped === undefined) await t.test(verdict.scenario, () => assertPassed(verdict));
    }
    await t.test("every scenario has a verdict, and only those that need QUIC too were not played", () => {
      const skipped = outcome.verdicts.filter((verdict) => verdict.skipped !== undefined);
      assertEquals(skipped.map((verdict) => verdict.scenario).sort(), NEED_BOTH_CARRIERS, outcome.stderr);
      assertEquals(outcome.summary?.verdicts, TCP_VERDICTS, outcome.stderr);
    });
  });
}

function assertPassed(verdict: Verdict): void {
  assert(
    verdict.ok,
    verdict.error ?? `counters of the reference server: ${JSON.stringify(verdict.counters)}`,
  );
}
