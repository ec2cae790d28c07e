/**
 * Says what to do about the usual failures of sockets, in the words of all runtimes.
 *
 * @module
 */

/** What failed, and what to check. */
export function explain(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  const name = cause instanceof Error ? cause.name : "";
  const code = String((cause as { code?: unknown } | null)?.code ?? "");
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
  if (/UnknownIssuer|SELF_SIGNED|UNABLE_TO_|unable to (get|verify)|self.signed/i.test(`${code} ${text}`)) {
    return `the certificate is signed by nobody this side trusts (${text}); give its CA as tls.caCerts`;
  }
  if (/not valid for|ALTNAME/i.test(`${code} ${text}`)) {
    return `the certificate is for another name (${text}); tls.serverName says which one to expect`;
  }
  return text;
}
