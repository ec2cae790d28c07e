/**
 * The files that the demonstrations of `docs/cli.md` work on.
 *
 * @module
 */
import {
  BudgetPolicy,
  buildClientHelloPacket,
  buildFlowUpdatePacket,
  buildFrameSubmitPacket,
  buildFrameSubmitTypedPayloadPacket,
  buildPingPacket,
  buildPongPacket,
  buildResultPushPacket,
  buildResultPushTypedPayloadPacket,
  buildServerHelloAckPacket,
  encodePacket,
  FlowUpdateFlags,
  FrameClass,
  HeaderFlags,
  InputProfile,
  makePacket,
  MessageType,
  TensorDType,
  TypedPayload,
} from "@nnrp/core";

/** A luma frame of two changed tiles, with a budget. */
export function sampleSubmit(): Uint8Array {
  return encodePacket(buildFrameSubmitPacket({
    sessionId: 7,
    frameId: 42,
    traceId: 9001n,
    flags: HeaderFlags.ACK_REQUIRED | HeaderFlags.KEYFRAME,
    srcWidth: 64,
    srcHeight: 32,
    tileWidth: 32,
    tileHeight: 32,
    inputProfile: InputProfile.CHANGED_TILES_LUMA,
    frameClass: FrameClass.KEYFRAME,
    latencyBudgetMs: 33,
    targetFpsX100: 3000,
    budgetPolicy: BudgetPolicy.ALLOW_PARTIAL | BudgetPolicy.ALLOW_DROP,
    tileIds: [0, 1],
    sections: [{
      roleId: 1,
      dtypeId: TensorDType.UINT8,
      defaultCodecId: 0,
      elementCountPerTile: 1024,
      tilePayloads: [tile(0), tile(90)],
    }],
  }));
}

/** A tile of a soft gradient. */
function tile(from: number): Uint8Array {
  return Uint8Array.from({ length: 1024 }, (_, i) => from + Math.floor(i / 32) + i % 32);
}

/** A short session with a text model. */
export function sampleSession(): Uint8Array {
  const ids = { sessionId: 7, frameId: 1 };
  return join([
    buildClientHelloPacket({ requestedModel: "story-small", transportPolicy: 0 }),
    buildServerHelloAckPacket({ sessionId: 7, activeModelName: "story-small" }),
    buildFlowUpdatePacket({
      sessionId: 7,
      metadata: {
        scopeKind: 1,
        updateReason: 0,
        backpressureLevel: 0,
        connectionCredit: 0,
        sessionCredit: 8,
        operationCredit: 0,
        operationId: 0n,
        retryAfterMs: 0,
        creditEpoch: 1,
        flags: FlowUpdateFlags.CREDIT_VALID,
      },
    }),
    buildFrameSubmitTypedPayloadPacket({ ...ids, frames: [TypedPayload.tokenChunk("Once upon a time")] }),
    buildResultPushTypedPayloadPacket({
      ...ids,
      frames: [TypedPayload.tokenChunk(" there was a packet")],
      resultFlags: 4,
      resultClass: 1,
    }),
    buildResultPushTypedPayloadPacket({
      ...ids,
      flags: HeaderFlags.EOS,
      frames: [TypedPayload.tokenChunk(", and it arrived.")],
      inferenceMs: 12,
      serverTotalMs: 14,
    }),
    buildPingPacket({ sessionId: 7 }),
    buildPongPacket({ sessionId: 7 }),
    makePacket({ msgType: MessageType.CLOSE, sessionId: 7, body: new TextEncoder().encode("done") }),
  ].map(encodePacket));
}

/** A result whose length table does not add up to its payload. */
export function sampleBroken(): Uint8Array {
  const bytes = encodePacket(buildResultPushPacket({
    sessionId: 7,
    frameId: 42,
    tileIds: [0, 1],
    sections: [{
      roleId: 1,
      dtypeId: TensorDType.UINT8,
      defaultCodecId: 0,
      tilePayloads: [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5)],
    }],
    inferenceMs: 8,
    serverTotalMs: 9,
  }));
  bytes[bytes.length - 9] = 7; // the second tile says to be longer than it is
  return bytes;
}

/**
 * All files by name.
 *
 * @param picture A PNG.
 * @param golden The golden vectors, JSON.
 */
export function sampleFiles(picture: Uint8Array, golden: string): Record<string, Uint8Array> {
  const submit = sampleSubmit();
  const session = sampleSession();
  return {
    "submit.bin": submit,
    "session.bin": session,
    "broken.bin": sampleBroken(),
    "cut.bin": submit.subarray(0, 150),
    "ping.bin": encodePacket(buildPingPacket({ sessionId: 7, traceId: 5n })),
    "dump.txt": new TextEncoder().encode(dumpOf(session)),
    "picture.png": picture,
    "golden.json": new TextEncoder().encode(golden),
    "other.json": new TextEncoder().encode(golden.replace("4e4e5250010010", "4e4e5250010110")),
  };
}

/** As `xxd` prints it. */
function dumpOf(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 16) {
    const row = Array.from(bytes.subarray(at, at + 16));
    const hex = row.map((byte, i) => byte.toString(16).padStart(2, "0") + (i % 2 === 1 ? " " : "")).join("");
    const ascii = row.map((byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".").join("");
    text += `${at.toString(16).padStart(8, "0")}: ${hex.padEnd(41)} ${ascii}\n`;
  }
  return text;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
