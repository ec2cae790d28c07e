import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { test } from "node:test";
import {
  ackFor,
  ClientRig,
  errorsIn,
  helloPacket,
  namesOf,
  type SentPacket,
  ServerRig,
} from "@nnrp/testing/engines";
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
import { patched, withBody } from "../../../tests/broken_rules.ts";
import { type NnrpError, NnrpProtocolError, NnrpWireError } from "../../errors.ts";
import { enumName } from "../../wire/enum_names.ts";
import { ErrorCode, ErrorScope, MessageType, SubmitMode } from "../../wire/enums.ts";
import { encodeControlExtensions } from "../../wire/extensions.ts";
import type { NnrpPacket } from "../../wire/packet.ts";
import type { ServerCapabilities } from "../handshake/server_capabilities.ts";
import type { ServerEngineOptions } from "./server_host.ts";
import { SessionState } from "./states.ts";

const { CONNECTION, SESSION, FRAME } = ErrorScope;
const E = ErrorCode;

/** A packet with another length of metadata: cut, or filled up with zeroes. */
function sized(packet: NnrpPacket, length: number): NnrpPacket {
  const metadata = new Uint8Array(length);
  metadata.set(packet.metadata.subarray(0, length));
  return { header: { ...packet.header, metaLen: length }, metadata, body: packet.body };
}

/** A packet with some bytes of its body changed. */
function bodyPatched(packet: NnrpPacket, ...changes: [offset: number, value: number][]): NnrpPacket {
  const body = packet.body.slice();
  for (const [offset, value] of changes) body[offset] = value;
  return { ...packet, body };
}

/** A packet with some fields of its header changed. */
function headed(packet: NnrpPacket, changes: Partial<NnrpPacket["header"]>): NnrpPacket {
  return { ...packet, header: { ...packet.header, ...changes } };
}

const shown = (packets: SentPacket[]): string[] =>
  errorsIn(packets).map((e) =>
    `${enumName(ErrorCode, e.errorCode)} ${enumName(ErrorScope, e.errorScope)}${e.isFatal ? " fatal" : ""}`
  );
const says = (code: number, scope: number, fatal = false): string[] => [
  `${enumName(ErrorCode, code)} ${enumName(ErrorScope, scope)}${fatal ? " fatal" : ""}`,
];

interface ServerRule {
  /** The rule that the packet breaks. */
  readonly rule: string;
  readonly section: string;
  readonly packet: NnrpPacket;
  /** The ERROR it gets; left out where the rule asks for tolerance. */
  readonly error?: readonly [code: number, scope: number];
  /** Other packets it gets. */
  readonly also?: readonly string[];
  readonly options?: ServerEngineOptions;
  readonly before?: readonly NnrpPacket[];
}

const submit = submitPacket(50, { viewId: 3, traceId: 0x1122334455667788n });
const tensorSubmit = submitPacket(50, {
  viewId: 3,
  traceId: 0x1122334455667788n,
  typedPayloads: undefined,
  tileIds: [1, 2],
  sections: [1, 2, 3].map((roleId) => ({
    roleId,
    dtypeId: 0,
    tilePayloads: [patterned(4, roleId), patterned(4, roleId)],
  })),
  srcWidth: 64,
  srcHeight: 32,
  tileWidth: 32,
  tileHeight: 32,
});
const camera = { objectKind: 1, refFlags: 0, cacheNamespace: 0, cacheKeyHi: 0, cacheKeyLo: 1 };
const index = { objectKind: 2, refFlags: 0, cacheNamespace: 0, cacheKeyHi: 0, cacheKeyLo: 2 };
const table = { objectKind: 3, refFlags: 0, cacheNamespace: 0, cacheKeyHi: 0, cacheKeyLo: 3 };
const byReference = (references: Partial<Parameters<typeof submitPacket>[1]>): NnrpPacket =>
  submitPacket(50, {
    viewId: 3,
    traceId: 0x1122334455667788n,
    typedPayloads: undefined,
    submitMode: SubmitMode.REFERENCE,
    ...references,
  });
const SERVER_RULES: readonly ServerRule[] = [
  // §9 and §13: a bad submit is the frame's affair
  {
    rule: "another session's id",
    section: "§9",
    packet: submitPacket(50, { viewId: 3, traceId: 9n, sessionId: 99 }),
    error: [E.INVALID_STATE, FRAME],
  },
  {
    rule: "session id 0",
    section: "§9",
    packet: submitPacket(50, { viewId: 3, sessionId: 0 }),
    error: [E.INVALID_STATE, FRAME],
  },
  {
    rule: "metadata one byte short",
    section: "§9",
    packet: sized(submit, 71),
    error: [E.MALFORMED_BODY, FRAME],
  },
  {
    rule: "metadata one byte long",
    section: "§9",
    packet: sized(submit, 73),
    error: [E.MALFORMED_BODY, FRAME],
  },
  { rule: "no metadata", section: "§9", packet: sized(submit, 0), error: [E.MALFORMED_BODY, FRAME] },
  {
    rule: "unknown tile index mode",
    section: "§13",
    packet: patched(submit, [14, 9]),
    error: [E.MALFORMED_BODY, FRAME],
  },
  {
    rule: "unknown submit mode",
    section: "§13",
    packet: patched(submit, [52, 9]),
    error: [E.MALFORMED_BODY, FRAME],
  },
  {
    rule: "unknown budget policy bit",
    section: "§13",
    packet: patched(submit, [53, 0x80]),
    error: [E.MALFORMED_BODY, FRAME],
  },
  {
    rule: "unknown payload kind",
    section: "§13",
    packet: patched(submit, [64, 0x80]),
    error: [E.MALFORMED_BODY, FRAME],
  },
  {
    rule: "more payloads than there are",
    section: "§13",
    packet: patched(submit, [68, 9]),
    error: [E.MALFORMED_BODY, FRAME],
  },
  {
    rule: "no body where payloads are announced",
    section: "§13",
    packet: withBody(submit, new Uint8Array(0)),
    error: [E.MALFORMED_BODY, FRAME],
  },
  {
    rule: "body cut",
    section: "§13",
    packet: withBody(submit, submit.body.slice(0, -1)),
    error: [E.MALFORMED_BODY, FRAME],
  },
  {
    rule: "bytes after the body",
    section: "§13",
    packet: withBody(submit, patterned(submit.body.length + 8, 0)),
    error: [E.MALFORMED_BODY, FRAME],
  },
  {
    rule: "payload beyond the body",
    section: "§13",
    packet: bodyPatched(submit, [40, 0xff], [41, 0xff]),
    error: [E.MALFORMED_BODY, FRAME],
  },
  {
    rule: "mode INLINE with a reference mask",
    section: "§8.2",
    packet: patched(submit, [56, 1]),
    error: [E.MALFORMED_BODY, FRAME],
  },
  {
    rule: "tensor body cut",
    section: "§13",
    packet: withBody(tensorSubmit, tensorSubmit.body.slice(0, -3)),
    error: [E.MALFORMED_BODY, FRAME],
  },
  {
    rule: "too many sections",
    section: "§9",
    packet: tensorSubmit,
    options: { maxSections: 2 },
    error: [E.LIMIT_EXCEEDED, FRAME],
  },
  {
    rule: "too many frames in flight",
    section: "design, Limits",
    packet: submit,
    options: { maxInFlightFrames: 1 },
    error: [E.LIMIT_EXCEEDED, FRAME],
  },
  {
    rule: "reference to nothing",
    section: "§10",
    packet: byReference({ objectRefMask: 1, cameraReference: camera }),
    error: [E.CACHE_MISS, FRAME],
  },
  {
    rule: "reference to an object that does not fit",
    section: "§9",
    before: [cachePutPacket({ objectKind: 2, cacheKeyLo: 2 }, {}, patterned(3, 1))],
    packet: byReference({ objectRefMask: 2, tileIndexReference: index }),
    error: [E.MALFORMED_BODY, FRAME],
  },
  {
    rule: "reference to a table of too many sections",
    section: "§9",
    before: [
      cachePutPacket({ objectKind: 3, cacheKeyLo: 3 }, {}, tensorSubmit.body.slice(8)),
      cachePutPacket({ objectKind: 2, cacheKeyLo: 2 }, {}, tensorSubmit.body.slice(0, 4)),
    ],
    packet: byReference({ objectRefMask: 6, tileIndexReference: index, tensorSectionTableReference: table }),
    options: { maxSections: 2 },
    error: [E.LIMIT_EXCEEDED, FRAME],
  },
  // §9, §10: bad control metadata is the session's affair, and it lives
  {
    rule: "FLOW_UPDATE of 31 bytes",
    section: "§9",
    packet: sized(flowPacket({}), 31),
    error: [E.MALFORMED_BODY, SESSION],
  },
  {
    rule: "FLOW_UPDATE with an unknown flag",
    section: "§10",
    packet: patched(flowPacket({}), [28, 0x80]),
    error: [E.MALFORMED_BODY, SESSION],
  },
  {
    rule: "FLOW_UPDATE with an unknown scope",
    section: "§10",
    packet: patched(flowPacket({}), [0, 9]),
    error: [E.MALFORMED_BODY, SESSION],
  },
  {
    rule: "FLOW_UPDATE with a time it does not announce",
    section: "§10",
    packet: patched(flowPacket({}), [20, 9]),
    error: [E.MALFORMED_BODY, SESSION],
  },
  {
    rule: "SESSION_PATCH of 35 bytes",
    section: "§9",
    packet: sized(patchPacket(), 35),
    error: [E.MALFORMED_BODY, SESSION],
  },
  {
    rule: "SESSION_PATCH that announces a block it has not",
    section: "§10",
    packet: patchPacket({ profilePatchBytes: 16 }),
    error: [E.MALFORMED_BODY, SESSION],
  },
  {
    rule: "CACHE_PUT of 31 bytes",
    section: "§9",
    packet: sized(cachePutPacket(), 31),
    error: [E.MALFORMED_BODY, SESSION],
  },
  {
    rule: "CACHE_PUT of another length than it says",
    section: "§10",
    packet: cachePutPacket({ objectBytes: 15 }),
    error: [E.MALFORMED_BODY, SESSION],
  },
  {
    rule: "CACHE_INVALIDATE of 19 bytes",
    section: "§9",
    packet: sized(invalidatePacket(), 19),
    error: [E.MALFORMED_BODY, SESSION],
  },
  {
    rule: "CACHE_INVALIDATE with an unknown scope",
    section: "§9",
    packet: patched(invalidatePacket(), [0, 77]),
    error: [E.MALFORMED_BODY, SESSION],
  },
  {
    rule: "TRANSPORT_PROBE of another length than it says",
    section: "§5.3",
    packet: withBody(probePacket(), new Uint8Array(99)),
    error: [E.MALFORMED_BODY, SESSION],
  },
  {
    rule: "ERROR of 31 bytes",
    section: "§9",
    packet: sized(errorPacket(), 31),
    error: [E.MALFORMED_BODY, SESSION],
  },
  {
    rule: "ERROR with an unknown scope",
    section: "§10",
    packet: patched(errorPacket(), [4, 7]),
    error: [E.MALFORMED_BODY, SESSION],
  },
  // §7: what has no place here
  { rule: "a second CLIENT_HELLO", section: "§13", packet: helloPacket(), error: [E.INVALID_STATE, SESSION] },
  {
    rule: "a result from a client",
    section: "§7",
    packet: resultPacket(1),
    error: [E.INVALID_STATE, SESSION],
  },
  {
    rule: "a RESULT_DROP from a client",
    section: "§7",
    packet: bare(MessageType.RESULT_DROP, { frameId: 1 }),
    error: [E.INVALID_STATE, SESSION],
  },
  { rule: "a hint from a client", section: "§7", packet: hintPacket(), error: [E.INVALID_STATE, SESSION] },
  {
    rule: "a CACHE_ACK from a client",
    section: "§7",
    packet: cacheAckPacket(),
    error: [E.INVALID_STATE, SESSION],
  },
  {
    rule: "SESSION_MIGRATE on the session's own path",
    section: "§11",
    packet: samplePacket(MessageType.SESSION_MIGRATE),
    error: [E.INVALID_STATE, SESSION],
  },
  {
    rule: "a refused probe",
    section: "§5.3",
    packet: probePacket(),
    options: { answerProbes: false },
    error: [E.INVALID_STATE, SESSION],
  },
  // §13: where tolerance is asked for
  {
    rule: "metadata and body on PING",
    section: "§13",
    packet: withBody(sized(bare(MessageType.PING), 12), patterned(40, 1)),
    also: ["PONG"],
  },
  {
    rule: "a body on FRAME_CANCEL",
    section: "§13",
    packet: withBody(bare(MessageType.FRAME_CANCEL, { frameId: 99 }), patterned(9, 1)),
  },
  {
    rule: "metadata on CLOSE's neighbour PONG",
    section: "§13",
    packet: sized(bare(MessageType.PONG, { traceId: 5n }), 3),
  },
  {
    rule: "version 9 in a header",
    section: "§13",
    packet: headed(bare(MessageType.PING), { versionMajor: 9 }),
    also: ["PONG"],
  },
  {
    rule: "unknown header flags",
    section: "§13",
    packet: headed(bare(MessageType.PING), { flags: 0xffff0000 }),
    also: ["PONG"],
  },
  {
    rule: "a cancel of an unknown frame",
    section: "§10",
    packet: bare(MessageType.FRAME_CANCEL, { frameId: 4000 }),
  },
  { rule: "an unasked PONG", section: "§10", packet: bare(MessageType.PONG, { traceId: 99n }) },
  {
    rule: "a control packet with another session's id",
    section: "§13",
    packet: headed(patchPacket(), { sessionId: 99 }),
    also: ["SESSION_PATCH_ACK"],
  },
];

for (const { rule, section, packet, error, also = [], options, before = [] } of SERVER_RULES) {
  const outcome = error === undefined
    ? "is tolerated"
    : `is answered ${says(...error)}, and nothing else suffers`;
  test(`server, ${section}: ${rule} ${outcome}`, () => {
    const rig = new ServerRig(options).open();
    rig.receive(...before);
    rig.receive(submitPacket(1));
    const sent = rig.receive(packet);
    assertEquals(shown(sent), error === undefined ? [] : says(...error));
    assertEquals(namesOf(sent).filter((n) => n !== "ERROR"), [...also]);
    const [told] = errorsIn(sent);
    if (told !== undefined) {
      assertEquals(told.traceId, packet.header.traceId, "an ERROR caused by a packet repeats its trace id");
      assertEquals(told.relatedSessionId, 7);
      assert(told.diagnostic.length > 0, "an ERROR says why");
    }
    if (error?.[1] === FRAME) {
      const { frameId, viewId } = packet.header;
      assertEquals([told.relatedFrameId, told.relatedViewId], [frameId, viewId]);
      assertEquals([told.headerFrameId, told.headerViewId], [frameId, viewId]);
      assertEquals(rig.frames.length, 1);
    }
    // The session lives: the frame before is answered, and another one is taken and answered.
    assertEquals([rig.current.state, rig.ending], [SessionState.ACTIVE, null]);
    assertEquals(rig.engine.sendResult(rig.frames[0], {}, true, rig.nowMs), true);
    assertEquals(rig.receive(submitPacket(2)).map((p) => p.header.frameId), [1]);
    assertEquals(rig.engine.sendResult(rig.frames[1], {}, true, rig.nowMs), true);
    assertEquals(namesOf(rig.out.take()), ["RESULT_PUSH"]);
    assertEquals([rig.current.framesInFlight, rig.engine.counts.bytesInFlight], [0, 0]);
  });
}

interface HelloRule {
  readonly rule: string;
  readonly section: string;
  readonly packet: NnrpPacket;
  readonly code: number;
  readonly capabilities?: ServerCapabilities;
}

const hello = helloPacket({ auth: "let me in" });
const extension = (extType: number, extFlags: number) => ({ extType, extFlags, payload: new Uint8Array(8) });
const withExtensions = (block: Uint8Array): NnrpPacket => {
  const packet = helloPacket({ streamedResults: false, migrationToken: false });
  const view = new DataView(packet.metadata.buffer, packet.metadata.byteOffset);
  // auth_bytes and control_extension_bytes are the last two fields of the record
  view.setUint32(60, block.length, true);
  return withBody(packet, block);
};
const HELLO_RULES: readonly HelloRule[] = [
  { rule: "metadata of 63 bytes", section: "§6.3", packet: sized(hello, 63), code: E.MALFORMED_BODY },
  { rule: "metadata of 65 bytes", section: "§6.3", packet: sized(hello, 65), code: E.MALFORMED_BODY },
  {
    rule: "less body than auth_bytes",
    section: "§6.3",
    packet: withBody(hello, hello.body.slice(-5)),
    code: E.MALFORMED_BODY,
  },
  {
    rule: "more body than is announced",
    section: "§6.3",
    packet: withBody(hello, patterned(hello.body.length + 1, 0)),
    code: E.MALFORMED_BODY,
  },
  {
    rule: "extensions cut",
    section: "§6.3",
    packet: withExtensions(encodeControlExtensions([extension(0x4000, 0)]).slice(0, 12)),
    code: E.MALFORMED_BODY,
  },
  {
    rule: "an unknown critical extension",
    section: "§6.3",
    packet: helloPacket({ controlExtensions: [extension(0x4000, 1)] }),
    code: E.UNSUPPORTED_CAPABILITY,
  },
  {
    rule: "a version range above ours",
    section: "§6.2",
    packet: patched(hello, [0, 2], [1, 9]),
    code: E.UNSUPPORTED_VERSION,
  },
  {
    rule: "a version range below ours",
    section: "§6.2",
    packet: patched(hello, [0, 0], [1, 0]),
    code: E.UNSUPPORTED_VERSION,
  },
  {
    rule: "no common codec",
    section: "§6.2",
    packet: helloPacket({ profile: { codecBitmap: 0x8000 } }),
    code: E.UNSUPPORTED_CAPABILITY,
  },
  {
    rule: "no common dtype",
    section: "§6.2",
    packet: helloPacket({ profile: { dtypeBitmap: 0x8000 } }),
    code: E.UNSUPPORTED_CAPABILITY,
  },
  {
    rule: "no common layout",
    section: "§6.2",
    packet: helloPacket({ profile: { layoutBitmap: 0x8000 } }),
    code: E.UNSUPPORTED_CAPABILITY,
  },
  {
    rule: "no common payload kind",
    section: "§6.2",
    packet: helloPacket({ profile: { payloadKindBitmap: 0x20 } }),
    code: E.UNSUPPORTED_CAPABILITY,
    capabilities: { payloadKindBitmap: 0x3 },
  },
  {
    rule: "more lanes than are offered",
    section: "§6.2",
    packet: helloPacket({ profile: { maxViews: 9 } }),
    code: E.LIMIT_EXCEEDED,
    capabilities: { maxLaneCount: 8 },
  },
  { rule: "another packet first", section: "§6.3", packet: submitPacket(1), code: E.INVALID_STATE },
];

for (const { rule, section, packet, code, capabilities } of HELLO_RULES) {
  test(`server, ${section}: a hello with ${rule} is refused by ${enumName(ErrorCode, code)} and the connection closed`, () => {
    const rig = new ServerRig({}, capabilities);
    const sent = rig.receive(packet);
    assertEquals(namesOf(sent), ["ERROR"]);
    assertEquals(shown(sent), says(code, CONNECTION, true));
    assertEquals([rig.current.state, rig.done?.fatal], [SessionState.CLOSED, true]);
    assertEquals(rig.receive(helloPacket(), submitPacket(1)), [], "nothing is answered afterwards");
  });
}

const TOLERATED_HELLOS: readonly [string, NnrpPacket][] = [
  ["an unknown extension that is not critical", helloPacket({ controlExtensions: [extension(0x4000, 0)] })],
  ["a wish for codecs of which one is common", helloPacket({ profile: { codecBitmap: 0x80000001 } })],
  ["a private extension of somebody else", helloPacket({ controlExtensions: [extension(0xf0aa, 0)] })],
  ["rc2's form: no extensions at all", helloPacket({ streamedResults: false, migrationToken: false })],
];
for (const [what, packet] of TOLERATED_HELLOS) {
  test(`server, §6.3: ${what} is accepted`, () => {
    assertEquals(namesOf(new ServerRig().receive(packet)), ["SERVER_HELLO_ACK"]);
  });
}

interface Framing {
  readonly rule: string;
  readonly fault: NnrpError;
  readonly code: number;
}
const wire = (field: string, limit = false): NnrpWireError =>
  new NnrpWireError("broken", { field, stage: "framing", limit });
const FRAMING: readonly Framing[] = [
  { rule: "a bad magic", fault: wire("header.magic"), code: E.MALFORMED_HEADER },
  { rule: "an unknown type", fault: wire("header.msg_type"), code: E.MALFORMED_HEADER },
  { rule: "a body over the limit", fault: wire("header.body_len", true), code: E.LIMIT_EXCEEDED },
  { rule: "metadata over the limit", fault: wire("header.meta_len", true), code: E.LIMIT_EXCEEDED },
  { rule: "a stream that ends inside a packet", fault: wire("packet"), code: E.MALFORMED_BODY },
];
for (const { rule, fault, code } of FRAMING) {
  for (const role of ["client", "server"] as const) {
    test(`${role}, §2: ${rule} ends the connection with ${enumName(ErrorCode, code)}`, () => {
      const rig = role === "client" ? new ClientRig().open() : new ServerRig().open();
      const waiter = rig instanceof ClientRig ? rig.submit(1) : undefined;
      if (rig instanceof ServerRig) rig.receive(submitPacket(1));
      rig.out.take();
      rig.current.fault(fault);
      const sent = rig.out.take();
      assertEquals(shown(sent), says(code, CONNECTION, true));
      assertEquals([rig.current.state, rig.done?.fatal, rig.ending?.error], [
        SessionState.CLOSED,
        true,
        fault,
      ]);
      assertEquals(waiter?.heard ?? ["WIRE"], ["WIRE"]);
      if (rig instanceof ServerRig) {
        assertEquals([rig.frames[0].aborted, rig.frames[0].settled], [true, true]);
      }
    });
  }
}

interface ClientRule {
  readonly rule: string;
  readonly section: string;
  readonly packet: NnrpPacket;
  readonly error?: readonly [code: number, scope: number];
  readonly also?: readonly string[];
}
const CLIENT_RULES: readonly ClientRule[] = [
  {
    rule: "RESULT_HINT of 15 bytes",
    section: "§9",
    packet: sized(hintPacket(), 15),
    error: [E.MALFORMED_BODY, SESSION],
  },
  {
    rule: "FLOW_UPDATE of 31 bytes",
    section: "§9",
    packet: sized(flowPacket({ credit: 0 }), 31),
    error: [E.MALFORMED_BODY, SESSION],
  },
  {
    rule: "SESSION_PATCH_ACK of 47 bytes",
    section: "§9",
    packet: sized(patchAckPacket(), 47),
    error: [E.MALFORMED_BODY, SESSION],
  },
  {
    rule: "CACHE_ACK of 27 bytes",
    section: "§9",
    packet: sized(cacheAckPacket(), 27),
    error: [E.MALFORMED_BODY, SESSION],
  },
  {
    rule: "ERROR of 31 bytes",
    section: "§9",
    packet: sized(errorPacket(), 31),
    error: [E.MALFORMED_BODY, SESSION],
  },
  {
    rule: "a second SERVER_HELLO_ACK",
    section: "§7",
    packet: samplePacket(MessageType.SERVER_HELLO_ACK),
    error: [E.INVALID_STATE, SESSION],
  },
  {
    rule: "a submit from a server",
    section: "§7",
    packet: submitPacket(1),
    error: [E.INVALID_STATE, SESSION],
  },
  {
    rule: "a SESSION_PATCH from a server",
    section: "§7",
    packet: patchPacket(),
    error: [E.INVALID_STATE, SESSION],
  },
  {
    rule: "a CACHE_PUT from a server",
    section: "§7",
    packet: cachePutPacket(),
    error: [E.INVALID_STATE, SESSION],
  },
  { rule: "a result nobody asked for", section: "§13", packet: resultPacket(4711) },
  { rule: "a malformed result nobody asked for", section: "§13", packet: sized(resultPacket(4711), 3) },
  {
    rule: "a drop nobody asked for",
    section: "§13",
    packet: bare(MessageType.RESULT_DROP, { frameId: 4711 }),
  },
  {
    rule: "a RESULT_DROP with metadata and body",
    section: "§13",
    packet: withBody(sized(bare(MessageType.RESULT_DROP, { frameId: 4711 }), 9), patterned(9, 1)),
  },
  {
    rule: "a frame error for frame 0, which is not in flight",
    section: "§8.1",
    packet: errorPacket({ errorScope: 2 }),
  },
  { rule: "an ack for no patch", section: "§10", packet: patchAckPacket({}, { traceId: 999n }) },
  { rule: "an ack for no put", section: "§10", packet: cacheAckPacket({}, { traceId: 999n }) },
  {
    rule: "PING with a body",
    section: "§13",
    packet: withBody(bare(MessageType.PING), patterned(5, 1)),
    also: ["PONG"],
  },
  {
    rule: "a hint with another session's id",
    section: "§13",
    packet: headed(hintPacket(), { sessionId: 99 }),
  },
  {
    rule: "a result with another session's id",
    section: "§13",
    packet: headed(resultPacket(4711), { sessionId: 99 }),
  },
];
for (const { rule, section, packet, error, also = [] } of CLIENT_RULES) {
  test(`client, ${section}: ${rule} ${error === undefined ? "is tolerated" : `is answered ${says(...error)}`}`, () => {
    const rig = new ClientRig().open();
    const waiter = rig.submit(1);
    rig.out.take();
    const sent = rig.receive(packet);
    assertEquals(shown(sent), error === undefined ? [] : says(...error));
    assertEquals(namesOf(sent).filter((n) => n !== "ERROR"), [...also]);
    if (error !== undefined) assertEquals(errorsIn(sent)[0].traceId, packet.header.traceId);
    assertEquals([rig.current.state, waiter.heard.length], [SessionState.ACTIVE, 0]);
    rig.receive(resultPacket(1));
    assertEquals(waiter.heard, ["final"]);
    const second = rig.submit(2);
    rig.receive(resultPacket(2));
    assertEquals(second.heard, ["final"]);
  });
}

const BAD_RESULTS: readonly [string, NnrpPacket][] = [
  ["metadata of 63 bytes", sized(resultPacket(1), 63)],
  ["an unknown class", patched(resultPacket(1), [44, 9])],
  ["an unknown flag", patched(resultPacket(1), [2, 0x80])],
  ["fewer payloads than announced", patched(resultPacket(1), [60, 9])],
  ["a body cut", withBody(resultPacket(1), resultPacket(1).body.slice(0, -1))],
  ["no body", withBody(resultPacket(1), new Uint8Array(0))],
];
for (const [what, packet] of BAD_RESULTS) {
  test(`client, §8.4: a result with ${what} fails its own frame and nothing else`, () => {
    const rig = new ClientRig().open();
    const bad = rig.submit(1);
    const good = rig.submit(2);
    rig.out.take();
    assertEquals(
      rig.receive(packet, resultPacket(2)),
      [],
      "a bad result is not worth an ERROR: its frame is over",
    );
    assertEquals([bad.heard, good.heard], [["WIRE"], ["final"]]);
    assertInstanceOf(bad.error, NnrpWireError);
    assertEquals([rig.current.framesInFlight, rig.engine.counts.failed], [0, 1]);
  });
}

const ack = ackFor(helloPacket());
const BAD_ACKS: readonly [rule: string, packet: NnrpPacket, code: string, told: string[]][] = [
  [
    "metadata one byte short",
    sized(ack, ack.metadata.length - 1),
    "MALFORMED_BODY",
    says(E.MALFORMED_BODY, CONNECTION, true),
  ],
  ["auth_status 1", patched(ack, [2, 1]), "AUTH_FAILED", []],
  ["version 2", patched(ack, [0, 2]), "UNSUPPORTED_VERSION", []],
  ["extensions that are not there", withBody(ack, new Uint8Array(0)), "WIRE", []],
];
for (const [rule, packet, code, told] of BAD_ACKS) {
  test(`client, §6.4: an ack with ${rule} ends in ${code}`, () => {
    const rig = new ClientRig();
    rig.hello();
    const sent = rig.receive(packet);
    if (told.length > 0) assertEquals(shown(sent), told);
    assertEquals([rig.current.state, rig.accepted, rig.done !== null], [SessionState.CLOSED, null, true]);
    const { refusal } = rig;
    assertEquals(refusal instanceof NnrpProtocolError ? refusal.codeName : refusal?.code, code);
  });
}

test("client, §6.4: an ERROR instead of the ack refuses with its code, fatal or not", () => {
  for (const isFatal of [0, 1]) {
    for (const errorScope of [CONNECTION, SESSION]) {
      const rig = new ClientRig();
      rig.hello();
      assertEquals(
        rig.receive(
          errorPacket({ errorCode: E.SERVER_BUSY, errorScope, isFatal, retryAfterMs: 700 }, {}, "full"),
        ),
        [],
      );
      const refusal = rig.refusal;
      assertInstanceOf(refusal, NnrpProtocolError);
      assertEquals([refusal.codeName, refusal.retryAfterMs, refusal.diagnostic, refusal.remote], [
        "SERVER_BUSY",
        700,
        "full",
        true,
      ]);
      assertEquals(rig.current.state, SessionState.CLOSED);
    }
  }
});

test("client, §6.4: the session id of the metadata wins over that of the header", () => {
  const rig = new ClientRig();
  const [sent] = rig.hello();
  rig.receive(headed(ackFor(sent, {}, 7), { sessionId: 4711 }));
  assertEquals([rig.engine.sessionId, rig.accepted?.sessionId], [7, 7]);
});

test("client, §6.4: control packets before the ack are answered and the wait goes on", () => {
  const rig = new ClientRig();
  const [sent] = rig.hello();
  const answered = rig.receive(
    bare(MessageType.PING, { traceId: 3n }),
    flowPacket({ credit: 1 }),
    hintPacket(),
  );
  assertEquals([namesOf(answered), rig.current.state], [["PONG"], SessionState.NEGOTIATING]);
  rig.receive(ackFor(sent));
  assertEquals([rig.current.state, rig.engine.limit], [SessionState.ACTIVE, 1]);
});

// docs/architecture.md, "Limits": control packets that bring nothing forward
const FLOODS: readonly [what: string, packet: NnrpPacket][] = [
  ["PINGs", bare(MessageType.PING)],
  ["PONGs", bare(MessageType.PONG, { traceId: 4n })],
  ["FLOW_UPDATEs", flowPacket({ credit: 1 })],
  ["SESSION_PATCHes", patchPacket()],
  ["cancels of unknown frames", bare(MessageType.FRAME_CANCEL, { frameId: 5 })],
  ["CACHE_INVALIDATEs", invalidatePacket()],
  ["bad submits", sized(submit, 3)],
  ["submits of another session", submitPacket(1, { sessionId: 99 })],
  ["messages that have no place here", hintPacket()],
  ["ERRORs", errorPacket()],
  ["probes", probePacket(1, 0)],
  ["CACHE_PUTs with bad metadata", sized(cachePutPacket(), 31)],
  ["CACHE_PUTs of a wrong length", cachePutPacket({ objectBytes: 3 })],
  ["ERRORs with bad metadata", sized(errorPacket(), 31)],
];
for (const [what, packet] of FLOODS) {
  test(`server, Limits: a flood of ${what} ends the session with LIMIT_EXCEEDED`, () => {
    const rig = new ServerRig({ controlRate: { burst: 20, perSecond: 0 } }).open();
    rig.receive(submitPacket(1));
    const sent = Array.from({ length: 65 }, () => rig.receive(packet)).flat();
    assertEquals(shown(sent).at(-1), says(E.LIMIT_EXCEEDED, SESSION, true)[0]);
    assertEquals([rig.current.state, rig.done?.fatal], [SessionState.CLOSED, true]);
    // The burst, as much that is owed, the patches that are taken, two words of its own.
    assert(sent.length <= 58, `${sent.length} packets in answer`);
    assertEquals(rig.frames[0].aborted, true);
  });
}

const CLIENT_FLOODS: readonly [what: string, packet: NnrpPacket][] = [
  ["PINGs", bare(MessageType.PING)],
  ["FLOW_UPDATEs", flowPacket({ credit: 1 })],
  ["PONGs", bare(MessageType.PONG, { traceId: 4n })],
  ["messages that have no place here", patchPacket()],
  ["hints with bad metadata", sized(hintPacket(), 3)],
  ["acks with bad metadata", sized(cacheAckPacket(), 3)],
];
for (const [what, packet] of CLIENT_FLOODS) {
  test(`client, Limits: a flood of ${what} ends the session with LIMIT_EXCEEDED`, () => {
    const rig = new ClientRig({ controlRate: { burst: 20, perSecond: 0 } }).open();
    const sent = Array.from({ length: 65 }, () => rig.receive(packet)).flat();
    assertEquals(shown(sent).at(-1), says(E.LIMIT_EXCEEDED, SESSION, true)[0]);
    // The burst, as much that is owed, the patches that are taken, two words of its own.
    assert(sent.length <= 58, `${sent.length} packets in answer`);
    assertEquals(rig.current.state, SessionState.CLOSED);
  });
}

test("Limits: hints and results that nobody asked for cost nothing, however many come", () => {
  const rig = new ClientRig({ controlRate: { burst: 20, perSecond: 0 } }).open();
  for (let i = 0; i < 5000; i++) assertEquals(rig.receive(hintPacket(), resultPacket(i)), []);
  assertEquals([rig.current.state, rig.engine.counts.unknown, rig.engine.counts.results], [
    SessionState.ACTIVE,
    5000,
    0,
  ]);
});

test("§7: an ERROR of connection scope ends the session on both sides, fatal or not", () => {
  const server = new ServerRig().open();
  server.engine.sendError({ errorCode: E.INTERNAL_ERROR, errorScope: CONNECTION, diagnostic: "gone" });
  const [sent] = server.out.take();
  assertEquals([server.current.state, server.done?.fatal], [SessionState.CLOSED, true]);
  const client = new ClientRig().open();
  const waiter = client.submit(1);
  client.receive(sent);
  assertEquals([client.current.state, waiter.heard], [SessionState.CLOSED, ["PROTOCOL"]]);
});

test("a diagnostic is cut to a length that fits, and read only so far", () => {
  const server = new ServerRig().open();
  server.engine.sendError({ errorCode: 1, errorScope: SESSION, diagnostic: "x".repeat(100_000) });
  const [error] = server.out.take();
  assertEquals(error.body.length, 1024);
  const client = new ClientRig().open();
  client.receive(errorPacket({}, {}, "y".repeat(60_000)));
  assertEquals(client.errors[0].error.diagnostic.length, 1024);
});
