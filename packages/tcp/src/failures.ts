/**
 * Says what to do about the usual failures of sockets.
 *
 * @module
 */

/**
 * Words for a failure to connect or to listen.
 *
 * @param cause The runtime's error.
 */
export function explainSocket(cause: unknown): string {
  const text = textOf(cause);
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
  return text;
}

/** The message of an error, or whatever was thrown as text. */
export function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
