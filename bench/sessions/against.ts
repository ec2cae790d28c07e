/**
 * What a request costs now and in another revision: both run work B (64 requests in flight, 256 B) or D (streams of tokens)
 * in turn, on one core. The rate says what users see on a quiet machine; processor time per request hardly minds a busy one.
 *
 * @module
 */
import { Child, here, type Runtime, scriptCommand } from "./child.ts";
import { median, type Row } from "./report.ts";

/** Rounds that count. */
const ROUNDS = 8;
/** Rounds before both start anew, after one that warms up: two starts of the same code differ by some percent. */
const ROUNDS_PER_START = 2;
/** Length of a round, s. */
const SECONDS = 1.5;
const LIMIT_MS = 60_000;
const ROOT = here("../../");
/** What runs in both trees. */
const PEER = "bench/sessions/against_peer.ts";
/** Most processor time per pipelined request, as a multiple of the other revision's. */
const MOST_COST = 1.15;
/** What is asked of a client (`../peers/control.ts`). */
const JOBS = {
  B: { kind: "rate", size: 256, inFlight: 64, results: 0, batches: false },
  D: { kind: "stream", size: 32, inFlight: 16, results: 1000, batches: false },
} as const;

/** Works that can be compared. */
export const AGAINST_WORKS: readonly (keyof typeof JOBS)[] = ["B", "D"];

/** Server and client of one revision. */
class Pair {
  readonly server: Child;
  readonly client: Child;

  private constructor(server: Child, client: Child) {
    this.server = server;
    this.client = client;
  }

  static async start(runtime: Runtime, tree: string): Promise<Pair> {
    const command = ["taskset", "-c", "0", ...await scriptCommand(runtime, `${tree}${PEER}`)];
    const server = await Child.start([...command, "server"], tree);
    const { port, streamPort } = server.hello;
    try {
      return new Pair(server, await Child.start([...command, "client", `${port}`, `${streamPort}`], tree));
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** Requests (or results) per second, and processor time of both processes for one, us. */
  async measure(work: keyof typeof JOBS): Promise<{ rate: number; processorUs: number }> {
    const before = await this.#processorMs();
    const { rate, count } = await this.client.ask<{ rate: number; count: number }>(
      { ...JOBS[work], seconds: SECONDS },
      LIMIT_MS,
    );
    return { rate, processorUs: (await this.#processorMs() - before) * 1000 / count };
  }

  async #processorMs(): Promise<number> {
    const uses = await Promise.all([this.server.usage(), this.client.usage()]);
    return uses.reduce((sum, { userMs, systemMs }) => sum + userMs + systemMs, 0);
  }

  async stop(): Promise<void> {
    await this.client.stop();
    await this.server.stop();
  }
}

/**
 * Compares this working tree with another one.
 *
 * @param other A revision of this repository, or a folder that holds another working tree.
 * @param rounds Rounds that count.
 */
export async function measureAgainst(runtime: Runtime, other: string, rounds = ROUNDS): Promise<Row[]> {
  const tree = await treeOf(other);
  try {
    const results = new Map<keyof typeof JOBS, Comparison>();
    for (const work of AGAINST_WORKS) results.set(work, { rates: [], costs: [], nowUs: [] });
    for (let round = 0; round < rounds; round += ROUNDS_PER_START) {
      const [ours, theirs] = [await Pair.start(runtime, ROOT), await Pair.start(runtime, tree.path)];
      try {
        const count = Math.min(ROUNDS_PER_START, rounds - round);
        for (const [work, result] of results) await compare(work, ours, theirs, count, result);
      } finally {
        await Promise.all([ours.stop(), theirs.stop()]);
      }
    }
    const name = other.split("/").findLast((part) => part !== "") ?? other;
    return [...results].flatMap(([work, result]) => rowsOf(runtime, work, name, result));
  } finally {
    await tree.remove();
  }
}

/** One entry per round: now / then, and now. */
interface Comparison {
  readonly rates: number[];
  readonly costs: number[];
  readonly nowUs: number[];
}

async function compare(
  work: keyof typeof JOBS,
  ours: Pair,
  theirs: Pair,
  rounds: number,
  into: Comparison,
): Promise<void> {
  for (let round = 0; round <= rounds; round++) {
    // Who goes first changes, so that a machine that gets slower or faster hurts both.
    const first = await (round % 2 ? ours : theirs).measure(work);
    const second = await (round % 2 ? theirs : ours).measure(work);
    const [now, then] = round % 2 ? [first, second] : [second, first];
    if (round === 0) continue;
    into.rates.push(now.rate / then.rate);
    into.costs.push(now.processorUs / then.processorUs);
    into.nowUs.push(now.processorUs);
  }
}

function rowsOf(runtime: Runtime, work: string, name: string, { rates, costs, nowUs }: Comparison): Row[] {
  const row = { work: "against", runtime };
  const bar = work === "B" ? { bar: { most: MOST_COST } } : {};
  const cost = `work ${work}: processor time`;
  return [
    { ...row, what: `work ${work}: rate now / in ${name}`, value: median(rates), unit: "×", rounds: rates },
    { ...row, what: `${cost} now / in ${name}`, value: median(costs), unit: "×", rounds: costs, ...bar },
    { ...row, what: `${cost} now`, value: median(nowUs), unit: "us", rounds: nowUs },
  ];
}

/** The files of a revision in a temporary folder, without touching the repository; a folder is taken as it is. */
async function treeOf(other: string): Promise<{ path: string; remove: () => Promise<void> }> {
  if (other.includes("/") && await isFolder(other)) {
    return { path: other.endsWith("/") ? other : `${other}/`, remove: () => Promise.resolve() };
  }
  const path = await Deno.makeTempDir({ prefix: "nnrp_against_" });
  const remove = (): Promise<void> => Deno.remove(path, { recursive: true });
  try {
    await run("git", ["archive", "--format=tar", `--output=${path}/tree.tar`, other], ROOT);
    await run("tar", ["-xf", "tree.tar"], path);
    await prepare(path);
    return { path: `${path}/`, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The same load on both sides: that of this tree, which uses the public API only. */
async function prepare(tree: string): Promise<void> {
  await Deno.mkdir(`${tree}/bench/peers`, { recursive: true });
  await Deno.mkdir(`${tree}/bench/sessions`, { recursive: true });
  await run("cp", ["-r", `${ROOT}bench/peers/.`, `${tree}/bench/peers/`], tree);
  await run("cp", [`${ROOT}${PEER}`, `${tree}/${PEER}`], tree);
  await linkPackages(tree);
}

/** Node finds the packages of a tree by links that installing makes; made here, since nothing else is to be installed. */
async function linkPackages(tree: string): Promise<void> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${tree}/packages`)) {
    if (isDirectory) names.push(name);
  }
  for (const folder of [`${tree}/bench`, ...names.map((name) => `${tree}/packages/${name}`)]) {
    await Deno.mkdir(`${folder}/node_modules/@nnrp`, { recursive: true });
    for (const name of names) {
      await Deno.symlink(`${tree}/packages/${name}`, `${folder}/node_modules/@nnrp/${name}`);
    }
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}

async function run(program: string, args: readonly string[], cwd: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args], cwd, stdout: "null" })
    .output();
  if (!success) throw new Error(`${program} ${args[0]}: ${new TextDecoder().decode(stderr).trim()}`);
}
