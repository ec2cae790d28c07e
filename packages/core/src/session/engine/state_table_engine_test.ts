import { laneOf } from "../../wire/metadata/registry.ts";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import {
  ackFor,
  ClientRig,
  errorsIn,
  helloPacket,
  RecordingWaiter,
  type SentPacket,
  ServerRig,
} from "@nnrp/testing/engines";
import { bare, errorPacket, headerBytes, join, samplePacket, submitPacket } from "@nnrp/testing/packets";
import { enumName } from "../../wire/enum_names.ts";
import { ErrorCode, ErrorScope, MessageType } from "../../wire/enums.ts";
import { encodePacket } from "../../wire/packet.ts";
import { PacketCursor } from "../../wire/packet_cursor.ts";
import { CLIENT_RECEPTION, receptionOf, SERVER_RECEPTION, SessionState } from "./states.ts";

type StateName = keyof typeof SessionState;
type Rig = ClientRig | ServerRig;

/** A fresh engine of a role in a state; frame 1 is in flight from ACTIVE on. */
function rigIn(
  role: "client" | "server",
  state: StateName,
  how: "closed here" | "closed there" = "closed here",
): Rig {
  if (role === "client") {
    const rig = new ClientRig();
    if (state === "INIT") return rig;
    const [hello] = rig.hello();
    if (state === "NEGOTIATING") return rig;
    rig.receive(ackFor(hello));
    rig.submit(1);
    return ending(rig, state, how);
  }
  const rig = new ServerRig();
  if (state === "INIT") return rig;
  rig.acceptAtOnce = state !== "NEGOTIATING";
  rig.receive(helloPacket());
  if (state === "NEGOTIATING") return rig;
  rig.receive(submitPacket(1));
  return ending(rig, state, how);
}

function ending(rig: Rig, state: StateName, how: string): Rig {
  if (state === "DRAINING") {
    if (how === "closed here") rig.current.close("enough");
    else rig.receive(bare(MessageType.CLOSE));
  }
  if (state === "CLOSED") rig.receive(errorPacket({ isFatal: 1 }));
  return rig;
}

/** What came of a message: packets written, host calls, state if it changed. */
function reaction(rig: Rig, packet: Uint8Array): string {
  const before = rig.current.state;
  rig.out.take();
  rig.heard.length = 0;
  const sent = rig.receive(packet);
  const parts = [...sent.map(describe), ...rig.heard];
  if (rig.current.state !== before) parts.push(enumName(SessionState, rig.current.state));
  return parts.join(" ");
}

function describe(packet: SentPacket): string {
  const [error] = errorsIn([packet]);
  if (error === undefined) return packet.name;
  return `ERROR(${enumName(ErrorCode, error.errorCode)},${enumName(ErrorScope, error.errorScope)}${
    error.isFatal ? ",fatal" : ""
  })`;
}

const EARLY_REFUSAL = "ERROR(INVALID_STATE,CONNECTION,fatal)";
const LATE_REFUSAL = "ERROR(INVALID_STATE,SESSION)";

/** What each message brings about, in words of behaviour spec §5.3, §6, §7 and §10; all others are refused. */
const SERVER: Record<StateName, Record<string, string>> = {
  INIT: {
    CLIENT_HELLO: "SERVER_HELLO_ACK hello ACTIVE",
    TRANSPORT_PROBE: "TRANSPORT_PROBE_ACK",
    SESSION_MIGRATE: "SESSION_MIGRATE_ACK",
    PING: "PONG",
    CLOSE: "lost CLOSED",
  },
  NEGOTIATING: {
    FRAME_SUBMIT: "",
    FRAME_CANCEL: "",
    SESSION_PATCH: "",
    CACHE_PUT: "",
    CACHE_INVALIDATE: "",
    FLOW_UPDATE: "",
    PING: "PONG",
    PONG: "",
    CLOSE: "lost CLOSED",
    ERROR: "error",
  },
  ACTIVE: {
    FRAME_SUBMIT: "submit",
    FRAME_CANCEL: "",
    SESSION_PATCH: "SESSION_PATCH_ACK patched",
    CACHE_PUT: "CACHE_ACK",
    CACHE_INVALIDATE: "",
    TRANSPORT_PROBE: "TRANSPORT_PROBE_ACK",
    FLOW_UPDATE: "flow",
    PING: "PONG",
    PONG: "",
    CLOSE: "draining DRAINING",
    ERROR: "error",
  },
  DRAINING: {
    FRAME_SUBMIT: "ERROR(INVALID_STATE,FRAME)",
    FRAME_CANCEL: "",
    CACHE_PUT: "",
    CACHE_INVALIDATE: "",
    FLOW_UPDATE: "flow",
    PING: "PONG",
    PONG: "",
    CLOSE: "",
    ERROR: "error",
  },
  CLOSED: {},
};
const CLIENT: Record<StateName, Record<string, string>> = {
  INIT: {
    FLOW_UPDATE: "flow",
    PING: "PONG",
    PONG: "",
    CLOSE: "refused admitted draining finished CLOSED",
    ERROR: "error",
  },
  NEGOTIATING: {
    SERVER_HELLO_ACK: "opened ACTIVE",
    RESULT_HINT: "",
    FLOW_UPDATE: "flow",
    PING: "PONG",
    PONG: "",
    CLOSE: "refused admitted draining finished CLOSED",
    ERROR: "refused admitted draining finished CLOSED",
  },
  ACTIVE: {
    RESULT_PUSH: "",
    RESULT_DROP: "",
    RESULT_HINT: "hint",
    SESSION_PATCH_ACK: "",
    CACHE_ACK: "",
    TRANSPORT_PROBE_ACK: "",
    FLOW_UPDATE: "flow",
    PING: "PONG",
    PONG: "",
    CLOSE: "draining DRAINING",
    ERROR: "error",
  },
  DRAINING: {
    RESULT_PUSH: "",
    RESULT_DROP: "",
    RESULT_HINT: "hint",
    SESSION_PATCH_ACK: "",
    CACHE_ACK: "",
    FLOW_UPDATE: "flow",
    PING: "PONG",
    PONG: "",
    CLOSE: "",
    ERROR: "error",
  },
  CLOSED: {},
};

function documented(role: "client" | "server", state: StateName, msgType: number): string {
  const known = (role === "client" ? CLIENT : SERVER)[state][enumName(MessageType, msgType)];
  if (known !== undefined) return known;
  if (state === "CLOSED") return "";
  if (state === "ACTIVE" || state === "DRAINING") return LATE_REFUSAL;
  const why = role === "client" ? "refused admitted draining finished CLOSED" : "refused CLOSED";
  return `${EARLY_REFUSAL} ${why}`;
}

for (const role of ["client", "server"] as const) {
  for (const state of Object.keys(SessionState) as StateName[]) {
    for (
      const how of state === "DRAINING" ? ["closed here", "closed there"] as const : ["closed here"] as const
    ) {
      test(`a ${role} in ${state}${state === "DRAINING" ? `, ${how},` : ""} does with all 256 types what is documented`, () => {
        for (let msgType = 0; msgType < 256; msgType++) {
          const rig = rigIn(role, state, how);
          assertEquals(rig.current.state, SessionState[state]);
          const packet = encodable(msgType);
          assertEquals(
            reaction(rig, packet),
            documented(role, state, msgType),
            enumName(MessageType, msgType),
          );
        }
      });
    }
  }
}

/** A sample of any type, also of those that no header reader lets through. */
function encodable(msgType: number): Uint8Array {
  if (Object.values(MessageType).includes(msgType as MessageType)) return encodePacket(samplePacket(msgType));
  return headerBytes({ type: msgType });
}

test("the table names nothing that the engines do not know, and the engines nothing that the table does not name", () => {
  for (
    const [role, table, words] of [["client", CLIENT_RECEPTION, CLIENT], [
      "server",
      SERVER_RECEPTION,
      SERVER,
    ]] as const
  ) {
    for (const [name, state] of Object.entries(SessionState)) {
      const row = table[name as StateName];
      for (let msgType = 0; msgType < 256; msgType++) {
        const message = enumName(MessageType, msgType) as keyof typeof MessageType;
        const reception = receptionOf(role, state, msgType);
        assertEquals(reception, row[message] ?? "refuse");
        if (reception !== "refuse") {
          assertEquals(message in words[name as StateName], true, `${role} ${name} ${message}`);
        }
      }
    }
  }
});

test("what came with the hello is kept, and answered in order once the hello is accepted", () => {
  const rig = new ServerRig();
  rig.acceptAtOnce = false;
  const { FRAME_CANCEL, SESSION_PATCH, CACHE_PUT, CACHE_INVALIDATE, FLOW_UPDATE } = MessageType;
  rig.receive(
    helloPacket(),
    submitPacket(1),
    samplePacket(SESSION_PATCH),
    samplePacket(CACHE_PUT),
    samplePacket(CACHE_INVALIDATE),
    samplePacket(FLOW_UPDATE),
    submitPacket(2),
    bare(FRAME_CANCEL, { frameId: 1 }),
  );
  assertEquals([rig.out.packets.length, rig.heard], [0, ["hello"]]);
  rig.accept();
  assertEquals(rig.out.take().map(describe), [
    "SERVER_HELLO_ACK",
    "SESSION_PATCH_ACK",
    "CACHE_ACK",
    "RESULT_DROP",
  ]);
  assertEquals(rig.heard, ["hello", "submit", "patched", "flow", "submit", "cancelled"]);
  assertEquals(rig.frames.map((f) => f.frameId), [1, 2]);
});

test("what came with a hello that is refused is never looked at", () => {
  const rig = new ServerRig();
  rig.acceptAtOnce = false;
  rig.receive(helloPacket(), submitPacket(1), samplePacket(MessageType.CACHE_PUT));
  rig.handshake.refuseHello(ErrorCode.AUTH_FAILED, "no");
  assertEquals(rig.out.take().map(describe), ["ERROR(AUTH_FAILED,CONNECTION,fatal)"]);
  rig.accept();
  rig.receive(submitPacket(2));
  assertEquals([rig.out.packets.length, rig.frames.length], [0, 0]);
  assertEquals([rig.heard, rig.failure?.lastWords], [["hello", "refused"], true]);
});

test("a frame that came after a bad one with the hello is answered nevertheless", () => {
  const rig = new ServerRig();
  rig.acceptAtOnce = false;
  rig.receive(helloPacket(), submitPacket(1, { sessionId: 99 }), submitPacket(2));
  rig.accept();
  assertEquals(rig.out.take().map(describe), ["SERVER_HELLO_ACK", "ERROR(INVALID_STATE,FRAME)"]);
  assertEquals(rig.frames.map((f) => f.frameId), [2]);
});

const anyPacket = fc.tuple(
  fc.constantFrom(...Object.values(MessageType)),
  fc.uint8Array({ minLength: 20, maxLength: 20 }),
  fc.oneof(fc.constant(-1), fc.uint8Array({ maxLength: 90 })),
  fc.oneof(fc.constant(-1), fc.uint8Array({ maxLength: 120 })),
  fc.option(fc.tuple(fc.nat(300), fc.nat(255)), { nil: undefined }),
).map(([type, ids, meta, body, flip]) => {
  const sample = samplePacket(type);
  const metadata = typeof meta === "number" ? sample.metadata : meta;
  const content = typeof body === "number" ? sample.body : body;
  const header = headerBytes({ type, meta: metadata.length, body: content.length });
  // Ids of the session and of a frame that is in flight, or arbitrary ones.
  if (ids[0] < 128) {
    header[20] = 7;
    header[24] = 1;
  } else header.set(ids, 20);
  header[8] = ids[19];
  const bytes = join([header, metadata, content]);
  if (flip !== undefined && flip[0] >= 40 && flip[0] < bytes.length) bytes[flip[0]] = flip[1];
  return bytes;
});

for (const role of ["client", "server"] as const) {
  test(`whatever well-framed packets come, a ${role} never throws and says only what it may say`, () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(SessionState) as StateName[]),
        fc.array(anyPacket, { minLength: 1, maxLength: 30, size: "max" }),
        fc.array(fc.nat(400), { maxLength: 5 }),
        (state, packets, times) => {
          const rig = rigIn(role, state);
          const waiter = new RecordingWaiter();
          if (rig instanceof ClientRig && state === "ACTIVE") rig.submit(2, 0, waiter);
          rig.out.take();
          for (const [i, bytes] of packets.entries()) {
            rig.nowMs += times[i] ?? 0;
            rig.current.begin(rig.nowMs);
            rig.current.receive(new PacketCursor(bytes), laneOf(bytes[6]));
            rig.current.turn();
            if (times[i] !== undefined) rig.current.tick(rig.nowMs);
          }
          const said = new Set(rig.out.take().map((p) => p.name));
          const may = role === "client" ? ["PONG", "PING", "ERROR"] : [
            "PONG",
            "PING",
            "ERROR",
            "SERVER_HELLO_ACK",
            "SESSION_PATCH_ACK",
            "CACHE_ACK",
            "TRANSPORT_PROBE_ACK",
            "SESSION_MIGRATE_ACK",
            "RESULT_DROP",
          ];
          for (const name of said) assertEquals(may.includes(name), true, name);
          // A frame ends at most once, whatever comes.
          assertEquals(waiter.heard.filter((h) => h !== "part").length <= 1, true, waiter.heard.join());
          if (rig.current.state === SessionState.CLOSED) assertEquals(rig.current.framesInFlight, 0);
        },
      ),
      { numRuns: 400 },
    );
  });
}
