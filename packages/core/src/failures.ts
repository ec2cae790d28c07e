/**
 * Explains the usual failures of connections and what to do about them. Runtimes name them differently, some
 * only in their messages; carriers on sockets share this.
 *
 * @module
 */
import { cutPeerText } from "./peer_text.ts";

/** Which side of a TLS handshake this is. */
export type TlsSide = "client" | "server";

/** What a TLS handshake was about. */
export interface TlsExpectation {
  /** Name that the server's certificate must be for. */
  readonly serverName?: string;
  /** Expected ALPN protocol name. */
  readonly alpn: string;
}

/**
 * Describes a failure to connect or to listen.
 *
 * @param cause The runtime's error.
 */
export function explainSocket(cause: unknown): string {
  const text = wordsOf(cause);
  const name = cause instanceof Error ? cause.name : "";
  const code = (cause as { code?: unknown } | null)?.code;
  if (name === "ConnectionRefused" || code === "ECONNREFUSED") {
    return "nobody listens there; is the server running, and the port right?";
  }
  if (name === "AddrInUse" || code === "EADDRINUSE") {
    return "the port is taken by another program; choose another one, or 0 for any";
  }
  if (name === "PermissionDenied" || code === "EACCES") return "not allowed; ports below 1024 need rights";
  if (name === "AddrNotAvailable" || code === "EADDRNOTAVAIL") return "this machine has no such address";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN" || /lookup address|resolve/i.test(text)) {
    return "the host name cannot be resolved";
  }
  const ssl = /SSL routines:[^:]*:([^:\n]+)/.exec(text); // among file names and numbers
  return ssl === null ? text.trim() : `TLS failed: ${ssl[1]}`;
}

interface Known {
  /** Matches the runtime's code and message. */
  readonly sign: RegExp;
  /** Description for the client; null = the next entry. */
  readonly client: ((expected: TlsExpectation) => string) | null;
  /** Description for the server; null = the next entry. */
  readonly server: ((expected: TlsExpectation) => string) | null;
}

/**
 * The first that matches is used. Alerts, which the peer sent, come before what this side found out itself.
 */
const KNOWN: readonly Known[] = [
  {
    sign:
      /alert:? certificate.?required|CERTIFICATE_REQUIRED|did.?not.?return.?a.?certificate|sent no certificates/i,
    client: () => "the server wants a client certificate; give one as `cert` and `key`",
    server: () => "the client gave no certificate, and this server requires one (clientCaCerts)",
  },
  {
    sign:
      /alert:? (unknown.?ca|decrypt.?error|bad.?certificate|certificate.?unknown)|ALERT_(UNKNOWN_CA|DECRYPT_ERROR|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN)/i,
    client: () => "the server does not trust this client's certificate (its clientCaCerts)",
    server: () => "the client does not trust this server's certificate, or it is for another name",
  },
  {
    sign: /alert:? certificate.?expired|ALERT_CERTIFICATE_EXPIRED/i,
    client: () => "the server says that this client's certificate has expired",
    server: () => "the client says that this server's certificate has expired; make a new one",
  },
  {
    sign: /no.?application.?protocol|any known protocol/i,
    client: ({ alpn }) => `the server does not speak ${alpn} there (ALPN); is the port right?`,
    server: ({ alpn }) => `the client offers other protocols than ${alpn} (ALPN)`,
  },
  {
    sign: /not valid for (any )?name|NotValidForName|ALTNAME_INVALID|does not match certificate/i,
    client: ({ serverName }) =>
      `the server's certificate is not for "${serverName}"; dial the name it is for, or give that as serverName`,
    server: null,
  },
  {
    sign: /not (yet )?valid (yet|before|until)|NotValidYet|NOT_YET_VALID/i,
    client: () => "the server's certificate is not valid yet; is the clock right?",
    server: () => "the client's certificate is not valid yet; is the clock right?",
  },
  {
    sign: /expired/i,
    client: () => "the server's certificate has expired",
    server: () => "the client's certificate has expired",
  },
  {
    sign:
      /UnknownIssuer|BadSignature|UNABLE_TO_(VERIFY|GET)|unable to (verify|get)|SELF_SIGNED|self.signed|CERT_SIGNATURE_FAILURE|CaUsedAsEndEntity|invalid peer certificate/i,
    client: () =>
      "the server's certificate is signed by an authority that is not trusted here; give that authority's certificate in caCerts",
    server: () => "the client's certificate is signed by another authority than clientCaCerts",
  },
  {
    sign:
      /InvalidContentType|InvalidMessage|WRONG_VERSION_NUMBER|wrong version number|corrupt message|HTTP_REQUEST|http request/i,
    client: () =>
      "the server speaks no TLS on this port; dial its TLS port, or without TLS if plain text is wanted",
    server: () => "the client speaks no TLS; it must dial with it: nnrps:// or wss://",
  },
  {
    sign: /without sending TLS close_notify/i,
    client: () => CUT,
    server: () => CUT,
  },
  {
    sign:
      /unexpected end of file|UnexpectedEof|socket hang up|before secure TLS connection|ECONNRESET|ECONNABORTED|EPIPE/i,
    client: () => "the server closed the connection during the handshake; does it speak TLS on this port?",
    server: () =>
      "the client went away during the handshake; most do so when they do not trust the certificate",
  },
];

const CUT = "it ended without TLS's closing alert, so what came last may have been cut off on the way";

/**
 * Describes a failed TLS handshake, or a failure to connect at all.
 *
 * @param cause The runtime's error.
 * @param side Who this is.
 * @param expected Whose certificate, and what to speak.
 */
export function explainTls(cause: unknown, side: TlsSide, expected: TlsExpectation): string {
  const code = (cause as { code?: unknown } | null)?.code;
  const name = cause instanceof Error ? cause.name : "";
  const signs = `${typeof code === "string" ? code : name} ${wordsOf(cause)}`;
  for (const known of KNOWN) {
    if (known.sign.test(signs)) {
      const words = known[side];
      if (words !== null) return words(expected);
    }
  }
  return explainSocket(cause);
}

/**
 * Describes an error of a connection whose TLS handshake was done. Only then does a client learn that its
 * certificate was refused.
 *
 * @param cause The runtime's error.
 * @param side Who this is.
 * @param expected As for {@linkcode explainTls}.
 */
export function explainLostTls(cause: unknown, side: TlsSide, expected: TlsExpectation): unknown {
  if (!/alert|close_notify/i.test(`${(cause as { code?: unknown } | null)?.code} ${wordsOf(cause)}`)) {
    return cause;
  }
  return new Error(explainTls(cause, side, expected), { cause });
}

/**
 * The message of an error, or whatever was thrown as text, cut like the text of a peer: runtimes quote the peer in it, for example
 * its certificate's names. Never throws, whatever that is.
 */
export function wordsOf(cause: unknown): string {
  try {
    return cutPeerText(String(cause instanceof Error ? cause.message : cause));
  } catch {
    return "something that has no words was thrown";
  }
}
