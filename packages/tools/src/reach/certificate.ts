/**
 * Reads the certificate that a TLS server shows. Carriers verify it but do not hand it on, so this opens a connection of its own;
 * it is for showing only and decides nothing.
 *
 * @module
 */
import { isIP } from "node:net";
import { connect } from "node:tls";
import { cutPeerText } from "@nnrp/core";

/** A server's certificate. */
export interface ServerCertificate {
  /** Whom it names, for example `"CN=localhost"`. */
  readonly subject: string;
  /** Who issued it. */
  readonly issuer: string;
  /** Names and addresses it is good for. */
  readonly names: string;
  /** When it ends, ISO 8601. */
  readonly validUntil: string;
  /** SHA-256 of it, upper-case hexadecimal with colons. */
  readonly fingerprint256: string;
}

/**
 * Reads the certificate of a server that speaks TLS over TCP.
 *
 * @returns null if it does not answer in time or shows none.
 */
export function readServerCertificate(
  host: string,
  port: number,
  timeoutMs: number,
): Promise<ServerCertificate | null> {
  return new Promise((resolve) => {
    const isName = isIP(host) === 0; // addresses are no server names
    const socket = connect(
      { host, port, rejectUnauthorized: false, ...(isName ? { servername: host } : {}) },
      () => {
        const certificate = socket.getPeerX509Certificate();
        done(
          certificate === undefined ? null : {
            subject: oneLine(certificate.subject),
            issuer: oneLine(certificate.issuer),
            names: oneLine(certificate.subjectAltName ?? ""),
            validUntil: new Date(certificate.validTo).toISOString(),
            fingerprint256: certificate.fingerprint256,
          },
        );
      },
    );
    const timer = setTimeout(() => done(null), timeoutMs);
    const done = (found: ServerCertificate | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(found);
    };
    socket.on("error", () => done(null));
  });
}

function oneLine(text: string): string {
  return cutPeerText(text).trim().replaceAll("\n", ", ");
}
