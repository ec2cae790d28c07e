import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { campaign, scriptsOf } from "./campaign.ts";
import { drawFaults } from "./faults.ts";
import type { Finding } from "./finding.ts";
import { RandomStream } from "@nnrp/testing";
import { type KnownFault, knownFault } from "./known_faults.ts";
import { summary } from "./report.ts";
import { makeScript, type Script } from "./script.ts";
import { scriptFromText, scriptToText } from "./script_file.ts";
import { shrink } from "./shrink.ts";
import { type Outcome, simulate } from "./simulation.ts";

/** On Deno all of them; elsewhere enough to see that the runtime plays them too. */
const SEEDS = "Deno" in globalThis ? 100 : 3;
const STORM_MS = 120_000;

/** Oracles that judge what happens only now and then: in so many seeds it must. */
const JUDGES = [
  "answers",
  "cache",
  "closing",
  "credit",
  "give-up",
  "lateness",
  "memory",
  "moves",
  "pause",
  "session-ends",
  "stats",
];

test(`${SEEDS} seeds of rough weather find nothing but known faults`, async () => {
  const seeds = Array.from({ length: SEEDS }, (_, i) => i + 1);
  const scripts = scriptsOf(seeds, { stormMs: STORM_MS, weather: "rough" });
  const sums = await campaign({ scripts, count: SEEDS, twice: false, strict: false, cpuMs: () => 0 });
  assertEquals([...sums.news.keys()], [], summary(sums));
  // A run that does nothing finds nothing.
  const sessionSeconds = sums.sessionHours * 3600;
  assert(sums.submitted > sessionSeconds && sums.answered > sums.submitted / 2, summary(sums));
  assert(sums.faults > sessionSeconds / 60, summary(sums));
  for (const oracle of SEEDS < 100 ? ["answers", "credit", "lateness"] : JUDGES) {
    assert((sums.judged.get(oracle) ?? 0) > 0, `${oracle} had nothing to judge`);
  }
});

test("a seed plays the same twice, and another seed something else", async () => {
  const play = (seed: number) => simulate(makeScript(seed, { stormMs: 30_000, weather: "wild" }));
  const [one, again, other] = [await play(7), await play(7), await play(8)];
  assertEquals([one.hash === again.hash, one.hash === other.hash], [true, false]);
  assertEquals(one.findings.map(({ what }) => what), again.findings.map(({ what }) => what));
});

test("a client that is left out changes nothing in the others' work", async () => {
  const script = makeScript(3, { stormMs: 20_000, weather: "calm" });
  const calm: Script = {
    ...script,
    faults: [],
    servers: script.servers.map((plan) => ({ ...plan, concurrency: 64 })),
  };
  const submittedBy = async (clients: Script["clients"]) => {
    const work: string[] = [];
    await simulate({ ...calm, clients }, {
      traceLines: 0,
      submitted: (client, text) => client === "c0" && work.push(text.replace(/ .*/, "")),
    });
    return work;
  };
  const [all, alone] = [await submittedBy(calm.clients), await submittedBy(calm.clients.slice(0, 1))];
  assert(all.length > 20);
  assertEquals(alone.slice(0, 20), all.slice(0, 20));
});

test("each client has a fault a minute and more, also in one hour", () => {
  const { clients, servers } = makeScript(5, { stormMs: 1000, weather: "rough" });
  const faults = drawFaults(new RandomStream(1, "faults"), {
    stormMs: 3_600_000,
    weather: "rough",
    servers,
    clients,
  });
  for (const { index } of clients) {
    const at = faults.filter((fault) => "client" in fault && fault.client === index).map((fault) => fault.at);
    const gaps = [...at, 3_600_000].map((ms, i) => ms - (at[i - 1] ?? 0));
    assert(Math.max(...gaps) <= 60_000, `client ${index}: ${Math.max(...gaps)} ms`);
  }
});

test("scripts survive being written and read, Infinity too; what is none is refused", () => {
  for (let seed = 1; seed < 20; seed++) {
    const script = makeScript(seed, { stormMs: 60_000, weather: "wild" });
    assertEquals(scriptFromText(scriptToText(script)), script);
  }
  for (const text of ["{}", "null", '{"seed":1}']) {
    let refused: unknown;
    try {
      scriptFromText(text);
    } catch (error) {
      refused = error;
    }
    assert(refused instanceof TypeError, text);
  }
});

test("shrinking leaves what a failure needs, and keeps to its number of runs", async () => {
  const script = makeScript(11, { stormMs: 240_000, weather: "wild" });
  const needed = script.faults[Math.floor(script.faults.length / 8)];
  const client = script.clients.at(-1)!;
  const wanted = finding("answers", "wrong");
  // Fails if that client and that fault are there, pings are made, and the storm reaches the fault.
  const play = (tried: Script): Promise<Outcome> => {
    const fails = tried.clients.includes(client) && tried.faults.includes(needed) &&
      !tried.without.includes("ping") &&
      tried.stormMs > needed.at;
    return Promise.resolve({ findings: fails ? [{ ...wanted, atMs: needed.at }] : [] } as unknown as Outcome);
  };
  const until = { now: () => 0, ms: 1 };
  const small = await shrink(script, { play, wanted: { ...wanted, atMs: needed.at }, maxRuns: 1000, until });
  assertEquals(small.script.faults, [needed]);
  assertEquals(small.script.clients, [client]);
  assert(!small.script.without.includes("ping") && small.script.without.length > 20);
  assert(small.script.stormMs < script.stormMs);
  const few = await shrink(script, { play, wanted, maxRuns: 5, until });
  assert(few.runs <= 6);
});

test("known faults explain what they say and nothing else", () => {
  const flood: KnownFault = {
    row: "floods",
    oracle: "session-ends",
    explains: ({ tags }) => tags.has("LIMIT_EXCEEDED") && tags.has("many first"),
  };
  const explained = (...found: Parameters<typeof finding>) =>
    knownFault(finding(...found), [flood]) !== undefined;
  assert(explained("session-ends", "ended", "LIMIT_EXCEEDED", "many first"));
  assert(!explained("session-ends", "ended", "LIMIT_EXCEEDED"));
  assert(!explained("endings", "a frame never ended", "LIMIT_EXCEEDED", "many first"));
  assertEquals(knownFault(finding("crash", "the run ended with an error")), undefined);
});

function finding(oracle: string, what: string, ...tags: string[]): Finding {
  return { oracle, what, atMs: 1, client: "c0", tags: new Set(tags) };
}
