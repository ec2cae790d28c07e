/**
 * The suite's third task: bytes in, decoded to fields, encoded from the fields again, bytes out; or refused.
 *
 * @module
 */
import { type AnyRecord, encodePacket, MESSAGES, NnrpValueError, NnrpWireError } from "@nnrp/core";
import { NnrpProbeError } from "@nnrp/client";
import { bytesOf, hexOf } from "./hex.ts";
import { packetOfType } from "./packet_of_type.ts";
import { probedTransport, type ProbeSide } from "./probe_request.ts";
import { type RecordCodec, recordOf, RECORDS } from "./record_codecs.ts";
import { readFrameSubmit } from "./recode_submit.ts";
import { readResultPush } from "./recode_result.ts";

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

/**
 * Decodes; the function that is returned encodes what was decoded. Throws NnrpWireError for what is refused.
 */
type Reader = (bytes: Uint8Array) => () => Uint8Array;

const READERS = new Map<string, Reader>();
for (const [kind, codec] of RECORDS) READERS.set(kind, (bytes) => readRecord(bytes, codec));
for (const { msgType, record } of MESSAGES) {
  if (record !== null) READERS.set(`${record.name}_packet`, (bytes) => readPacket(bytes, msgType, record));
}
READERS.set("typed_payload_descriptor_region", readDescriptors);
READERS.set("frame_submit_packet", readFrameSubmit);
READERS.set("result_push_packet", readResultPush);

/** Kinds that are recoded, for whoever walks them. */
export const RECODE_KINDS: readonly string[] = [...READERS.keys()];

/** Answers one request. */
export function recode(request: RecodeRequest): RecodeResponse {
  const { name, kind } = request;
  try {
    if (kind === "probe_selection") {
      return { name, accept: true, selected: probedTransport(request.quic, request.tcp) };
    }
    const reader = READERS.get(kind);
    if (reader === undefined) return { name, unsupported: true };
    const bytes = bytesOf(request.hex ?? "");
    if (bytes === null) return { name, accept: false };
    return { name, accept: true, hex: hexOf(reader(bytes)()) };
  } catch (error) {
    // Anything else is a fault of ours and must be seen as one.
    if (!isRefusal(error)) throw error;
    return { name, accept: false };
  }
}

/** Bytes of a kind decoded; returns what encodes them again. Throws what refuses them. */
export function readBytes(kind: string, bytes: Uint8Array): () => Uint8Array {
  return READERS.get(kind)!(bytes);
}

/** Whether an error says that bytes or values are refused. */
export function isRefusal(error: unknown): boolean {
  return error instanceof NnrpWireError || error instanceof NnrpValueError || error instanceof NnrpProbeError;
}

function readRecord(bytes: Uint8Array, { decode, encode }: RecordCodec): () => Uint8Array {
  const fields = decode(bytes);
  return () => encode(fields);
}

/** A control packet: header and metadata through their fields; the body of these messages is opaque. */
function readPacket(bytes: Uint8Array, msgType: number, { name }: AnyRecord): () => Uint8Array {
  const { header, metadata, body } = packetOfType(bytes, msgType);
  const write = readRecord(metadata, recordOf(`${name}_metadata`));
  return () => encodePacket({ header, metadata: write(), body });
}

/** A table of descriptors alone; where payloads lie is judged with their region only. */
function readDescriptors(bytes: Uint8Array): () => Uint8Array {
  const codec = recordOf("typed_payload_descriptor");
  const { size } = codec.table;
  const writers = Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, i) => readRecord(bytes.subarray(i * size, (i + 1) * size), codec),
  );
  return () => Uint8Array.from(writers.flatMap((write) => [...write()]));
}
