/**
 * The adapter as the suite runs it: a process that finds its tasks in the environment. Deno only.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { quic } from "@nnrp/quic";
import { serve } from "@nnrp/server";
import { tcp } from "@nnrp/tcp";
import { makeDevCertificates } from "@nnrp/tools/cert";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { GOLDEN_NAMES, goldenBytes, goldenRecipe } from "./src/golden.ts";
import { hexOf } from "./src/hex.ts";
import type { Report, ReportRow } from "./src/plan.ts";
import type { RecodeRequest, RecodeResponse } from "./src/recode.ts";

const ADAPTER = fileURLToPath(new URL("./adapter.ts", import.meta.url));
const DATA = fileURLToPath(new URL("./data/nnrp-1-preview2/", import.meta.url));

/** Longest time the suite gives a start, ms. */
const LIMIT_MS = 120_000;

interface Run {
  readonly code: number;
  readonly stderr: string;
}

/** Runs the adapter with these variables, their common prefix left out. */
function runAdapter(variables: Readonly<Record<string, string>>): Promise<Run> {
  const env = { ...process.env };
  for (const name of Object.keys(env)) if (name.startsWith("NNRP_CONFORMANCE_")) delete env[name];
  for (const [name, value] of Object.entries(variables)) env[`NNRP_CONFORMANCE_${name}`] = value;
  return new Promise((resolve) => {
    const args = ["run", "--quiet", "-A", ADAPTER];
    execFile(process.execPath, args, { env, timeout: LIMIT_MS, encoding: "utf8" }, (error, _, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stderr });
    });
  });
}

/** A folder for one test's files. */
async function inFolder(run: (path: (name: string) => string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "nnrp-conformance-"));
  try {
    await run((name) => join(folder, name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function json<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}

function byName<T extends { readonly name: string }>(list: readonly T[]): T[] {
  return [...list].sort((a, b) => a.name < b.name ? -1 : 1);
}

test("one start does every task of the shared data, the transport cases with the peer that is named", async () => {
  let submits = 0;
  const { ca, cert, key } = await makeDevCertificates();
  await using server = await serve({
    listen: [tcp({ port: 0 }), quic({ port: 0, cert, key })],
  }, ({ tileIds, sections }) => {
    submits++;
    return { tileIds, sections };
  });
  const [stream, udp] = server.addresses;
  await inFolder(async (path) => {
    writeFileSync(path("ca.pem"), ca);
    const run = await runAdapter({
      ADAPTER_PLAN: `${DATA}plan.json`,
      ADAPTER_RESULTS: path("artifacts/results.json"),
      PEER: JSON.stringify({
        host: "127.0.0.1",
        tcp_port: stream.port,
        quic_port: udp.port,
        cafile: path("ca.pem"),
      }),
      VECTOR_RECIPES: `${DATA}vectors/semantic-vectors.json`,
      SDK_VECTOR_OUTPUT: path("vectors.json"),
      RECODE_REQUESTS: `${DATA}recode-requests.json`,
      RECODE_RESPONSES: path("responses.json"),
    });
    assertEquals(run, { code: 0, stderr: "" });
    assertReport(json(path("artifacts/results.json")), json(`${DATA}plan.json`));

    const { protocol_version, vectors } = json<{ protocol_version: string; vectors: unknown }>(
      `${DATA}vectors/expected.json`,
    );
    assertEquals(json<unknown>(path("vectors.json")), { protocol_version, vectors });

    const expected = json<{ responses: RecodeResponse[] }>(`${DATA}recode-expected.json`).responses;
    const actual = json<{ responses: RecodeResponse[] }>(path("responses.json")).responses;
    assertEquals(byName(actual), byName(expected));
  });
  assertEquals(submits, 2);
});

/** Every case passes; one row a case; no fields but those of the contract. */
function assertReport(
  report: Report,
  plan: { protocol_version: string; implementation_name: string; cases: { id: string; feature: string }[] },
): void {
  const { protocol_version, implementation_name, cases } = plan;
  assertEquals(Object.keys(report), ["protocol_version", "implementation_name", "results"]);
  assertEquals([report.protocol_version, report.implementation_name], [
    protocol_version,
    implementation_name,
  ]);
  assertEquals(
    report.results.map(({ id, outcome, failure_kind }) => [id, outcome, failure_kind]),
    cases.map(({ id }) => [id, "pass", undefined]),
  );
}

test("without tasks the adapter does nothing, and with half a task too", async () => {
  await inFolder(async (path) => {
    assertEquals(await runAdapter({}), { code: 0, stderr: "" });
    assertEquals(await runAdapter({ ADAPTER_PLAN: `${DATA}plan.json` }), { code: 0, stderr: "" });
    assertEquals(await runAdapter({ RECODE_RESPONSES: path("responses.json") }), { code: 0, stderr: "" });
    assertEquals(existsSync(path("responses.json")), false);
  });
});

test("a plan without a peer plays its transport case with a server of its own", async () => {
  await inFolder(async (path) => {
    const rows = await report(path, [{ id: "any name", layer: "L3", feature: "transport.tcp" }]);
    assertEquals(rows, [{ id: "any name", outcome: "pass" }]);
  });
});

test("a peer that is not there fails its case and no other", async () => {
  await inFolder(async (path) => {
    const cases = [
      { id: "live", layer: "L3", feature: "transport.tcp" },
      { id: "fixed", layer: "L0", feature: "result_hint" },
    ];
    const peer = { host: "127.0.0.1", tcp_port: 1 };
    const [live, fixed] = await report(path, cases, peer);
    assertEquals([live.outcome, live.failure_kind], ["fail", "transport"]);
    assertEquals(fixed.outcome, "pass");
  });
});

test("a pair of layer and feature that is not known is skipped as unknown, whatever its name", async () => {
  await inFolder(async (path) => {
    const pairs = [["L0", "time.travel"], ["L2", "flow_update"], ["L3", "flow_update"], ["L0", "toString"], [
      "",
      "",
    ]];
    const cases = pairs.map(([layer, feature]) => ({ id: "l0.flow_update.packet.golden", layer, feature }));
    const rows = await report(path, cases);
    assertEquals(
      rows.map(({ outcome, failure_kind }) => [outcome, failure_kind]),
      pairs.map(() => ["skip", "unknown_case"]),
    );
  });
});

/** Rows of the report on a plan of these cases. */
async function report(
  path: (name: string) => string,
  cases: readonly { id: string; layer: string; feature: string }[],
  peer?: { host: string; tcp_port: number },
): Promise<readonly ReportRow[]> {
  const plan = { ...json<object>(`${DATA}plan.json`), cases };
  writeFileSync(path("plan.json"), JSON.stringify(plan));
  const run = await runAdapter({
    ADAPTER_PLAN: path("plan.json"),
    ADAPTER_RESULTS: path("results.json"),
    ...(peer === undefined ? {} : { PEER: JSON.stringify(peer) }),
  });
  assertEquals(run, { code: 0, stderr: "" });
  return json<Report>(path("results.json")).results;
}

test("recipes of every type give the reference's golden bytes; one that cannot be made does not spoil the rest", async () => {
  await inFolder(async (path) => {
    const good = GOLDEN_NAMES.map(goldenRecipe);
    const bad = [{ recipe_type: "sonnet", name: "a", description: "" }, {
      ...good[0],
      flags: ["red"],
      name: "b",
    }];
    const recipes = { protocol_version: "p", vectors: [bad[0], ...good, bad[1]] };
    writeFileSync(path("recipes.json"), JSON.stringify(recipes));
    const run = await runAdapter({
      VECTOR_RECIPES: path("recipes.json"),
      SDK_VECTOR_OUTPUT: path("out.json"),
    });
    assertEquals(run.code, 0);
    assertMatch(run.stderr, /recipe a:[^]*sonnet[^]*recipe b:[^]*red/);
    const { vectors } = json<{ vectors: { name: string; hex: string; bytes: number }[] }>(path("out.json"));
    assertEquals(
      vectors.map(({ name, hex, bytes }) => [name, hex, bytes]),
      GOLDEN_NAMES.map((name) => [name, hexOf(goldenBytes(name)), goldenBytes(name).length]),
    );
  });
});

test("requests of every sort are answered, those of unknown kinds as unsupported", async () => {
  await inFolder(async (path) => {
    const side = (...roundTrips: number[]) => ({
      samples: roundTrips.map((round_trip_us) => ({ payload_bytes: 100, round_trip_us })),
      failures: 0,
    });
    const requests: RecodeRequest[] = [
      { name: "chosen", kind: "probe_selection", quic: side(9, 9), tcp: side(8, 8) },
      { name: "silent", kind: "probe_selection", quic: side(), tcp: side() },
      { name: "unknown", kind: "sonnet", hex: "00" },
      { name: "no hex", kind: "header", hex: "4e4e5" },
      { name: "broken", kind: "probe_selection", quic: { samples: [null!] } },
    ];
    writeFileSync(path("requests.json"), JSON.stringify({ requests }));
    const run = await runAdapter({
      RECODE_REQUESTS: path("requests.json"),
      RECODE_RESPONSES: path("out.json"),
    });
    assertEquals(run.code, 0);
    assertMatch(run.stderr, /request broken:/);
    assertEquals(json<{ responses: RecodeResponse[] }>(path("out.json")).responses, [
      { name: "chosen", accept: true, selected: "tcp" },
      { name: "silent", accept: false },
      { name: "unknown", unsupported: true },
      { name: "no hex", accept: false },
      { name: "broken", unsupported: true },
    ]);
  });
});
