/**
 * What the commands that call a server have in common: the address, and how its certificate is trusted.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import type { ClientTlsOptions, DialOptions } from "@nnrp/client";
import { DEFAULT_PORT } from "@nnrp/client/internal";
import { CommandError, type CommandInput, type CommandOption } from "../command.ts";

/** Options that say how a server's certificate is trusted. */
export const TRUST_OPTIONS: readonly CommandOption[] = [
  {
    name: "ca",
    type: "string",
    placeholder: "FILE",
    help: "authority to trust instead of the system's, PEM; for example ca.pem of nnrp cert",
  },
  { name: "insecure", type: "boolean", help: "trust any certificate: for experiments only" },
];

/** Options of every command that measures a server. */
export const SERVER_OPTIONS: readonly CommandOption[] = [
  ...TRUST_OPTIONS,
  { name: "timeout", type: "number", placeholder: "S", help: "seconds to wait for an answer", default: 5 },
  { name: "json", type: "boolean", help: "print one JSON object" },
];

/** Help of the argument that names a server. */
export const SERVER_HELP =
  "address, for example nnrp://127.0.0.1:4433, nnrps://host, nnrp+quic://host; or a host, host:port";

/** What {@linkcode SERVER_OPTIONS} said. */
export interface ServerChoice {
  /** Address with scheme. */
  readonly address: string;
  /** For `dialClient()` and `probeClientTransport()`. */
  readonly dial: Pick<DialOptions, "tls" | "timeoutMs" | "signal">;
}

/** Completes what a person may leave out of an address: scheme and port. */
export function serverAddress(text: string): string {
  if (text.includes("://")) return text;
  const bare = /^[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*$/.test(text) ? `[${text}]` : text;
  return /:\d+$/.test(bare) && !bare.endsWith("]") ? `nnrp://${bare}` : `nnrp://${bare}:${DEFAULT_PORT}`;
}

/**
 * Reads the common options.
 *
 * @throws CommandError if one cannot be right.
 */
export async function readServerChoice({ args, options, signal }: CommandInput): Promise<ServerChoice> {
  const seconds = Number(options["timeout"]);
  if (!(seconds > 0)) {
    throw new CommandError(`--timeout must be more than 0 seconds, not ${options["timeout"]}`, 2);
  }
  return {
    address: serverAddress(args[0]),
    dial: { timeoutMs: Math.round(seconds * 1000), signal, ...await readTrust(options) },
  };
}

/**
 * Reads {@linkcode TRUST_OPTIONS}.
 *
 * @throws CommandError if the authority's file is none.
 */
export async function readTrust(options: CommandInput["options"]): Promise<Pick<DialOptions, "tls">> {
  const { ca, insecure } = options;
  if (ca === undefined && insecure !== true) return {};
  const tls: ClientTlsOptions = {
    ...(ca === undefined ? {} : { caCerts: [await readPem(String(ca))] }),
    ...(insecure === true ? { insecureSkipVerify: true } : {}),
  };
  return { tls };
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    throw new CommandError(`cannot read ${path}; give the authority's certificate, a PEM file`, 2);
  }
}
