/**
 * What stands for the answer that an old path never brought: a RESULT_DROP as its server would have sent it (behaviour spec §11).
 *
 * @module
 */
import { encodePacket, MessageType, PacketCursor } from "@nnrp/core";

const NOTHING = new Uint8Array(0);
const HEADER = {
  versionMajor: 1,
  wireFormat: 0,
  headerLen: 40,
  msgType: MessageType.RESULT_DROP,
  flags: 0,
  metaLen: 0,
  bodyLen: 0,
  routeId: 0,
  traceId: 0n,
};

/** RESULT_DROP for a frame, ready to be received. */
export function droppedResult(sessionId: number, frameId: number, viewId: number): PacketCursor {
  const header = { ...HEADER, sessionId, frameId, viewId };
  return new PacketCursor(encodePacket({ header, metadata: NOTHING, body: NOTHING }));
}
