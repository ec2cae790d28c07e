/**
 * CLIENT_HELLO: metadata of 64 bytes, a body of control extensions and an auth block whose lengths it states (wire spec §4.1,
 * §5; behaviour spec §6.3).
 *
 * @module
 */
import {
  buildClientHelloPacket,
  type ClientHelloBody,
  ControlExtensionType,
  decodeClientHelloBody,
  decodeClientHelloMetadata,
  decodePacket,
  encodeControlExtensions,
  encodePacket,
  HeaderFlags,
  MessageType,
  type NnrpPacket,
  TransportId,
} from "@nnrp/core";
import { changed, type Check, equal, exactLength, refused, survives } from "../check.ts";
import { goldenBytes, matchesGolden } from "../golden.ts";
import { viewOf } from "../hex.ts";

const GOLDEN = "current.metadata.client_hello";

/** The golden metadata. */
export const goldenClientHello: Check = () => matchesGolden(GOLDEN);

/** A hello with everything in it, read as a server reads it; lengths and extensions that do not fit. */
export const clientHelloRules: Check = () => {
  const golden = goldenBytes(GOLDEN);
  exactLength("client_hello_metadata", golden);
  survives("client_hello_metadata", new Uint8Array(64), "all fields 0");
  survives("client_hello_metadata", new Uint8Array(64).fill(0xff), "all fields at their greatest");

  const authBlock = new TextEncoder().encode("a secret");
  const own = { extType: 0x7abc, payload: Uint8Array.of(1, 2, 3) };
  const packet = buildClientHelloPacket({
    requestedSessionId: 77,
    authBlock,
    selectedTransportId: TransportId.TCP,
    controlExtensions: encodeControlExtensions([own]),
  });
  const bytes = encodePacket(packet);
  survives("client_hello_packet", bytes);
  const { header, metadata } = decodePacket(bytes);
  equal([header.msgType, header.flags], [MessageType.CLIENT_HELLO, HeaderFlags.ACK_REQUIRED], "header");
  const fields = decodeClientHelloMetadata(viewOf(metadata), 0, metadata.length);
  equal([fields.requestedSessionId, fields.authBytes, fields.controlExtensionBytes], [77, 8, 32], "metadata");
  const { authBlock: read, controlExtensions } = opened(packet);
  equal(read, authBlock, "auth block");
  equal(
    controlExtensions.map(({ extType, payload }) => [extType, payload.length]),
    [[ControlExtensionType.CLIENT_HELLO_TRANSPORT_POLICY, 8], [own.extType, 3]],
    "control extensions",
  );

  const stated = (authBytes: number, controlExtensionBytes: number) => () =>
    decodeClientHelloBody({ authBytes, controlExtensionBytes }, packet.body);
  refused(stated(packet.body.length + 1, 0), "an auth block longer than the body");
  refused(stated(8, 24), "extensions shorter than what is before the auth block");
  refused(stated(0, 40), "an auth block read as extensions");
  refused(() => opened({ ...packet, body: changed(packet.body, 31, 1) }), "padding that is not 0");
  refused(() => opened({ ...packet, body: changed(packet.body, 20, 9) }), "an extension beyond its block");
  refused(
    () => buildClientHelloPacket({ authBlock, requestedModel: "m" }),
    "a model beside an auth block",
  );
};

function opened({ metadata, body }: NnrpPacket): ClientHelloBody {
  return decodeClientHelloBody(decodeClientHelloMetadata(viewOf(metadata), 0, metadata.length), body);
}
