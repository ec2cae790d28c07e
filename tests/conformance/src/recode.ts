/**
 * The suite's third task: bytes in, decoded to fields, encoded from the fields again, bytes out; or refused.
 *
 * @module
 */
import { encodePacket, MESSAGES, NnrpValueError, NnrpWireError } from "@nnrp/core";
import { NnrpProbeError } from "@nnrp/client";
import { bytesOf, hexOf } from "./hex.ts";
import { packetOfType } from "./packet_of_type.ts";
import { probedTransport, type ProbeSide } from "./probe_request.ts";
import { type RecordCodec, recordOf, RECORDS } from "./record_codecs.ts";
import { recodeFrameSubmit } from "./recode_submit.ts";
import { recodeResultPush } from "./recode_result.ts";

/** Bytes to recode, or probes to choose by. */
export interface RecodeRequest {
  /** Names the answer. */
  readonly name: string;
  /** What the bytes are. */
  readonly kind: string;
  /** The bytes; of all kinds but `probe_selection`. */
  readonly hex?: string;
  /** Probes of QUIC; of `probe_selection`. */
  readonly quic?: ProbeSide | null;
  /** Probes of TCP; of `probe_selection`. */
  readonly tcp?: ProbeSide | null;
}

/** The answer to a request. */
export type RecodeResponse =
  | { readonly name: string; readonly accept: true; readonly hex: string }
  | { readonly name: string; readonly accept: true; readonly selected: "quic" | "tcp" }
  | { readonly name: string; readonly accept: false }
  | { readonly name: string; readonly unsupported: true };

/** Decodes, then encodes. Throws NnrpWireError or NnrpValueError for what is refused. */
type Recoder = (bytes: Uint8Array) => Uint8Array;

const RECODERS = new Map<string, Recoder>();
for (const [kind, codec] of RECORDS) RECODERS.set(kind, (bytes) => codec.encode(codec.decode(bytes)));
for (const { msgType, record } of MESSAGES) {
  if (record !== null) RECODERS.set(`${record.name}_packet`, (bytes) => recodePacket(bytes, msgType));
}
RECODERS.set("typed_payload_descriptor_region", recodeDescriptors);
RECODERS.set("frame_submit_packet", recodeFrameSubmit);
RECODERS.set("result_push_packet", recodeResultPush);

/** Kinds that are recoded, for whoever walks them. */
export const RECODE_KINDS: readonly string[] = [...RECODERS.keys()];

/** Answers one request. */
export function recode(request: RecodeRequest): RecodeResponse {
  const { name, kind } = request;
  try {
    if (kind === "probe_selection") {
      return { name, accept: true, selected: probedTransport(request.quic, request.tcp) };
    }
    const recoder = RECODERS.get(kind);
    if (recoder === undefined) return { name, unsupported: true };
    const bytes = bytesOf(request.hex ?? "");
    if (bytes === null) return { name, accept: false };
    return { name, accept: true, hex: hexOf(recoder(bytes)) };
  } catch (error) {
    // Anything else is a fault of ours and must be seen as one.
    if (!isRefusal(error)) throw error;
    return { name, accept: false };
  }
}

/** Bytes of a kind recoded; throws what refuses them. */
export function recodeBytes(kind: string, bytes: Uint8Array): Uint8Array {
  return RECODERS.get(kind)!(bytes);
}

/** Whether an error says that bytes or values are refused. */
export function isRefusal(error: unknown): boolean {
  return error instanceof NnrpWireError || error instanceof NnrpValueError || error instanceof NnrpProbeError;
}

/** A control packet: header and metadata through their fields; the body of these messages is opaque. */
function recodePacket(bytes: Uint8Array, msgType: number): Uint8Array {
  const { header, metadata, body } = packetOfType(bytes, msgType);
  const codec = metadataCodec(msgType);
  return encodePacket({ header: { ...header }, metadata: codec.encode(codec.decode(metadata)), body });
}

function metadataCodec(msgType: number): RecordCodec {
  return recordOf(`${MESSAGES.find((info) => info.msgType === msgType)!.record!.name}_metadata`);
}

/** A table of descriptors alone; where payloads lie is judged with their region only. */
function recodeDescriptors(bytes: Uint8Array): Uint8Array {
  const { table, decode, encode } = recordOf("typed_payload_descriptor");
  const recoded = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += table.size) {
    recoded.set(encode(decode(bytes.subarray(at, at + table.size))), at);
  }
  return recoded;
}
