/**
 * What the harness itself did to whom, and until when: oracles ask it before they blame the library.
 *
 * @module
 */

/** Kinds of trouble. */
export type TroubleKind =
  | "slow"
  | "silent"
  | "cut"
  | "dials"
  | "stopped"
  | "blocked"
  | "killed"
  | "restarted"
  | "closed by the server";

interface Entry {
  readonly kind: TroubleKind;
  readonly fromMs: number;
  toMs: number;
}

/** How much is remembered of each. */
const MAX_KEPT = 64;

/** The book of trouble of a run. */
export class Trouble {
  readonly #now: () => number;
  readonly #clients: Map<number, Entry[]> = new Map();
  readonly #servers: Map<number, Entry[]> = new Map();

  /** Makes a Trouble. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Something happens to a client or its paths, for so many ms. */
  ofClient(index: number, kind: TroubleKind, ms: number): void {
    this.#add(this.#clients, index, kind, ms);
  }

  /** The same to a server, and so to all of its clients. */
  ofServer(index: number, kind: TroubleKind, ms: number): void {
    this.#add(this.#servers, index, kind, ms);
  }

  /** What lasts ends now. */
  healed(): void {
    const nowMs = this.#now();
    for (const entries of [...this.#clients.values(), ...this.#servers.values()]) {
      for (const entry of entries) entry.toMs = Math.min(entry.toMs, nowMs);
    }
  }

  /** Whether anything of these kinds (default: any) touched a client or its server since then. */
  since(client: { index: number; server: number }, fromMs: number, ...kinds: TroubleKind[]): boolean {
    return [this.#clients.get(client.index), this.#servers.get(client.server)].some((entries) =>
      entries?.some(({ kind, toMs }) => toMs >= fromMs && (kinds.length === 0 || kinds.includes(kind)))
    );
  }

  /** The kinds that touched a client or its server since then, for the tags of a finding. */
  kindsSince(client: { index: number; server: number }, fromMs: number): string[] {
    const kinds = [this.#clients.get(client.index), this.#servers.get(client.server)].flatMap((entries) =>
      (entries ?? []).filter(({ toMs }) => toMs >= fromMs).map(({ kind }) => kind)
    );
    return [...new Set(kinds)];
  }

  /** Whether anything touched a server itself since then. */
  ofServerSince(server: number, fromMs: number): boolean {
    return this.#servers.get(server)?.some(({ toMs }) => toMs >= fromMs) ?? false;
  }

  #add(book: Map<number, Entry[]>, index: number, kind: TroubleKind, ms: number): void {
    let entries = book.get(index);
    if (entries === undefined) book.set(index, entries = []);
    const fromMs = this.#now();
    entries.push({ kind, fromMs, toMs: fromMs + ms });
    if (entries.length > MAX_KEPT) entries.shift();
  }
}
