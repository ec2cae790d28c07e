/**
 * The life of a session as data (behaviour spec §7): for each role and state, what happens to each message that arrives.
 *
 * INIT          the carrier is open, nothing was agreed; a server answers probes here
 * NEGOTIATING   the hello was sent or received, its answer is due
 * ACTIVE        frames flow
 * DRAINING      CLOSE was sent or received, or a fatal ERROR: frames in flight end, nothing new begins
 * CLOSED        over
 *
 * A message that no row names is refused: `ERROR(INVALID_STATE)`, fatal before the session is active, else for the session
 * only. Engines and the diagrams in docs/sessions.md read the same table.
 *
 * @module
 */
import { MessageType } from "../../wire/enums.ts";

/** States of a session, in the order in which they are entered. */
export const SessionState = { INIT: 0, NEGOTIATING: 1, ACTIVE: 2, DRAINING: 3, CLOSED: 4 } as const;
/** A state of a session. */
export type SessionState = typeof SessionState[keyof typeof SessionState];

/** Which side an engine plays. */
export type SessionRole = "client" | "server";

/**
 * What a state does with a message: `handle` it, `defer` it until the handshake is done, `ignore` it (it may still be
 * under way from before), or refuse it.
 */
export type Reception = "handle" | "defer" | "ignore" | "refuse";

/** What one state does with each message; a message that is not named is refused. */
export type ReceptionRow = Readonly<Partial<Record<keyof typeof MessageType, Reception>>>;
/** A row for each state. */
export type ReceptionTable = Readonly<Record<keyof typeof SessionState, ReceptionRow>>;

const BOTH = {
  PING: "handle",
  PONG: "handle",
  FLOW_UPDATE: "handle",
  CLOSE: "handle",
  ERROR: "handle",
} as const;

/** What a server does with what a client sends. */
export const SERVER_RECEPTION: ReceptionTable = {
  INIT: {
    CLIENT_HELLO: "handle",
    TRANSPORT_PROBE: "handle",
    SESSION_MIGRATE: "handle",
    PING: "handle",
    CLOSE: "handle",
  },
  NEGOTIATING: {
    FRAME_SUBMIT: "defer",
    FRAME_CANCEL: "defer",
    SESSION_PATCH: "defer",
    CACHE_PUT: "defer",
    CACHE_INVALIDATE: "defer",
    FLOW_UPDATE: "defer",
    PING: "handle",
    PONG: "ignore",
    CLOSE: "handle",
    ERROR: "handle",
  },
  ACTIVE: {
    ...BOTH,
    FRAME_SUBMIT: "handle",
    FRAME_CANCEL: "handle",
    SESSION_PATCH: "handle",
    CACHE_PUT: "handle",
    CACHE_INVALIDATE: "handle",
    TRANSPORT_PROBE: "handle",
  },
  DRAINING: {
    ...BOTH,
    FRAME_SUBMIT: "handle",
    FRAME_CANCEL: "handle",
    SESSION_PATCH: "refuse",
    CACHE_PUT: "ignore",
    CACHE_INVALIDATE: "ignore",
  },
  CLOSED: {},
};

/** What a client does with what a server sends. */
export const CLIENT_RECEPTION: ReceptionTable = {
  INIT: { ...BOTH },
  NEGOTIATING: { ...BOTH, SERVER_HELLO_ACK: "handle", RESULT_HINT: "ignore" },
  ACTIVE: {
    ...BOTH,
    RESULT_PUSH: "handle",
    RESULT_DROP: "handle",
    RESULT_HINT: "handle",
    SESSION_PATCH_ACK: "handle",
    CACHE_ACK: "handle",
    TRANSPORT_PROBE_ACK: "ignore",
  },
  DRAINING: {
    ...BOTH,
    RESULT_PUSH: "handle",
    RESULT_DROP: "handle",
    RESULT_HINT: "handle",
    SESSION_PATCH_ACK: "handle",
    CACHE_ACK: "handle",
  },
  CLOSED: {},
};

/** What a client does on a connection that carries no session yet, until the answer to its one packet there. */
export const EXCHANGE_RECEPTION = {
  /** A SESSION_MIGRATE was sent. */
  move: { SESSION_MIGRATE_ACK: "handle", PING: "handle", ERROR: "handle" },
  /** A TRANSPORT_PROBE was sent; the connection is closed after the answer, so pings go unanswered. */
  probe: { TRANSPORT_PROBE_ACK: "handle", PING: "ignore", ERROR: "handle" },
} as const satisfies Readonly<Record<string, ReceptionRow>>;
/** An exchange of {@linkcode EXCHANGE_RECEPTION}. */
export type Exchange = keyof typeof EXCHANGE_RECEPTION;

/** Codes of the compiled table. */
export const ReceptionCode = { refuse: 0, handle: 1, defer: 2, ignore: 3 } as const;

const NAMES: readonly Reception[] = ["refuse", "handle", "defer", "ignore"];

function compile(table: ReceptionTable): Uint8Array {
  const compiled = new Uint8Array(5 * 256);
  for (const [state, row] of Object.entries(table)) {
    compileRow(row, compiled, SessionState[state as keyof typeof SessionState] * 256);
  }
  return compiled;
}

function compileRow(row: ReceptionRow, compiled: Uint8Array, offset = 0): Uint8Array {
  for (const [message, reception] of Object.entries(row)) {
    compiled[offset + MessageType[message as keyof typeof MessageType]] = ReceptionCode[reception];
  }
  return compiled;
}

const COMPILED: Readonly<Record<SessionRole, Uint8Array>> = {
  client: compile(CLIENT_RECEPTION),
  server: compile(SERVER_RECEPTION),
};

/** The table of a role as codes at `state * 256 + msgType`, for looking up without a branch. */
export function receptionTable(role: SessionRole): Uint8Array {
  return COMPILED[role];
}

const EXCHANGES: Readonly<Record<Exchange, Uint8Array>> = {
  move: compileRow(EXCHANGE_RECEPTION.move, new Uint8Array(256)),
  probe: compileRow(EXCHANGE_RECEPTION.probe, new Uint8Array(256)),
};

/** The row of an exchange as codes by msgType. */
export function exchangeReception(exchange: Exchange): Uint8Array {
  return EXCHANGES[exchange];
}

/** What a role does in a state with a message type. */
export function receptionOf(role: SessionRole, state: SessionState, msgType: number): Reception {
  return NAMES[COMPILED[role][state * 256 + msgType]];
}
