/**
 * What the usual failures of QUIC mean and what to do about them: the runtime distinguishes them by text
 * only.
 *
 * @module
 */
import { text as wordsOf } from "./connection_loss.ts";

/** What was tried: certificates are given differently, and a server receives the client's alerts. */
export type Attempt = "dial" | "dial WebTransport" | "accept" | "listen";

/** Describes a failure to dial, to accept or to listen, and what to do about it. */
export function explain(cause: unknown, attempt: Attempt): string {
  const text = wordsOf(cause);
  const name = cause instanceof Error ? cause.name : "";
  if (/error 120|no application protocol/i.test(text)) {
    return {
      "dial": "the server speaks another protocol there (ALPN): it is no NNRP server",
      "dial WebTransport": "the server does not speak WebTransport there (ALPN)",
      "accept": "the client speaks another protocol (ALPN)",
      "listen": text,
    }[attempt];
  }
  if (attempt === "accept" && /UnknownIssuer|BadSignature|unknown ca|certificate/i.test(text)) {
    return `the client does not accept this server's certificate (${text})`;
  }
  if (/UnknownIssuer|BadSignature|unknown ca/i.test(text)) {
    return "the server's certificate comes from an unknown authority; " + (
      attempt === "dial"
        ? "give its CA in `caCerts`"
        : "WebTransport takes it if its hash is in `serverCertificateHashes`"
    );
  }
  if (/not valid for name|NotValidForName/i.test(text)) {
    return "the server's certificate is for another name; dial that name" +
      (attempt === "dial" ? ", or give it in `serverName`" : "");
  }
  if (/expired|not valid yet|NotValidYet/i.test(text)) {
    return "the server's certificate is out of date, or a clock is wrong";
  }
  if (/CaUsedAsEndEntity/i.test(text)) {
    return "the server uses a CA as its own certificate; make a leaf signed by it";
  }
  if (/timed out/i.test(text)) {
    return "no answer; does a server listen there on UDP, and does every firewall on the way let UDP pass?";
  }
  if (name === "AddrInUse" || /address already in use|EADDRINUSE/i.test(text)) {
    return "the UDP port is taken by another program; choose another one, or 0 for any";
  }
  if (name === "PermissionDenied" || name === "NotCapable") return `not allowed: ${text}`;
  if (/resolve|lookup|no address|not known/i.test(text)) return "the host name cannot be resolved";
  return text;
}
