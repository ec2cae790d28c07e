import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import type { PeerIdentity } from "../../carrier.ts";
import {
  type ArrivalPath,
  judgeMigration,
  type LivePath,
  MigrateAcceptCode,
  type MigrateRequest,
  type MigrationRules,
  MigrationTokens,
  sameHolder,
  sameSecret,
  type SecondVerdict,
} from "./migration.ts";

const { POLICY, UNKNOWN_SESSION, WRONG_TRANSPORT } = MigrateAcceptCode;
const QUIC = 1;
const TCP = 2;
const bytes = (...values: number[]) => new Uint8Array(values);
const NOTHING = bytes();
const TOKEN = bytes(1, 2, 3);
const AUTH = bytes(9, 9);
const STRICT: MigrationRules = { requireToken: false, allowWithoutToken: false };
const ALLOWED: MigrationRules = { requireToken: false, allowWithoutToken: true };
const TOKENS_ONLY: MigrationRules = { requireToken: true, allowWithoutToken: false };
const RULES = [STRICT, ALLOWED, TOKENS_ONLY];

const certificate = (name: string, serial: number, issuer = "CN=Authority"): PeerIdentity => ({
  subject: `CN=${name}`,
  commonName: name,
  fingerprint256: `${name} ${serial}`,
  issuer,
});
const ALICE = certificate("alice", 1);
const RENEWED = certificate("alice", 2);
const MALLORY = certificate("mallory", 3);

function request(proof: Uint8Array, oldTransportId = TCP, newTransportId = QUIC): MigrateRequest {
  return {
    metadata: { oldTransportId, newTransportId, lastResultFrameId: 0n, clientMigrateTsUs: 0n },
    sessionId: 7,
    proof,
    traceId: 0n,
  };
}

function live(fields: Partial<LivePath> = {}): LivePath {
  return {
    transport: TCP,
    tokens: null,
    authBlock: NOTHING,
    unheard: false,
    peerIdentity: undefined,
    admittedAs: "none",
    ...fields,
  };
}

function arrival(fields: Partial<ArrivalPath> = {}): ArrivalPath {
  return { transport: QUIC, peerIdentity: undefined, sameHost: false, ...fields };
}

/** `"moves"`, `"ask"`, or the code of a refusal. */
function verdict(
  ask: MigrateRequest,
  path: ArrivalPath,
  session: LivePath | undefined,
  rules: MigrationRules,
  second?: SecondVerdict,
): string | number {
  const judged = judgeMigration(ask, path, session, rules, second);
  return judged.verdict === "refused" ? judged.code : judged.verdict;
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

const SAME: SecondVerdict = { accepted: true, samePrincipal: true };
const OTHER: SecondVerdict = { accepted: true, samePrincipal: false };
const NOT_ANY_MORE: SecondVerdict = { accepted: false, samePrincipal: false };

/** Certificates: none at all, only later, the same, a renewed one, another's, or none where there was one. */
const CERTIFICATES = {
  never: [undefined, undefined],
  gained: [undefined, ALICE],
  same: [ALICE, ALICE],
  renewed: [ALICE, RENEWED],
  other: [ALICE, MALLORY],
  missing: [ALICE, undefined],
} as const;

/** What is shown instead of a token: the auth block of the hello, another one, or both are empty. */
const BLOCKS = {
  same: [AUTH, AUTH],
  other: [AUTH, bytes(9, 8)],
  left: [AUTH, NOTHING],
  invented: [NOTHING, AUTH],
  empty: [NOTHING, NOTHING],
} as const;

/** M moves, u unknown session. The columns are the keys of CERTIFICATES. */
const WITH_TOKEN: readonly (readonly [LivePath["admittedAs"], SecondVerdict | undefined, string])[] = [
  // never, gained, same, renewed, other, missing
  ["none", undefined, "M M M M u u"],
  ["somebody", SAME, "M M M M M u"], // the validator says that the other certificate is the same client's
  ["somebody", OTHER, "u u u u u u"],
  ["somebody", NOT_ANY_MORE, "u u u u u u"],
  ["nobody", SAME, "M M M M u u"],
  ["nobody", OTHER, "u u u u u u"],
  ["nobody", NOT_ANY_MORE, "u u u u u u"],
];

test("with a token: the validator must name the same principal, or the certificates the same holder", () => {
  for (const [admittedAs, second, row] of WITH_TOKEN) {
    for (const [column, [had, has]] of Object.values(CERTIFICATES).entries()) {
      const expected = row.split(" ")[column] === "M" ? "moves" : UNKNOWN_SESSION;
      // What a token makes unimportant: transports, host, auth block, rules.
      for (const [from, to] of [[TCP, QUIC], [TCP, TCP], [QUIC, QUIC], [0, 0]]) {
        for (const sameHost of [false, true]) {
          for (const rules of RULES) {
            const session = live({
              tokens: new MigrationTokens(TOKEN),
              authBlock: AUTH,
              peerIdentity: had,
              admittedAs,
            });
            const path = arrival({ transport: to, peerIdentity: has, sameHost });
            const what = JSON.stringify({ admittedAs, second, had, has, rules, sameHost });
            assertEquals(verdict(request(TOKEN, from, to), path, session, rules, second), expected, what);
            for (const wrong of [bytes(1, 2, 4), bytes(1, 2), bytes(1, 2, 3, 0), NOTHING, AUTH]) {
              assertEquals(
                verdict(request(wrong, from, to), path, session, rules, second),
                UNKNOWN_SESSION,
                what,
              );
            }
          }
        }
      }
    }
  }
});

/**
 * By what the validator said and which block is shown; the columns are certificates, as above. `h`: from the same host only.
 * The last string counts with `allowWithoutToken`, the one before it without.
 */
const WITHOUT_TOKEN: readonly (readonly [
  LivePath["admittedAs"],
  SecondVerdict | undefined,
  keyof typeof BLOCKS,
  string,
  string,
])[] = [
  // never, gained, same, renewed, other, missing
  ["none", undefined, "same", "u u u u u u", "M M M M u u"],
  ["none", undefined, "empty", "u u u u u u", "h h M M u u"],
  ["nobody", SAME, "same", "u u u u u u", "M M M M u u"],
  ["nobody", SAME, "empty", "u u u u u u", "h h M M u u"],
  ["somebody", SAME, "same", "M M M M M u", "M M M M M u"],
  // Nothing but a certificate of the same holder proves anything here, whatever the validator makes of the rest.
  ["somebody", SAME, "empty", "u u M M u u", "h h M M h u"],
  ...(["nobody", "somebody"] as const).flatMap((admittedAs) =>
    [OTHER, NOT_ANY_MORE].flatMap((second) =>
      (["same", "empty"] as const).map((block) =>
        [admittedAs, second, block, "u u u u u u", "u u u u u u"] as const
      )
    )
  ),
  ...(["none", "nobody", "somebody"] as const).flatMap((admittedAs) =>
    (["other", "left", "invented"] as const).map((block) =>
      [admittedAs, admittedAs === "none" ? undefined : SAME, block, "u u u u u u", "u u u u u u"] as const
    )
  ),
];

test("without a token: what was shown must prove the client to the validator, or the server allows less", () => {
  for (const [admittedAs, second, block, strict, allowed] of WITHOUT_TOKEN) {
    for (const [column, [had, has]] of Object.values(CERTIFICATES).entries()) {
      for (const sameHost of [false, true]) {
        const [authBlock, proof] = BLOCKS[block];
        const session = live({ authBlock, peerIdentity: had, admittedAs });
        const path = arrival({ peerIdentity: has, sameHost });
        for (const [rules, row] of [[STRICT, strict], [ALLOWED, allowed]] as const) {
          const cell = row.split(" ")[column];
          const moves = cell === "M" || (cell === "h" && sameHost);
          const what = JSON.stringify({ admittedAs, second, block, had, has, rules, sameHost });
          assertEquals(
            verdict(request(proof), path, session, rules, second),
            moves ? "moves" : UNKNOWN_SESSION,
            what,
          );
          // The transports are told as the reason only to whoever has proved to be the client.
          for (
            const [from, to, arrivedOn] of [[TCP, TCP, TCP], [QUIC, TCP, TCP], [0, QUIC, QUIC], [
              TCP,
              QUIC,
              TCP,
            ]]
          ) {
            assertEquals(
              verdict(request(proof, from, to), { ...path, transport: arrivedOn }, session, rules, second),
              moves ? WRONG_TRANSPORT : UNKNOWN_SESSION,
              what,
            );
          }
        }
        const moves = strict.split(" ")[column] === "M";
        assertEquals(
          verdict(request(proof), path, session, TOKENS_ONLY, second),
          moves ? POLICY : UNKNOWN_SESSION,
        );
      }
    }
  }
});

test("the validator is asked once everything else is proved, and never for nothing", () => {
  for (const [had, has] of Object.values(CERTIFICATES)) {
    for (const [authBlock, proof] of Object.values(BLOCKS)) {
      for (const admittedAs of ["none", "nobody", "somebody"] as const) {
        for (const sameHost of [false, true]) {
          for (const rules of RULES) {
            for (const tokens of [null, new MigrationTokens(TOKEN)]) {
              for (const shown of tokens === null ? [proof] : [TOKEN, proof]) {
                const session = live({ tokens, authBlock, peerIdentity: had, admittedAs });
                const path = arrival({ peerIdentity: has, sameHost });
                const first = verdict(request(shown), path, session, rules);
                const best = verdict(request(shown), path, session, rules, SAME);
                if (admittedAs === "none") assertEquals(first, best);
                else if (best === "moves" || best === POLICY) assertEquals(first, "ask");
                else assert(first === UNKNOWN_SESSION || first === "ask");
              }
            }
          }
        }
      }
    }
  }
});

test("certificates of the same holder: the same names, however often renewed; nameless ones only if they are one", () => {
  const named = { ...ALICE, altNames: "DNS:alice.example" };
  const nameless: PeerIdentity = { subject: "", commonName: "", fingerprint256: "a" };
  const cases: [PeerIdentity, PeerIdentity, boolean][] = [
    [ALICE, RENEWED, true],
    [ALICE, MALLORY, false],
    [ALICE, certificate("alice", 2, "CN=Another authority"), false],
    [named, { ...named, fingerprint256: "b" }, true],
    [named, { ...RENEWED, altNames: "DNS:mallory.example" }, false],
    [named, RENEWED, false],
    [nameless, { ...nameless }, true],
    [nameless, { ...nameless, fingerprint256: "b" }, false],
    [{ ...nameless, altNames: "URI:spiffe://a" }, {
      ...nameless,
      fingerprint256: "b",
      altNames: "URI:spiffe://a",
    }, true],
    [{ ...nameless, altNames: "URI:spiffe://a" }, {
      ...nameless,
      fingerprint256: "b",
      altNames: "URI:spiffe://b",
    }, false],
  ];
  for (const [a, b, expected] of cases) {
    assertEquals([sameHolder(a, b), sameHolder(b, a)], [expected, expected], JSON.stringify([a, b]));
  }
});

test("a session that is not there is refused like one of somebody else", () => {
  for (const proof of [NOTHING, TOKEN, AUTH]) {
    for (const rules of RULES) {
      for (const second of [undefined, SAME, OTHER, NOT_ANY_MORE]) {
        assertEquals(
          verdict(request(proof), arrival({ sameHost: true }), undefined, rules, second),
          UNKNOWN_SESSION,
        );
      }
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
      assertEquals(verdict(request(client), arrival({ transport: TCP }), path, TOKENS_ONLY), "moves");
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
