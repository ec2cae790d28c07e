import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import {
  judgeMigration,
  type LivePath,
  MigrateAcceptCode,
  type MigrateRequest,
  MigrationTokens,
  sameSecret,
} from "./migration.ts";

const { ACCEPTED, POLICY, UNKNOWN_SESSION, WRONG_TRANSPORT } = MigrateAcceptCode;
const QUIC = 1;
const TCP = 2;
const bytes = (...values: number[]) => new Uint8Array(values);
const NOTHING = bytes();
const TOKEN = bytes(1, 2, 3);
const AUTH = bytes(9, 9);

function request(proof: Uint8Array, oldTransportId = TCP, newTransportId = QUIC): MigrateRequest {
  return {
    metadata: { oldTransportId, newTransportId, lastResultFrameId: 0n, clientMigrateTsUs: 0n },
    sessionId: 7,
    proof,
    traceId: 0n,
  };
}

function live(fields: Partial<LivePath> = {}): LivePath {
  return { transport: TCP, tokens: null, authBlock: NOTHING, unheard: false, sameHost: false, ...fields };
}

test("two secrets are equal if all their bytes are", () => {
  const secret = fc.uint8Array({ maxLength: 6, max: 2 });
  fc.assert(fc.property(secret, secret, (a, b) => {
    assertEquals(sameSecret(a, b), a.join() === b.join());
    assert(sameSecret(a, a.slice()));
  }));
  for (
    const [a, b] of [[[], [0]], [[0], []], [[0], [0, 0]], [[1, 1], [1]], [[1], [1, 1]], [[0, 0, 0], [0]]]
  ) {
    assertEquals(sameSecret(bytes(...a), bytes(...b)), false, `${a} and ${b}`);
  }
});

test("with a token: only the token counts, not the transport, the auth block, the host or the rules", () => {
  const cases: [Uint8Array, number][] = [
    [TOKEN, ACCEPTED],
    [bytes(1, 2, 4), UNKNOWN_SESSION],
    [bytes(1, 2), UNKNOWN_SESSION],
    [bytes(1, 2, 3, 0), UNKNOWN_SESSION],
    [NOTHING, UNKNOWN_SESSION],
    [AUTH, UNKNOWN_SESSION],
  ];
  for (const [proof, expected] of cases) {
    for (const requireToken of [false, true]) {
      for (const [from, to] of [[TCP, QUIC], [TCP, TCP], [QUIC, QUIC], [0, 0]]) {
        for (const sameHost of [false, true]) {
          const path = live({ tokens: new MigrationTokens(TOKEN), authBlock: AUTH, sameHost });
          assertEquals(judgeMigration(request(proof, from, to), to, path, { requireToken }), expected);
        }
      }
    }
  }
});

test("without a token: who it is comes first, then the rules, then the transports", () => {
  interface Case {
    readonly live?: Partial<LivePath>;
    readonly proof?: Uint8Array;
    readonly ids?: [number, number];
    readonly arrivedOn?: number;
    readonly requireToken?: boolean;
    readonly expected: number;
  }
  const known = { authBlock: AUTH };
  const cases: Case[] = [
    { live: known, proof: AUTH, expected: ACCEPTED },
    { live: known, proof: AUTH, requireToken: true, expected: POLICY },
    { live: known, proof: AUTH, ids: [TCP, TCP], arrivedOn: TCP, expected: WRONG_TRANSPORT },
    { live: known, proof: AUTH, ids: [QUIC, QUIC], expected: WRONG_TRANSPORT },
    { live: known, proof: AUTH, ids: [QUIC, TCP], expected: WRONG_TRANSPORT },
    { live: known, proof: AUTH, ids: [TCP, QUIC], arrivedOn: TCP, expected: WRONG_TRANSPORT },
    { live: known, proof: AUTH, ids: [0, QUIC], expected: WRONG_TRANSPORT },
    {
      live: { ...known, transport: QUIC },
      proof: AUTH,
      ids: [QUIC, TCP],
      arrivedOn: TCP,
      expected: ACCEPTED,
    },
    { live: known, proof: bytes(9), expected: UNKNOWN_SESSION },
    { live: known, proof: NOTHING, expected: UNKNOWN_SESSION },
    { live: { ...known, sameHost: true }, proof: NOTHING, expected: UNKNOWN_SESSION },
    { live: known, proof: bytes(9), requireToken: true, expected: UNKNOWN_SESSION },
    { live: known, proof: bytes(9), ids: [TCP, TCP], expected: UNKNOWN_SESSION },
    { live: { sameHost: true }, proof: NOTHING, expected: ACCEPTED },
    { live: { sameHost: true }, proof: bytes(0), expected: UNKNOWN_SESSION },
    { live: { sameHost: false }, proof: NOTHING, expected: UNKNOWN_SESSION },
    { live: { sameHost: true }, proof: NOTHING, requireToken: true, expected: POLICY },
    { live: { sameHost: false }, proof: NOTHING, requireToken: true, expected: UNKNOWN_SESSION },
  ];
  for (const c of cases) {
    const [from, to] = c.ids ?? [TCP, QUIC];
    const code = judgeMigration(
      request(c.proof ?? NOTHING, from, to),
      c.arrivedOn ?? QUIC,
      live(c.live),
      { requireToken: c.requireToken ?? false },
    );
    assertEquals(code, c.expected, JSON.stringify(c));
  }
});

test("a session that is not there is refused like one of somebody else", () => {
  for (const proof of [NOTHING, TOKEN, AUTH]) {
    for (const requireToken of [false, true]) {
      assertEquals(judgeMigration(request(proof), QUIC, undefined, { requireToken }), UNKNOWN_SESSION);
    }
  }
});

test("a token opens once; the one before only while its move may not have been heard of", () => {
  const [first, second, third] = [bytes(1), bytes(2), bytes(3)];
  const tokens = new MigrationTokens(first);
  assertEquals([tokens.accepts(first, false), tokens.accepts(second, true)], [true, false]);
  tokens.rotate(second, first);
  assertEquals([tokens.accepts(first, false), tokens.accepts(first, true)], [false, true]);
  assertEquals([tokens.accepts(second, false), tokens.accepts(second, true)], [true, true]);
  tokens.rotate(third);
  assertEquals([tokens.accepts(first, true), tokens.accepts(second, false)], [false, false]);
});

test("two answers lost in a row: the token that the client knows still opens", () => {
  const [first, second, third] = [bytes(1), bytes(2), bytes(3)];
  const tokens = new MigrationTokens(first);
  tokens.rotate(second, first);
  tokens.rotate(third, first);
  assertEquals([first, second, third].map((token) => tokens.accepts(token, true)), [true, false, true]);
  assertEquals([first, second, third].map((token) => tokens.accepts(token, false)), [false, false, true]);
});

/**
 * A server's tokens and an honest client that knows what it was told. Steps: a move whose answer arrives, a move whose answer is
 * lost with its path, a loss, a request of somebody who recorded every token that was ever used.
 */
test("whatever moves and answers get lost: the client gets in, and no token that was spent does", () => {
  const steps = fc.array(fc.constantFrom("move", "unanswered", "loss", "thief"), { maxLength: 60 });
  fc.assert(fc.property(steps, (script) => {
    let made = 0;
    const fresh = () => bytes(++made >> 8, made & 255);
    let newest = fresh();
    const tokens = new MigrationTokens(newest);
    let client = newest; // what the client was told last
    let unheard = false; // the present path is gone and brought no packet since the move
    const spent: Uint8Array[] = []; // tokens of moves that the client heard of
    const move = () => {
      const path = live({ tokens, unheard });
      assertEquals(judgeMigration(request(client), TCP, path, { requireToken: true }), ACCEPTED);
      tokens.rotate(newest = fresh(), client);
    };
    for (const step of script) {
      if (step === "move") {
        move();
        spent.push(client);
        client = newest;
        unheard = false;
      } else if (step === "unanswered") {
        move();
        unheard = true;
      } else if (step === "loss") {
        // The client had spoken on this path unless it never heard of it: nothing changes for who may come in.
        assert(tokens.accepts(client, unheard));
      } else {
        for (const old of spent) {
          const valid = sameSecret(old, client) || sameSecret(old, newest);
          assertEquals(tokens.accepts(old, unheard), valid);
        }
      }
      // Exactly one way in for what was ever told: the client's; beside it only the newest, which nobody was told.
      const open = new Set(
        Array.from({ length: made }, (_, i) => bytes((i + 1) >> 8, (i + 1) & 255))
          .filter((token) => tokens.accepts(token, unheard)).map((token) => token.join()),
      );
      assertEquals(open, new Set([client.join(), newest.join()]));
    }
  }));
});
