/**
 * Rules of behaviour spec §6–§10 and what comes of breaking them, as a table: what is sent, to whom in which state, the ERROR
 * with code and scope, and what survives. Walked by `../src/session/engine/broken_rules_test.ts`.
 *
 * @module
 */
import { ErrorCode, ErrorScope, MessageType, SubmitMode } from "../src/wire/enums.ts";
import { encodeControlExtensions } from "../src/wire/extensions.ts";
import type { NnrpPacket } from "../src/wire/packet.ts";
import type { ServerCapabilities } from "../src/session/handshake/server_capabilities.ts";
import type { SessionState } from "../src/session/engine/states.ts";
import { helloPacket } from "@nnrp/testing/engines";
import {
  bare,
  cacheAckPacket,
  cachePutPacket,
  errorPacket,
  flowPacket,
  hintPacket,
  invalidatePacket,
  patchAckPacket,
  patchPacket,
  patterned,
  probePacket,
  resultPacket,
  samplePacket,
  submitPacket,
} from "@nnrp/testing/packets";

/** Names of the states. */
export type StateName = keyof typeof SessionState;

const E = ErrorCode;
const { CONNECTION, SESSION, FRAME } = ErrorScope;

/** A packet with some bytes of its metadata changed. */
export function patched(packet: NnrpPacket, ...changes: [offset: number, value: number][]): NnrpPacket {
  const metadata = packet.metadata.slice();
  for (const [offset, value] of changes) metadata[offset] = value;
  return { ...packet, metadata };
}

/** A packet with another body. */
export function withBody(packet: NnrpPacket, body: Uint8Array): NnrpPacket {
  return { header: { ...packet.header, bodyLen: body.length }, metadata: packet.metadata, body };
}

/** A packet that says it belongs to another session. */
function ofSession(packet: NnrpPacket, sessionId: number): NnrpPacket {
  return { ...packet, header: { ...packet.header, sessionId } };
}

/** A hello whose extension block is this. */
function helloWithBlock(block: Uint8Array): NnrpPacket {
  const packet = helloPacket({ streamedResults: false, migrationToken: false });
  const metadata = packet.metadata.slice();
  new DataView(metadata.buffer).setUint32(60, block.length, true);
  return withBody({ ...packet, metadata }, block);
}

/** A reference to a camera block. */
export const camera = (cacheKeyLo: number, cacheNamespace = 0) => ({
  objectKind: 1,
  refFlags: 0,
  cacheNamespace,
  cacheKeyHi: 0,
  cacheKeyLo,
});
const byReference = (cacheKeyLo: number, cacheNamespace = 0): NnrpPacket =>
  submitPacket(50, {
    viewId: 3,
    traceId: 77n,
    typedPayloads: undefined,
    submitMode: SubmitMode.REFERENCE,
    objectRefMask: 1,
    cameraReference: camera(cacheKeyLo, cacheNamespace),
  });
const tokenSubmit = submitPacket(50, { viewId: 3, traceId: 77n });
/** A request, or result, of two tiles. */
export const tensors = {
  typedPayloads: undefined,
  tileIds: [1, 2],
  sections: [{ roleId: 1, dtypeId: 0, tilePayloads: [patterned(4, 1), patterned(4, 2)] }],
};
const tensorSubmit = submitPacket(50, { viewId: 3, traceId: 77n, ...tensors });
/** A result with them. */
export const tensorResult = resultPacket(50, tensors);
const paddedExtension = (): Uint8Array => {
  const block = encodeControlExtensions([{ extType: 0x4000, payload: new Uint8Array(5) }]);
  block[block.length - 1] = 1;
  return block;
};

/** What is left after a rule was broken. */
export type Survivors =
  /** The session and every other frame. */
  | "session and frames"
  /** The session and its frames, as far as they end while it drains. */
  | "frames of the draining session"
  /** Nothing of this connection. */
  | "nothing";

/** One rule, and what comes of breaking it. */
export interface Row {
  /** What the packet does wrong. */
  readonly rule: string;
  /** Of the behaviour spec. */
  readonly section: string;
  /** Who receives the packet. */
  readonly role: "server" | "client";
  /** In which state; default ACTIVE. */
  readonly state?: StateName;
  /** The packet. */
  readonly sent: NnrpPacket;
  /** Packets before it that break nothing. */
  readonly before?: readonly NnrpPacket[];
  /** Time between them, ms. */
  readonly afterMs?: number;
  /** The ERROR; none = tolerated. */
  readonly error?: readonly [code: number, scope: number];
  /** What is left. */
  readonly survives: Survivors;
  /** What the server offers. */
  readonly capabilities?: ServerCapabilities;
  /** Other packets in answer. */
  readonly also?: readonly string[];
}

const ALL = "session and frames";
const refusedHello = (rule: string, section: string, sent: NnrpPacket, code: number): Row => ({
  rule,
  section,
  role: "server",
  state: "INIT",
  sent,
  error: [code, CONNECTION],
  survives: "nothing",
});
const tooEarly = (role: Row["role"], state: StateName, name: string, sent: NnrpPacket): Row => ({
  rule: `${name} in ${state}`,
  section: "§7",
  role,
  state,
  sent,
  error: [E.INVALID_STATE, CONNECTION],
  survives: "nothing",
});
const whileDraining = (name: string, sent: NnrpPacket, scope: number = SESSION): Row => ({
  rule: `${name} in DRAINING`,
  section: "§7",
  role: "server",
  state: "DRAINING",
  sent,
  error: [E.INVALID_STATE, scope],
  survives: "frames of the draining session",
});
const badControl = (role: Row["role"], rule: string, sent: NnrpPacket, section = "§10"): Row => ({
  rule,
  section,
  role,
  sent,
  error: [E.MALFORMED_BODY, SESSION],
  survives: ALL,
});
const misplaced = (role: Row["role"], name: string, sent: NnrpPacket): Row => ({
  rule: `${name} sent to a ${role}`,
  section: "§7",
  role,
  sent,
  error: [E.INVALID_STATE, SESSION],
  survives: ALL,
});
const badSubmit = (
  rule: string,
  section: string,
  sent: NnrpPacket,
  code: number = E.MALFORMED_BODY,
): Row => ({
  rule,
  section,
  role: "server",
  sent,
  error: [code, FRAME],
  survives: ALL,
});
const missing = (rule: string, sent: NnrpPacket, more: Partial<Row> = {}): Row => ({
  ...badSubmit(rule, "§10", sent, E.CACHE_MISS),
  ...more,
});
const flow = (role: Row["role"]): Row[] => [
  badControl(
    role,
    "FLOW_UPDATE: scope CONNECTION with a session's credit",
    patched(flowPacket({ scopeKind: 0 }), [6, 1]),
  ),
  badControl(role, "FLOW_UPDATE: scope SESSION with a connection's credit", patched(flowPacket({}), [4, 1])),
  badControl(role, "FLOW_UPDATE: scope SESSION with an operation's credit", patched(flowPacket({}), [8, 1])),
  badControl(role, "FLOW_UPDATE: scope SESSION that names an operation", patched(flowPacket({}), [12, 1])),
  badControl(role, "FLOW_UPDATE: scope OPERATION without an operation", patched(flowPacket({}), [0, 2])),
  badControl(
    role,
    "FLOW_UPDATE: scope OPERATION with a session's credit",
    patched(flowPacket({}), [0, 2], [12, 1], [6, 1]),
  ),
  badControl(role, "FLOW_UPDATE: unknown reason", patched(flowPacket({}), [1, 99])),
  badControl(role, "FLOW_UPDATE: unknown level", patched(flowPacket({}), [2, 99])),
];

/** All of them. */
export const ROWS: readonly Row[] = [
  // §6: hellos
  refusedHello(
    "no wire format of ours offered",
    "§6.2",
    patched(helloPacket(), [2, 2], [3, 0]),
    E.UNSUPPORTED_VERSION,
  ),
  refusedHello(
    "a version range that ends before it begins",
    "§6.2",
    patched(helloPacket(), [0, 2], [1, 1]),
    E.UNSUPPORTED_VERSION,
  ),
  refusedHello(
    "extension padding that is not zero",
    "§6.3",
    helloWithBlock(paddedExtension()),
    E.MALFORMED_BODY,
  ),
  refusedHello(
    "an extension longer than its block",
    "§6.3",
    helloWithBlock(patterned(16, 1).fill(0).fill(9, 4, 5)),
    E.MALFORMED_BODY,
  ),
  // §7: states
  ...([
    ["FLOW_UPDATE", flowPacket({})],
    ["FRAME_CANCEL", bare(MessageType.FRAME_CANCEL, { frameId: 1 })],
    ["SESSION_PATCH", patchPacket()],
    ["CACHE_PUT", cachePutPacket()],
    ["CACHE_INVALIDATE", invalidatePacket()],
    ["PONG", bare(MessageType.PONG)],
    ["ERROR", errorPacket()],
    ["RESULT_PUSH", resultPacket(1)],
  ] as const).map(([name, sent]) => tooEarly("server", "INIT", name, sent)),
  tooEarly("server", "NEGOTIATING", "a second CLIENT_HELLO", helloPacket()),
  tooEarly("server", "NEGOTIATING", "RESULT_HINT", hintPacket()),
  tooEarly("client", "NEGOTIATING", "RESULT_PUSH", resultPacket(1)),
  tooEarly("client", "NEGOTIATING", "SESSION_PATCH_ACK", patchAckPacket()),
  tooEarly("client", "NEGOTIATING", "CLIENT_HELLO", helloPacket()),
  whileDraining("FRAME_SUBMIT", tokenSubmit, FRAME),
  whileDraining("SESSION_PATCH", patchPacket()),
  whileDraining("TRANSPORT_PROBE", probePacket()),
  whileDraining("CLIENT_HELLO", helloPacket()),
  ...(["SERVER_HELLO_ACK", "SESSION_PATCH_ACK", "TRANSPORT_PROBE_ACK", "SESSION_MIGRATE_ACK"] as const).map((
    name,
  ) => misplaced("server", name, samplePacket(MessageType[name]))),
  ...(["CLIENT_HELLO", "FRAME_CANCEL", "CACHE_INVALIDATE", "TRANSPORT_PROBE", "SESSION_MIGRATE"] as const)
    .map((name) => misplaced("client", name, samplePacket(MessageType[name]))),
  // §8.2, §9: submits that contradict themselves
  badSubmit("mode REFERENCE without a reference", "§8.2", patched(byReference(1), [56, 0])),
  badSubmit("a mask that names more than the references given", "§8.2", patched(byReference(1), [56, 3])),
  badSubmit("unknown input profile", "§13", patched(tensorSubmit, [13, 99])),
  badSubmit("unknown loss tolerance", "§13", patched(tensorSubmit, [54, 99])),
  badSubmit("more tiles than the index names", "§9", patched(tensorSubmit, [8, 3])),
  badSubmit("more sections than the body holds", "§9", patched(tensorSubmit, [10, 2])),
  badSubmit("a camera longer than the body", "§9", patched(tensorSubmit, [29, 0xff])),
  badSubmit("a tile index longer than the body", "§9", patched(tensorSubmit, [33, 0xff])),
  // §10: references
  missing("a reference in another namespace", byReference(1, 5), { before: [cachePutPacket()] }),
  missing("a reference to another key", byReference(2), { before: [cachePutPacket()] }),
  missing("a reference to an object of another kind", byReference(1), {
    before: [cachePutPacket({ objectKind: 2 })],
  }),
  missing("a reference to an invalidated object", byReference(1), {
    before: [cachePutPacket(), invalidatePacket()],
  }),
  missing("a reference to an object whose time is over", byReference(1), {
    before: [cachePutPacket({ ttlMs: 50 })],
    afterMs: 51,
  }),
  missing("a reference to an object that had to make room", byReference(1), {
    before: [cachePutPacket(), cachePutPacket({ cacheKeyLo: 2 })],
    capabilities: { maxCacheEntries: 1 },
  }),
  missing("a reference where the cache is off", byReference(1), {
    before: [cachePutPacket()],
    capabilities: { enableCache: false },
  }),
  // §9, §10: control packets that contradict themselves
  ...flow("server"),
  ...flow("client"),
  badControl(
    "server",
    "SESSION_PATCH with a profile block of 8 bytes",
    patchPacket({}, {}, new Uint8Array(8)),
  ),
  badControl(
    "server",
    "SESSION_PATCH with a body it does not announce",
    withBody(patchPacket(), new Uint8Array(16)),
  ),
  badControl("server", "CACHE_PUT of an unknown kind", patched(cachePutPacket(), [12, 99])),
  badControl("client", "SESSION_PATCH_ACK with an unknown status", patched(patchAckPacket(), [0, 99]), "§9"),
  badControl("client", "SESSION_PATCH_ACK with an unknown reason", patched(patchAckPacket(), [2, 99]), "§9"),
  badControl("client", "CACHE_ACK with an unknown status", patched(cacheAckPacket(), [12, 99]), "§9"),
  badControl("client", "ERROR of an unknown scope", patched(errorPacket(), [4, 9])),
  // §13: what is tolerated
  {
    rule: "a SESSION-scope FLOW_UPDATE under another session's id",
    section: "§13",
    role: "server",
    sent: ofSession(flowPacket({}), 99),
    survives: ALL,
  },
  {
    rule: "an ERROR whose diagnostic is shorter than announced",
    section: "§13",
    role: "client",
    sent: errorPacket({ diagnosticBytes: 99 }),
    survives: ALL,
  },
  {
    rule: "an unknown error code",
    section: "§10",
    role: "client",
    sent: errorPacket({ errorCode: 4711 }),
    survives: ALL,
  },
  {
    rule: "CACHE_PUT of an object that no cache could hold",
    section: "§10",
    role: "server",
    sent: cachePutPacket({}, {}, patterned(2000, 1)),
    capabilities: { maxCacheBytes: 1000 },
    also: ["CACHE_ACK"],
    survives: ALL,
  },
  {
    rule: "a session ERROR from the client",
    section: "§10",
    role: "server",
    sent: errorPacket(),
    survives: ALL,
  },
  {
    rule: "a second CLOSE",
    section: "§10",
    role: "server",
    state: "DRAINING",
    sent: bare(MessageType.CLOSE),
    survives: "frames of the draining session",
  },
  // §10: what ends a session
  {
    rule: "a fatal ERROR of session scope",
    section: "§10",
    role: "server",
    sent: errorPacket({ isFatal: 1 }),
    survives: "nothing",
  },
  {
    rule: "an ERROR of connection scope",
    section: "§10",
    role: "client",
    sent: errorPacket({ errorScope: CONNECTION }),
    survives: "nothing",
  },
];
