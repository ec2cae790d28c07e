/**
 * Where a listener listens by default, and what a port is.
 *
 * @module
 */
import { NnrpValueError } from "@nnrp/core";

/** The port of addresses that name none. */
export const DEFAULT_PORT = 4433;

/**
 * Checks a port to listen on.
 *
 * @param port 0…65535; 0 = any free one.
 * @param field Name of the option.
 * @throws NnrpValueError if it is none.
 */
export function checkPort(port: number, field: string): void {
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return;
  throw new NnrpValueError("is no TCP port", { field, expected: "0 to 65535", actual: String(port) });
}
