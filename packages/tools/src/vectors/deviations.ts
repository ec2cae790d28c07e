/**
 * Where this implementation is stricter than the reference on purpose: wire spec §15, one row per place that a vector shows,
 * with a check that ours really differs there. Places without vector are tested beside the code.
 *
 * @module
 */
import {
  decodePacket,
  decodeServerHelloAckBody,
  decodeServerHelloAckMetadata,
  DEFAULT_MAX_BODY_BYTES,
  MAX_METADATA_BYTES,
  MAX_PROBE_BODY_BYTES,
  NnrpValueError,
  NnrpWireError,
} from "@nnrp/core";
import { callBuilder } from "./builders.ts";
import type { DecodeCase } from "./format.ts";
import { bytesOf } from "./json_values.ts";
import { viewOf } from "./messages.ts";
import { decodeStream } from "./streams.ts";

/** A deliberate difference from the reference. */
export interface Deviation {
  /** Row of wire spec §15. */
  readonly row: number;
  /** What ours does. */
  readonly ours: string;
  /** The vectors that show it: group and kind, and how the name begins or reads in full. */
  readonly vectors: {
    readonly group: "odd" | "invalid";
    readonly kind: string;
    readonly builder?: boolean;
    readonly names?: readonly string[];
  };
  /** Runs what the reference does and ours refuses; must throw. */
  readonly refused: (vector: DecodeCase) => void;
  /** What it must throw. */
  readonly error: abstract new (...args: never[]) => Error;
}

/** All deviations that vectors show. */
export const DEVIATIONS: readonly Deviation[] = [
  {
    row: 3,
    ours: "builders refuse packets that no endpoint reads",
    vectors: { group: "odd", kind: "packet", builder: true },
    refused: (vector) => void callBuilder(vector.builder!, vector.args ?? {}),
    error: NnrpValueError,
  },
  {
    row: 4,
    ours: "the byte stream reader has limits",
    vectors: {
      group: "odd",
      kind: "stream",
      names: [
        "stream/body that never ends",
        "stream/meta_len + body_len = 2^32 + 0",
        "stream/meta_len + body_len = 2^32 + 16",
        "stream/meta_len + body_len = 2^32 + 40",
      ],
    },
    refused: (vector) =>
      void decodeStream(bytesOf(vector.hex), {
        maxMetadataBytes: MAX_METADATA_BYTES,
        maxBodyBytes: DEFAULT_MAX_BODY_BYTES,
        maxProbeBodyBytes: MAX_PROBE_BODY_BYTES,
      }),
    error: NnrpWireError,
  },
  {
    row: 5,
    ours: "the body of a SERVER_HELLO_ACK that is shorter than its extensions is not opened",
    vectors: {
      group: "odd",
      kind: "message",
      names: ["message/server_hello_ack: extension bytes beyond body"],
    },
    refused: (vector) => {
      const { metadata, body } = decodePacket(bytesOf(vector.hex));
      decodeServerHelloAckBody(decodeServerHelloAckMetadata(viewOf(metadata), 0, metadata.length), body);
    },
    error: NnrpWireError,
  },
];

/** The deviations that a vector shows. */
export function deviationsOf(group: string, vector: DecodeCase): readonly Deviation[] {
  return DEVIATIONS.filter(({ vectors }) =>
    vectors.group === group && vectors.kind === vector.kind &&
    (vectors.builder !== true || vector.builder !== undefined) &&
    (vectors.names === undefined || vectors.names.includes(vector.name))
  );
}
