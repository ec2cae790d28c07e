/**
 * How a session goes from state to state, found out by trying: an engine of each role is brought into each state and everything
 * that may happen is done to it. So the picture shows what the code does, not what somebody believed.
 *
 * @module
 */
import {
  ErrorCode,
  ErrorScope,
  MessageType,
  NnrpWireError,
  type SessionRole,
  SessionState,
} from "@nnrp/core";
import { ackFor, ClientRig, helloPacket, ServerRig } from "@nnrp/testing/engines";
import { bare, errorPacket, samplePacket, submitPacket } from "@nnrp/testing/packets";

/** Name of a state. */
export type StateName = keyof typeof SessionState;

/** States in the order in which they are entered. */
export const STATE_NAMES: readonly StateName[] = Object.keys(SessionState) as StateName[];

/** What brings a session from one state to another. */
export interface Move {
  /** Before. */
  readonly from: StateName;
  /** After. */
  readonly to: StateName;
  /** What happened, in a few words each. */
  readonly because: readonly string[];
}

type Rig = ClientRig | ServerRig;
type Happening = readonly [words: string, happen: (rig: Rig) => void];

/** Longer than the default idle time. */
const TOO_LONG_MS = 120_001;
/** Long enough to count as a second look, short enough not to be a late one. */
const SECOND_LOOK_MS = 100;
/** Place of auth_status in SERVER_HELLO_ACK (wire spec §5). */
const AUTH_STATUS = 2;

/** What may happen to either side. */
const BOTH: readonly Happening[] = [
  ["close()", ({ current }) => current.close("enough")],
  ["CLOSE comes", (rig) => void rig.receive(bare(MessageType.CLOSE))],
  ["the peer stops sending", ({ current }) => current.peerEnded()],
  ["connection lost", ({ current }) => current.carrierClosed({ code: 0, reason: "reset", local: false })],
  ["fatal ERROR, sent or received", (rig) => void rig.receive(errorPacket({ isFatal: 1 }))],
  [
    "fatal ERROR, sent or received",
    ({ current }) =>
      current.sendError({ errorCode: ErrorCode.INTERNAL_ERROR, errorScope: ErrorScope.SESSION, fatal: true }),
  ],
  [
    "bytes that are no packet",
    ({ current }) => current.fault(new NnrpWireError("bad magic", { field: "header.magic" })),
  ],
  ["silence for too long", (rig) => {
    rig.pass(TOO_LONG_MS);
    rig.pass(SECOND_LOOK_MS); // the first look might have been late
  }],
];

const CLIENT: readonly Happening[] = [
  ["CLIENT_HELLO sent", (rig) => rig instanceof ClientRig && isIn(rig, "INIT") && void rig.hello()],
  ["SERVER_HELLO_ACK comes", (rig) => isIn(rig, "NEGOTIATING") && void rig.receive(ackFor(helloPacket()))],
  [
    "the last frame ends",
    (rig) => isIn(rig, "DRAINING") && void rig.receive(bare(MessageType.RESULT_DROP, { frameId: 1 })),
  ],
  ["SERVER_HELLO_ACK that refuses", (rig) => isIn(rig, "NEGOTIATING") && void rig.receive(refusingAck())],
  ["any ERROR", (rig) => void rig.receive(errorPacket({ isFatal: 0 }))],
  ...BOTH,
  ["message out of place", (rig) => void rig.receive(samplePacket(MessageType.FRAME_SUBMIT))],
];

const SERVER: readonly Happening[] = [
  ["CLIENT_HELLO comes", (rig) => isIn(rig, "INIT") && void rig.receive(helloPacket())],
  ["hello accepted", (rig) => rig instanceof ServerRig && rig.context !== null && rig.accept()],
  [
    "the last frame is answered",
    (rig) => rig instanceof ServerRig && isIn(rig, "DRAINING") && rig.engine.sendDrop(rig.frames[0]),
  ],
  [
    "hello refused",
    (rig) =>
      rig instanceof ServerRig && isIn(rig, "NEGOTIATING") &&
      rig.handshake.refuseHello(ErrorCode.AUTH_FAILED, "no"),
  ],
  ...BOTH,
  ["message out of place", (rig) => void rig.receive(samplePacket(MessageType.RESULT_PUSH))],
];

/** All moves of a role, by state. */
export function movesOf(role: SessionRole): Move[] {
  const found = new Map<string, Move & { because: string[] }>();
  for (const from of STATE_NAMES) {
    if (from === "CLOSED") continue;
    for (const [words, happen] of role === "client" ? CLIENT : SERVER) {
      const rig = rigIn(role, from);
      happen(rig);
      rig.current.turn();
      // An engine with nothing left to do asks its host to close the carrier.
      if (rig.done !== null) rig.current.carrierClosed({ code: 0, reason: "", local: true });
      const to = STATE_NAMES.find((name) => isIn(rig, name))!;
      if (to === from) continue;
      const move = found.get(`${from} ${to}`) ?? { from, to, because: [] };
      if (!move.because.includes(words)) move.because.push(words);
      found.set(`${from} ${to}`, move);
    }
  }
  return [...found.values()];
}

/** An engine in a state; one frame is in flight from ACTIVE on, and who drains does so because the peer said CLOSE. */
function rigIn(role: SessionRole, state: StateName): Rig {
  const rig = role === "client" ? new ClientRig() : new ServerRig();
  if (rig instanceof ServerRig) rig.acceptAtOnce = false;
  if (state === "INIT") return rig;
  const hello = rig instanceof ClientRig ? rig.hello()[0] : helloPacket();
  if (rig instanceof ServerRig) rig.receive(hello);
  if (state === "NEGOTIATING") return rig;
  if (rig instanceof ClientRig) {
    rig.receive(ackFor(hello));
    rig.submit(1);
  } else {
    rig.accept();
    rig.receive(submitPacket(1));
  }
  if (state === "DRAINING") rig.receive(bare(MessageType.CLOSE));
  return rig;
}

function isIn(rig: Rig, state: StateName): boolean {
  return rig.current.state === SessionState[state];
}

function refusingAck(): ReturnType<typeof ackFor> {
  const ack = ackFor(helloPacket());
  const metadata = ack.metadata.slice();
  metadata[AUTH_STATUS] = 1;
  return { ...ack, metadata };
}
