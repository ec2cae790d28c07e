/**
 * Our client against the reference server, the reference client against our server, and ours with each other: live, over
 * TCP and QUIC. Deno only.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { test } from "node:test";
import { SCENARIOS } from "../../packages/tools/src/peer/scenarios.ts";
import { listScenarios, nnrpCommand, runMatrix, type Verdict } from "./matrix.ts";
import { ensurePeerPython } from "./venv.ts";
import { skipBecause } from "../support/skip.ts";

/** Scenarios of the reference peer on both of its carriers. */
const VERDICTS = 90;

const CLIENT = ["--client-cmd", nnrpCommand("peer drive")];
const SERVER = ["--server-cmd", nnrpCommand("peer serve")];
/** `witnessed`: scenarios in which the counters of the reference server must fit as well. */
const DIRECTIONS = [
  { title: "our client plays every scenario with the reference server", sides: CLIENT, witnessed: 88 },
  { title: "our server satisfies every scenario of the reference client", sides: SERVER, witnessed: 0 },
  { title: "our client and our server agree in every scenario", sides: [...SERVER, ...CLIENT], witnessed: 0 },
];

const python = await ensurePeerPython();
const missing = typeof python === "string" ? undefined : python.skipped;
// A machine that is meant to test everything must not skip in silence.
const skip = process.env["CI"] !== "true" && skipBecause(missing);

for (const { title, sides, witnessed } of DIRECTIONS) {
  test(title, { skip }, async (t) => {
    assert(typeof python === "string", missing);
    const outcome = await runMatrix(python, ["--transport", "both", ...sides]);
    for (const verdict of outcome.verdicts) {
      await t.test(`${verdict.transport}: ${verdict.scenario}`, () => assertPassed(verdict, outcome.stderr));
    }
    await t.test("every scenario has a verdict on both carriers, and none was skipped", () => {
      assertEquals(outcome.verdicts.filter((verdict) => verdict.skipped !== undefined), [], outcome.stderr);
      assertEquals(outcome.summary?.verdicts, VERDICTS, outcome.stderr);
      assertEquals(outcome.summary?.witnessed, witnessed, outcome.stderr);
    });
  });
}

test("the table of scenarios says what the reference peer says", { skip }, async () => {
  assert(typeof python === "string", missing);
  const ours = Object.entries(SCENARIOS).map(([name, { flags = "", only = "tcp,quic", both = false }]) => {
    return { name, flags, only, both };
  });
  const theirs = (await listScenarios(python)).map((listed) => {
    const { scenario, server_flags, transports, needs_both_ports } = listed;
    return { name: scenario, flags: server_flags, only: transports, both: needs_both_ports };
  });
  assertEquals<unknown>(ours, theirs);
});

function assertPassed(verdict: Verdict, stderr: string): void {
  const why = verdict.error ?? `counters of the reference server: ${JSON.stringify(verdict.counters)}`;
  assert(verdict.ok, `${why}\n${stderr}`);
}
