/**
 * Kind `message`: a packet, its metadata and its body, read the way the endpoints read them (wire spec §3, §8).
 *
 * @module
 */
import {
  checkFrameSubmitMetadata,
  checkHeader,
  checkResultPushMetadata,
  decodeClientHelloBody,
  decodeFrameSubmitBody,
  decodeFrameSubmitMetadata,
  decodePacket,
  decodeResultPushBody,
  decodeResultPushMetadata,
  decodeSessionPatchAckBody,
  decodeSessionPatchBody,
  decodeTransportProbeMetadata,
  encodeBodyRegions,
  encodeControlExtensions,
  encodePacket,
  encodeSessionPatchBody,
  HEADER_RECORD,
  messageInfo,
  MessageType,
  type NnrpPacket,
  NnrpWireError,
  PacketBuffer,
  type PacketHeader,
  TENSOR_PROFILE_PATCH_ACK_RECORD,
  TENSOR_PROFILE_PATCH_RECORD,
  type TensorProfileBlock,
} from "@nnrp/core";
import {
  controlExtensionJson,
  controlExtensionOf,
  regionsData,
  regionsJson,
  sectionJson,
} from "./body_json.ts";
import { isObject, type JsonObject, VectorFormatError } from "./format.ts";
import { bytesOf, hexOf, numberOf, objectsOf, recordJson, recordValues } from "./json_values.ts";
import { decodeRecord, encodeRecord } from "./records.ts";

const EMPTY = new Uint8Array(0);

/**
 * Reads a packet, its metadata and its body.
 *
 * @throws NnrpWireError; its `stage` says which of the three refused.
 */
export function decodeMessage(bytes: Uint8Array): JsonObject {
  const packet = decodePacket(bytes);
  const info = messageInfo(packet.header.msgType);
  if (info === undefined) throw new Error("the header reader let an unknown type pass");
  const metadata = info.record === null
    ? { raw: hexOf(packet.metadata) }
    : decodeRecord(info.record, packet.metadata);
  return { header: headerJson(packet.header), metadata, body: bodyJson(packet) };
}

/** Reads a packet without its insides. */
export function decodePacketJson(bytes: Uint8Array): JsonObject {
  const packet = decodePacket(bytes);
  return { header: headerJson(packet.header), metadata: hexOf(packet.metadata), body: hexOf(packet.body) };
}

/** Only judges: the way a busy endpoint takes, with the checks that allocate nothing. */
export function checkMessage(bytes: Uint8Array): void {
  checkHeader(viewOf(bytes), 0);
  const packet = decodePacket(bytes);
  const { metadata, header } = packet;
  if (header.msgType === MessageType.FRAME_SUBMIT) {
    checkFrameSubmitMetadata(viewOf(metadata), 0, metadata.length);
  } else if (header.msgType === MessageType.RESULT_PUSH) {
    checkResultPushMetadata(viewOf(metadata), 0, metadata.length);
  } else messageInfo(header.msgType)?.record?.decodeValues(viewOf(metadata), 0, metadata.length);
  bodyJson(packet);
}

/** A header as JSON. */
export function headerJson(header: PacketHeader): JsonObject {
  return recordJson(HEADER_RECORD, header as unknown as Record<string, number | bigint>);
}

/** Writes a packet from its fields; plain tensor bodies are written by builders only. */
export function encodeMessage(fields: JsonObject): Uint8Array {
  const { header, metadata, body } = fields;
  if (!isObject(header) || !isObject(metadata) || !isObject(body)) {
    throw new VectorFormatError("a message has three parts");
  }
  const info = messageInfo(numberOf(header, "msg_type"));
  return encodePacket({
    header: recordValues(HEADER_RECORD, header) as unknown as PacketHeader,
    metadata: info?.record ? encodeRecord(info.record, metadata) : bytesOf(metadata.raw),
    body: encodeBody(body),
  });
}

function encodeBody(body: JsonObject): Uint8Array {
  if ("raw" in body) return bytesOf(body.raw);
  if ("auth_block" in body) {
    const block = encodeControlExtensions(objectsOf(body, "control_extensions").map(controlExtensionOf));
    const out = new PacketBuffer();
    out.append(block);
    out.append(bytesOf(body.auth_block));
    return out.toBytes();
  }
  if ("layout" in body) {
    const out = new PacketBuffer();
    encodeBodyRegions(out, regionsData(body));
    return out.toBytes();
  }
  return encodeProfile(body);
}

/** The body of a session patch or its ack: the only value of `fields` is the block. */
export function encodeProfile(fields: JsonObject): Uint8Array {
  const [key, block] = Object.entries(fields)[0];
  const record = key === "profile_patch_block"
    ? TENSOR_PROFILE_PATCH_RECORD
    : TENSOR_PROFILE_PATCH_ACK_RECORD;
  return encodeSessionPatchBody(
    block === null ? null : recordValues(record, block) as unknown as TensorProfileBlock,
  );
}

/** The block of a session patch or its ack. */
export function profileJson(
  key: "profile_patch_block" | "profile_patch_ack_block",
  stated: number,
  body: Uint8Array,
): JsonObject {
  const patch = key === "profile_patch_block";
  const block = patch ? decodeSessionPatchBody(stated, body) : decodeSessionPatchAckBody(stated, body);
  const record = patch ? TENSOR_PROFILE_PATCH_RECORD : TENSOR_PROFILE_PATCH_ACK_RECORD;
  return { [key]: block === null ? null : recordJson(record, block as unknown as Record<string, number>) };
}

/** Opens a body as the endpoints do; what no endpoint opens stays raw. */
function bodyJson(packet: NnrpPacket): JsonObject {
  const { header, metadata, body } = packet;
  const view = viewOf(metadata);
  const stated = (field: string): number =>
    Number(messageInfo(header.msgType)!.record!.decodeValues(view, 0, metadata.length)[field]);
  switch (header.msgType) {
    case MessageType.CLIENT_HELLO: {
      const lengths = {
        authBytes: stated("authBytes"),
        controlExtensionBytes: stated("controlExtensionBytes"),
      };
      const { controlExtensions, authBlock } = decodeClientHelloBody(lengths, body);
      return {
        control_extensions: controlExtensions.map(controlExtensionJson),
        auth_block: hexOf(authBlock),
      };
    }
    case MessageType.SESSION_PATCH:
      return profileJson("profile_patch_block", stated("profilePatchBytes"), body);
    case MessageType.SESSION_PATCH_ACK:
      return profileJson("profile_patch_ack_block", stated("profilePatchAckBytes"), body);
    case MessageType.TRANSPORT_PROBE: {
      const { probePayloadBytes } = decodeTransportProbeMetadata(view, 0, metadata.length);
      if (probePayloadBytes !== body.length) {
        throw new NnrpWireError("the body has another length than its metadata says", {
          field: "transport_probe.probe_payload_bytes",
          expected: body.length,
          actual: probePayloadBytes,
        });
      }
      return { raw: hexOf(body) };
    }
    case MessageType.FRAME_SUBMIT: {
      const fields = decodeFrameSubmitMetadata(view, 0, metadata.length);
      const decoded = decodeFrameSubmitBody(fields, body);
      return {
        layout: decoded.layout,
        ...(decoded.regions ? regionsJson(decoded.regions) : {}),
        camera_block: hexOf(decoded.cameraBlock ?? EMPTY),
        tile_ids: decoded.tileIds && [...decoded.tileIds],
        sections: decoded.sections && decoded.sections.map(sectionJson),
      };
    }
    case MessageType.RESULT_PUSH: {
      const fields = decodeResultPushMetadata(view, 0, metadata.length);
      const decoded = decodeResultPushBody(fields, body);
      if (decoded.layout === "none") return { layout: "none", raw: hexOf(body) };
      return {
        layout: decoded.layout,
        ...(decoded.regions ? regionsJson(decoded.regions) : {}),
        tile_ids: decoded.tileIds && [...decoded.tileIds],
        sections: decoded.sections && decoded.sections.map(sectionJson),
      };
    }
    default:
      return { raw: hexOf(body) };
  }
}

/** A DataView on the same memory. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
