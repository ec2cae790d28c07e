/**
 * Says what to do about the usual failures of TLS. The runtimes name them differently, and some only in words.
 *
 * @module
 */
import { explainSocket, textOf } from "./failures.ts";
import { TLS_ALPN } from "./tls_api.ts";

/** Which side this is. */
export type TlsSide = "client" | "server";

interface Known {
  /** Matches the runtime's code and message. */
  readonly sign: RegExp;
  /** Words for the client; null = the next entry. */
  readonly client: ((serverName: string) => string) | null;
  /** Words for the server; null = the next entry. */
  readonly server: (() => string) | null;
}

/** The first that matches speaks. Alerts, which the peer sent, come before what this side found out itself. */
const KNOWN: readonly Known[] = [
  {
    sign:
      /alert.*certificate.?required|CERTIFICATE_REQUIRED|did.?not.?return.?a.?certificate|sent no certificates/i,
    client: () => "the server wants a client certificate; give one with tls({ cert, key })",
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
    client: () => `the server does not speak ${TLS_ALPN} there (ALPN); is the port right?`,
    server: () => `the client offers other protocols than ${TLS_ALPN} (ALPN)`,
  },
  {
    sign: /not valid for (any )?name|NotValidForName|ALTNAME_INVALID|does not match certificate/i,
    client: (name) =>
      `the server's certificate is not for "${name}"; dial the name it is for, or give that with tls({ serverName })`,
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
      /UnknownIssuer|BadSignature|UNABLE_TO_(VERIFY|GET)|SELF_SIGNED|CERT_SIGNATURE_FAILURE|CaUsedAsEndEntity|invalid peer certificate/i,
    client: () =>
      "the server's certificate is signed by an authority that is not trusted here; give that authority's certificate with " +
      "tls({ caCerts })",
    server: () => "the client's certificate is signed by another authority than clientCaCerts",
  },
  {
    sign:
      /InvalidContentType|InvalidMessage|WRONG_VERSION_NUMBER|wrong version number|corrupt message|HTTP_REQUEST/i,
    client: () =>
      "the server speaks no TLS on this port; dial its TLS port, or tcp() if plain text is wanted",
    server: () => "the client speaks no TLS; it must dial with tls() (nnrps://)",
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
 * Words for a failed handshake.
 *
 * @param cause The runtime's error.
 * @param side Who this is.
 * @param serverName Whose certificate was expected (client).
 */
export function explainTls(cause: unknown, side: TlsSide, serverName = ""): string {
  const code = (cause as { code?: unknown } | null)?.code;
  const name = cause instanceof Error ? cause.name : "";
  const text = textOf(cause);
  const signs = `${typeof code === "string" ? code : name} ${text}`;
  for (const known of KNOWN) {
    const words = known[side];
    if (words === null || !known.sign.test(signs)) continue;
    return words(serverName);
  }
  return explainSocket(cause);
}

/**
 * An error of a connection whose handshake was done, in words. A client hears only then that its certificate was refused.
 *
 * @param cause The runtime's error.
 * @param side Who this is.
 */
export function explainLostTls(cause: unknown, side: TlsSide): unknown {
  const text = textOf(cause);
  if (!/alert|close_notify/i.test(`${(cause as { code?: unknown } | null)?.code} ${text}`)) return cause;
  return new Error(explainTls(cause, side), { cause });
}
