/**
 * Bodies of the two hellos: extensions first, then auth block or model name (wire spec §4.1, §4.2). All
 * lengths inside are in the metadata only.
 *
 * @module
 */
import { NnrpWireError } from "../errors.ts";
import { readPeerText } from "../peer_text.ts";
import { asBytes } from "./byte_arguments.ts";
import { type ControlExtensionEntry, decodeControlExtensions } from "./extensions.ts";
import type { ClientHelloMetadata } from "./metadata/client_hello.ts";
import type { ServerHelloAckMetadata } from "./metadata/server_hello_ack.ts";

/** Body of a CLIENT_HELLO. */
export interface ClientHelloBody {
  /** All entries, CRITICAL or not; what to refuse is the session's business. */
  readonly controlExtensions: ControlExtensionEntry[];
  /** Opaque to the protocol; a view on the body. */
  readonly authBlock: Uint8Array;
}

/** Body of a SERVER_HELLO_ACK. */
export interface ServerHelloAckBody {
  /** All entries. */
  readonly controlExtensions: ControlExtensionEntry[];
  /** The active model, at most 1 KiB of it; bytes that are no UTF-8 become U+FFFD. */
  readonly activeModelName: string;
}

/**
 * Reads the body of a CLIENT_HELLO.
 *
 * @throws NnrpWireError (stage body) if the lengths of the metadata and the body disagree or the extension block is malformed.
 */
export function decodeClientHelloBody(
  metadata: Pick<ClientHelloMetadata, "authBytes" | "controlExtensionBytes">,
  body: Uint8Array,
): ClientHelloBody {
  const { authBytes, controlExtensionBytes } = metadata;
  if (authBytes > body.length) {
    throw new NnrpWireError("longer than the body", {
      field: "client_hello.auth_bytes",
      expected: `at most ${body.length}`,
      actual: authBytes,
    });
  }
  const split = body.length - authBytes;
  if (controlExtensionBytes !== split) {
    throw new NnrpWireError("not what the auth block leaves of the body", {
      field: "client_hello.control_extension_bytes",
      expected: split,
      actual: controlExtensionBytes,
    });
  }
  return {
    controlExtensions: decodeControlExtensions(body.subarray(0, split)),
    authBlock: body.subarray(split),
  };
}

/**
 * Reads the body of a SERVER_HELLO_ACK. The reference client never does, so a message with a wrong length is still read; only
 * opening its body is refused (wire spec §15.5).
 *
 * @throws NnrpWireError (stage body) if the body is shorter than its extensions or these are malformed.
 */
export function decodeServerHelloAckBody(
  metadata: Pick<ServerHelloAckMetadata, "controlExtensionBytes">,
  body: Uint8Array,
): ServerHelloAckBody {
  const split = metadata.controlExtensionBytes;
  if (split > body.length) {
    throw new NnrpWireError("longer than the body", {
      field: "server_hello_ack.control_extension_bytes",
      expected: `at most ${body.length}`,
      actual: split,
    });
  }
  return {
    controlExtensions: decodeControlExtensions(body.subarray(0, split)),
    activeModelName: readPeerText(body.subarray(split)),
  };
}

/**
 * Puts the two parts of a hello's body together.
 *
 * @param controlExtensions A packed block, see {@linkcode encodeControlExtensions}; its length goes into the metadata.
 * @param rest Auth block, or model name as UTF-8.
 */
export function joinHelloBody(controlExtensions: Uint8Array, rest: Uint8Array): Uint8Array {
  const block = asBytes(controlExtensions, "controlExtensions");
  const tail = asBytes(rest, "rest");
  const body = new Uint8Array(block.length + tail.length);
  body.set(block);
  body.set(tail, block.length);
  return body;
}
