/**
 * What all parts of a run share.
 *
 * @module
 */
import { type VirtualNetwork, virtualNetwork, type VirtualWorld, virtualWorld } from "@nnrp/testing";
import type { SimClient } from "./client.ts";
import { USUAL } from "./faults.ts";
import { Findings } from "./finding.ts";
import { IteratorBook } from "./iterator_book.ts";
import { Ledger, type SubmittedCall } from "./ledger.ts";
import type { Script } from "./script.ts";
import type { SimServer } from "./server.ts";
import { Trouble } from "./trouble.ts";

/** `storm`: work and faults; `healed`: work without faults; `closing`: what was begun ends, and then everything. */
export type Phase = "storm" | "healed" | "closing";

/** Numbers of a run, for the report. */
export interface Counts {
  /** Faults played. */
  faults: number;
  /** Sessions that began. */
  sessions: number;
  /** Dials that failed. */
  failedDials: number;
  /** How often oracles had something to judge, by oracle. */
  readonly judged: Map<string, number>;
  /** Work that was begun, by kind. */
  readonly work: Map<string, number>;
}

/** A run in progress. */
export class Stage {
  /** What is played. */
  readonly script: Script;
  /** Its time. */
  readonly world: VirtualWorld;
  /** Its network. */
  readonly net: VirtualNetwork;
  /** What oracles found. */
  readonly findings: Findings = new Findings();
  /** What the harness did to whom. */
  readonly trouble: Trouble;
  /** All frames. */
  readonly ledger: Ledger;
  /** All iterators of handlers. */
  readonly iterators: IteratorBook = new IteratorBook();
  /** Who is there. */
  readonly clients: SimClient[] = [];
  /** Whom they dial. */
  readonly servers: SimServer[] = [];
  /** Numbers. */
  readonly counts: Counts = { faults: 0, sessions: 0, failedDials: 0, judged: new Map(), work: new Map() };
  /** Where the run is. */
  phase: Phase = "storm";
  /** When it got there, ms. */
  phaseSinceMs: number;

  /** Makes a Stage. */
  constructor(script: Script, traceLines: number, submitted?: SubmittedCall) {
    this.script = script;
    this.world = virtualWorld({ seed: script.seed, traceLines });
    this.net = virtualNetwork(this.world, USUAL);
    const now = () => this.world.now();
    this.trouble = new Trouble(now);
    this.ledger = new Ledger(now, this.findings, submitted);
    this.phaseSinceMs = now();
  }

  /** Whether nothing new is to be begun. */
  get isClosing(): boolean {
    return this.phase === "closing";
  }

  /** The run goes on to its next phase. */
  enter(phase: Phase): void {
    this.phase = phase;
    this.phaseSinceMs = this.world.now();
    this.world.note("simulator", `phase ${phase}`);
  }

  /** An oracle has something to judge. */
  judged(oracle: string): void {
    const { judged } = this.counts;
    judged.set(oracle, (judged.get(oracle) ?? 0) + 1);
  }

  /** An oracle has something to say. */
  found(oracle: string, what: string, client = "", tags: Iterable<string> = []): void {
    const isNew = this.findings.add({ oracle, what, atMs: this.world.now(), client, tags: new Set(tags) });
    if (isNew) this.world.note("oracle", `${oracle}: ${what}${client === "" ? "" : ` (${client})`}`);
  }
}
