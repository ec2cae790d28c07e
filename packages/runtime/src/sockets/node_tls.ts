/**
 * TLS by `node:tls`: listening everywhere, dialling on Node and Bun, and on Deno for what Deno's own lacks (client certificates,
 * skipping verification).
 *
 * An end without TLS's closing alert looks here like an end with one; a session notices a missing CLOSE or half a packet. Deno
 * 2.9.6 loses an end that comes while reading is paused: such a connection ends by CLOSE or for want of answers.
 *
 * @module
 */
import { isIP, type Socket } from "node:net";

import {
  checkServerIdentity,
  connect as tlsConnect,
  createSecureContext,
  createServer,
  rootCertificates,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import * as nodeTls from "node:tls";
import { cutPeerText, explainLostTls, type PeerIdentity } from "@nnrp/core";
import type { Handshake, Handshakes } from "../handshakes.ts";
import { remoteOf } from "../node_byte_stream.ts";
import { bound, connected, NodeRawSocket } from "./node_sockets.ts";
import type { Bound, RawSocket, SocketPlace } from "./raw_socket.ts";
import type { TlsClientSettings, TlsDialer, TlsServerSettings } from "./tls_settings.ts";

/** Dials by `node:tls`. */
export function nodeTlsDialer(settings: TlsClientSettings): TlsDialer {
  let context: SecureContext | undefined; // reading all authorities takes milliseconds
  return async (place, serverName, signal) => {
    signal?.throwIfAborted();
    context ??= clientContext(settings);
    return await dial(settings, context, place, serverName, signal);
  };
}

/**
 * Binds and accepts until closed. Rejects with the runtime's own error.
 *
 * @param settings Where, and with which certificates.
 * @param handshakes Bounds of the handshakes.
 * @param accept Called with each connection whose handshake is done.
 */
export function listenTls(
  settings: TlsServerSettings,
  handshakes: Handshakes,
  accept: (socket: RawSocket) => void,
): Promise<Bound> {
  const { alpn, identity: { cert, key } } = settings;
  const asks = settings.clientCaCerts !== null;
  const server = createServer({
    cert,
    key,
    ca: asks ? [...settings.clientCaCerts!] : undefined,
    requestCert: asks,
    rejectUnauthorized: asks && settings.requireClientCertificate,
    ALPNProtocols: [alpn],
    noDelay: settings.noDelay,
    // Node's own limit starts again with every byte; ours does not, and comes first.
    handshakeTimeout: handshakes.timeoutMs + 1000,
  });
  const underWay = new Map<Socket, Handshake>();
  server.on("connection", (socket: Socket) => {
    const handshake = handshakes.begin(remoteOf(socket), () => {
      underWay.delete(socket);
      socket.destroy();
    });
    if (handshake === null) {
      socket.destroy();
      return;
    }
    underWay.set(socket, handshake);
    socket.on("error", (error) => fail(socket, error));
    socket.on("close", () => fail(socket, new Error("socket hang up")));
  });
  const fail = (socket: Socket, cause: unknown): void => {
    underWay.get(socket)?.failed(cause);
    underWay.delete(socket);
  };
  server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
    fail(underlying(socket), error);
    socket.destroy();
  });
  server.on("secureConnection", (socket: TLSSocket) => {
    const raw = underlying(socket);
    const handshake = underWay.get(raw);
    const peerIdentity = asks ? identityOf(socket) : undefined;
    if (peerIdentity !== undefined && !socket.authorized) {
      fail(raw, socket.authorizationError);
    }
    underWay.delete(raw);
    if (handshake === undefined || !handshake.succeeded()) {
      socket.destroy();
      return;
    }
    accept(secured(socket, "server", alpn, peerIdentity));
  });
  return bound(server, settings.host, settings.port, () => handshakes.close());
}

function dial(
  { alpn, insecureSkipVerify }: TlsClientSettings,
  context: SecureContext,
  { host, port, noDelay }: SocketPlace,
  serverName: string,
  signal: AbortSignal | undefined,
): Promise<RawSocket> {
  const socket = tlsConnect({
    host,
    port,
    secureContext: context,
    servername: isIP(serverName) === 0 ? serverName : undefined, // TLS has no names for addresses
    checkServerIdentity: (_host, certificate) => checkServerIdentity(serverName, certificate),
    rejectUnauthorized: !insecureSkipVerify,
    ALPNProtocols: [alpn],
  });
  return connected(socket, "secureConnect", signal, () => {
    socket.setNoDelay(noDelay);
    return secured(socket, "client", alpn);
  });
}

function clientContext(settings: TlsClientSettings): SecureContext {
  const own = settings.caCerts;
  return createSecureContext({
    // node:tls takes authorities in place of its own, Deno beside them: beside them everywhere.
    ca: own.length === 0 ? undefined : [...defaultAuthorities(), ...own],
    cert: settings.identity?.cert,
    key: settings.identity?.key,
  });
}

/** What the runtime trusts, with what its environment adds where it tells. */
function defaultAuthorities(): readonly string[] {
  const { getCACertificates } = nodeTls as { getCACertificates?: (type: "default") => string[] };
  return getCACertificates?.("default") ?? rootCertificates;
}

/**
 * A socket whose handshake is done; from now on half-close is allowed. During the handshake an end must end
 * it.
 */
function secured(
  socket: TLSSocket,
  side: "client" | "server",
  alpn: string,
  peerIdentity?: PeerIdentity,
): RawSocket {
  socket.allowHalfOpen = true;
  return new NodeRawSocket(socket, {
    peerIdentity,
    explain: (cause) => explainLostTls(cause, side, { alpn }),
  });
}

/** The socket that "connection" reported; on Bun the TLS socket itself. */
function underlying(socket: TLSSocket): Socket {
  return (socket as { _parent?: Socket | null })._parent ?? socket;
}

function identityOf(socket: TLSSocket): PeerIdentity | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  const name: unknown = socket.getPeerCertificate().subject?.CN;
  return {
    subject: oneLine(certificate.subject),
    // Cut it might be another's name.
    commonName: typeof name === "string" && cutPeerText(name) === name ? name : "",
    fingerprint256: certificate.fingerprint256,
    issuer: oneLine(certificate.issuer),
    ...(certificate.subjectAltName ? { altNames: certificate.subjectAltName } : {}),
  };
}

/** A name as the runtime prints it, one attribute a line; some print nothing at all for an empty one. */
function oneLine(name: string | undefined): string {
  return cutPeerText(name ?? "").trim().replaceAll("\n", ", ");
}
