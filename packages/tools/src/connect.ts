/**
 * Connects the commands to a server, and says in one line what to do when there is none.
 *
 * @module
 */
import {
  type ClientSession,
  dialClient,
  type DialOptions,
  type Endpoint,
  NnrpConnectionClosedError,
  NnrpProtocolError,
  NnrpTimeoutError,
  NnrpTransportError,
  NnrpValueError,
  NnrpWireError,
  shownAddress,
} from "@nnrp/client";
import { parseEndpoint } from "@nnrp/client/internal";
import { closest } from "./closest.ts";
import { CommandError } from "./command.ts";

/**
 * Dials a server.
 *
 * @param address For example `nnrp://127.0.0.1:4433`.
 * @param options As for `dialClient()`.
 * @throws CommandError that says what to do.
 */
export async function connect(address: string, options: DialOptions = {}): Promise<ClientSession> {
  const endpoint = checkAddress(address);
  try {
    return await dialClient(address, options);
  } catch (error) {
    throw new CommandError(explain(shownAddress(address), endpoint, error), 1);
  }
}

/**
 * Takes an address apart.
 *
 * @throws CommandError (wrong usage) that says how addresses are written.
 */
export function checkAddress(address: string): Endpoint {
  const shown = shownAddress(address);
  try {
    if (!/\s/.test(address)) return parseEndpoint(address);
  } catch (error) {
    if (!(error instanceof NnrpValueError)) throw error;
    if (/no valid port/.test(error.message)) {
      throw new CommandError(`"${shown}" has no valid port; ports are ${error.expected}`, 2);
    }
    const [scheme, ...rest] = shown.split("://");
    const schemes = /schemes: ([^)]*)/.exec(String(error.expected))?.[1].split(", ") ?? [];
    const near = rest.length > 0 && !schemes.includes(scheme) ? closest(scheme, schemes) : undefined;
    const hint = near === undefined
      ? `write it as nnrp://127.0.0.1:4433${rest.length > 0 ? ` (schemes: ${schemes.join(", ")})` : ""}`
      : `did you mean ${near}://${rest.join("://")}?`;
    throw new CommandError(`"${shown}" is no server address; ${hint}`, 2);
  }
  throw new CommandError(`"${shown}" is no server address; addresses have no spaces`, 2);
}

function explain(address: string, { port, carrier, encrypted }: Endpoint, error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof NnrpTimeoutError || error instanceof NnrpTransportError) {
    if (/authority that is not trusted|unknown authority/.test(error.message)) {
      return `the certificate of ${address} comes from an authority that is not trusted here; give that authority with ` +
        "--ca FILE (ca.pem of nnrp cert or nnrp serve --dev-cert)";
    }
    if (/caCerts/.test(error.message)) return error.message.replace(/in `?caCerts`?/, "with --ca FILE");
  }
  if (error instanceof NnrpConnectionClosedError) {
    return `something answers at ${address}, but ended the connection before the session began (${error.message}); ` +
      "is it an NNRP/1 server?";
  }
  if (error instanceof NnrpTransportError) {
    const refused = (error.cause as { name?: string; code?: string } | undefined) ?? {};
    if (refused.name === "ConnectionRefused" || refused.code === "ECONNREFUSED") {
      if (carrier !== null || encrypted) {
        return `no server answers at ${address}; is it running, and is the port right?`;
      }
      const flag = port === 4433 ? "" : ` --port ${port}`;
      return `no server answers at ${address}; start one in another terminal: nnrp serve --model super-resolution${flag}`;
    }
    return error.message;
  }
  if (error instanceof NnrpTimeoutError) {
    return `${address} does not answer (${error.message}); is the address right?`;
  }
  if (error instanceof NnrpProtocolError) {
    return `the server at ${address} refused the session: ${error.message}`;
  }
  if (error instanceof NnrpWireError) {
    return `something answers at ${address}, but it does not speak NNRP/1 (${error.message})`;
  }
  return error.message;
}
