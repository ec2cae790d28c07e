/**
 * UDP sockets of this process. Deno sets a closed endpoint's socket free only when the garbage collector finds it, so endpoints
 * are used again: those of clients when their connection has ended, those of listeners when the same address is bound anew.
 *
 * @module
 */

/** Idle client endpoints that are kept; more are closed. */
const KEPT_IDLE = 8;

const idle: Deno.QuicEndpoint[] = [];
const stopped = new Map<string, WeakRef<Deno.QuicEndpoint>>();

/** An endpoint for one connection of a client: abandoning it then affects no other connection. */
export function takeClientEndpoint(): Deno.QuicEndpoint {
  const kept = idle.pop();
  if (kept !== undefined) return kept;
  try {
    return new Deno.QuicEndpoint();
  } catch {
    return new Deno.QuicEndpoint({ hostname: "0.0.0.0" }); // a machine without IPv6
  }
}

/** Returns an endpoint whose connection has ended, or that never had one. */
export function giveBackClientEndpoint(endpoint: Deno.QuicEndpoint): void {
  if (idle.length < KEPT_IDLE) idle.push(endpoint);
  else closeEndpoint(endpoint);
}

/**
 * An endpoint to listen on.
 *
 * @throws The runtime's error if the address is taken.
 */
export function takeServerEndpoint(hostname: string, port: number): Deno.QuicEndpoint {
  const key = `${hostname} ${port}`;
  const before = stopped.get(key)?.deref();
  stopped.delete(key);
  return before ?? new Deno.QuicEndpoint({ hostname, port });
}

/** Returns an endpoint whose listener was stopped and whose last connection has ended. */
export function giveBackServerEndpoint(endpoint: Deno.QuicEndpoint, hostname: string, port: number): void {
  for (const [key, reference] of stopped) if (reference.deref() === undefined) stopped.delete(key);
  stopped.set(`${hostname} ${port}`, new WeakRef(endpoint));
}

/** Ends what is under way on an endpoint, for good. */
export function closeEndpoint(endpoint: Deno.QuicEndpoint): void {
  try {
    endpoint.close({ closeCode: 0, reason: "" });
  } catch {
    // Closed already.
  }
}
