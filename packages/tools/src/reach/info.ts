/**
 * What `nnrp info` does: opens a session, shows what the server answered in its handshake, and leaves.
 *
 * @module
 */
import { type ClientSession, shownAddress } from "@nnrp/client";
import { parseEndpoint } from "@nnrp/client/internal";
import {
  type ControlExtensionEntry,
  ControlExtensionFlags,
  ControlExtensionType,
  enumName,
  KNOWN_EXTENSION_RECORDS,
  type RecordField,
  type RecordValues,
  SERVER_HELLO_ACK_RECORD,
  TransportId,
} from "@nnrp/core";
import type { CommandInput } from "../command.ts";
import { connect } from "../connect.ts";
import { meaningOf } from "../decode/meanings.ts";
import { gatedStyleOf } from "../output_gate.ts";
import { NO_TERMINAL, type Style } from "../terminal_style.ts";
import { readServerCertificate, type ServerCertificate } from "./certificate.ts";
import { milliseconds, rounded } from "./milliseconds.ts";
import type { ServerChoice } from "./server_options.ts";
import { table } from "./table.ts";

/** Longest time for reading a certificate where nothing else is said, ms. */
const CERTIFICATE_TIMEOUT_MS = 5000;

/** A number of the handshake with its meaning. */
export interface InfoField {
  /** As it is on the wire; u64 as decimal text. */
  readonly value: number | string;
  /** In words: names of bits and values. */
  readonly meaning?: string;
}

/** What a server answered. */
export interface ServerInfo {
  /** Address that was dialled. */
  readonly address: string;
  /** From the call to the session, ms. */
  readonly openedMs: number;
  /** Carrier, for example `"tcp"`. */
  readonly carrier: string;
  /** Transport as the wire names it. */
  readonly transport: string;
  /** How the connection is protected. */
  readonly encryption: {
    /** Whether it is. */
    readonly encrypted: boolean;
    /** Whether the server's certificate was verified; null where there is none. */
    readonly verified: boolean | null;
    /** The server's certificate; null where there is none, or where it cannot be read (QUIC). */
    readonly certificate: ServerCertificate | null;
  };
  /** Model; empty = not told. */
  readonly model: string;
  /** Session's id. */
  readonly sessionId: number;
  /** What a client may have in flight, after defaults for what the server did not tell. */
  readonly effective: { readonly maxConcurrentFrames: number; readonly maxBodyBytes: number };
  /** The SERVER_HELLO_ACK by field. */
  readonly helloAck: Readonly<Record<string, InfoField>>;
  /** Its control extensions. */
  readonly extensions: readonly {
    /** For example 0x0102. */
    readonly type: number;
    /** Name, `"unknown"` for others. */
    readonly name: string;
    /** Whether whoever does not know it must refuse. */
    readonly critical: boolean;
    /** Its fields, of known ones. */
    readonly fields: Readonly<Record<string, InfoField>>;
    /** Its payload in hex, of others. */
    readonly hex?: string;
  }[];
}

/** Asks a server; returns the exit code. */
export async function info(
  choice: ServerChoice & { readonly json: boolean },
  input: CommandInput,
): Promise<number> {
  const startedMs = performance.now();
  const session = await connect(choice.address, choice.dial);
  const openedMs = rounded(performance.now() - startedMs);
  try {
    const certificate = await certificateOf(choice, session);
    const answer = serverInfo(choice.address, session, openedMs, certificate);
    if (choice.json) input.print(JSON.stringify(answer));
    else for (const line of infoLines(answer, gatedStyleOf(input.terminal ?? NO_TERMINAL))) input.print(line);
  } finally {
    await session.close();
  }
  return 0;
}

/** The certificate behind a session, where it can be read. */
function certificateOf(
  { address, dial }: ServerChoice,
  session: ClientSession,
): Promise<ServerCertificate | null> {
  const { encrypted, name } = session.raw.carrier;
  if (!encrypted || (name !== "tls" && name !== "websocket")) return Promise.resolve(null);
  const { host, port } = parseEndpoint(address);
  return readServerCertificate(host, port, dial.timeoutMs ?? CERTIFICATE_TIMEOUT_MS);
}

/** What a session knows of its server. */
export function serverInfo(
  address: string,
  session: ClientSession,
  openedMs: number,
  certificate: ServerCertificate | null = null,
): ServerInfo {
  const { accepted } = session;
  const { carrier } = session.raw;
  return {
    address: shownAddress(address),
    openedMs,
    carrier: session.carrierName,
    transport: enumName(TransportId, session.transport),
    encryption: {
      encrypted: carrier.encrypted,
      verified: carrier.encrypted ? carrier.unverified !== true : null,
      certificate,
    },
    model: session.modelName,
    sessionId: session.sessionId,
    effective: { maxConcurrentFrames: accepted.maxConcurrentFrames, maxBodyBytes: accepted.maxBodyBytes },
    helloAck: fieldsOf(SERVER_HELLO_ACK_RECORD.fields, { ...accepted.metadata }),
    extensions: accepted.controlExtensions.map(extensionInfo),
  };
}

function extensionInfo(
  { extType, extFlags = 0, payload }: ControlExtensionEntry,
): ServerInfo["extensions"][number] {
  const known = (Object.values(ControlExtensionType) as number[]).includes(extType);
  const head = {
    type: extType,
    name: known ? enumName(ControlExtensionType, extType) : "unknown",
    critical: (extFlags & ControlExtensionFlags.CRITICAL) !== 0,
  };
  const record = KNOWN_EXTENSION_RECORDS.get(extType);
  if (record !== undefined) {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    try {
      return { ...head, fields: fieldsOf(record.fields, record.decodeValues(view, 0, payload.length)) };
    } catch {
      // Malformed: shown as bytes, like those that nobody knows.
    }
  }
  // A token is a key to the session: it is not for screens and logs.
  if (extType === ControlExtensionType.MIGRATION_TOKEN) return { ...head, fields: {} };
  return {
    ...head,
    fields: {},
    hex: Array.from(payload, (byte) => byte.toString(16).padStart(2, "0")).join(""),
  };
}

function fieldsOf(fields: readonly RecordField[], values: RecordValues): Record<string, InfoField> {
  return Object.fromEntries(
    fields.filter(({ rule }) => rule.kind !== "kept").map((field) => {
      const value = values[field.key];
      const { meaning, flags } = meaningOf(field, value);
      const words = flags === undefined ? meaning : flags.join(", ");
      return [field.wireName, {
        value: typeof value === "bigint" ? String(value) : value,
        ...(words === undefined || words === "" ? {} : { meaning: words }),
      }];
    }),
  );
}

/** Fields of the hello ack by what they are about; those that a server left 0 are told in one line. */
const GROUPS: readonly (readonly [string, readonly string[]])[] = [
  ["limits", [
    "max_concurrent_frames",
    "max_body_bytes",
    "max_lane_count",
    "target_cadence_x100",
    "latency_budget_ms",
    "quality_tier",
    "degrade_policy",
    "token_ttl_ms",
    "retry_after_ms",
  ]],
  ["capabilities", [
    "accepted_payload_kind_bitmap",
    "accepted_profile_bitmap",
    "accepted_dtype_bitmap",
    "accepted_layout_bitmap",
    "accepted_codec_bitmap",
    "accepted_compression_bitmap",
  ]],
  ["cache", ["max_cache_entries", "max_cache_bytes", "cache_object_bitmap", "cache_digest_bitmap"]],
];

/** What a server answered, for people. */
export function infoLines(answer: ServerInfo, style: Style): string[] {
  const { encryption } = answer;
  const protection = !encryption.encrypted
    ? "not encrypted"
    : encryption.verified
    ? "encrypted, certificate verified"
    : "encrypted, certificate NOT verified";
  const version = answer.helloAck["selected_version_major"]?.value;
  const format = answer.helloAck["selected_wire_format"];
  const rows: [string, string][] = [
    ["model", answer.model === "" ? "not told" : answer.model],
    ["session", String(answer.sessionId)],
    ["protocol", `NNRP/${version}, wire format ${format?.value} ${format?.meaning ?? ""}`.trimEnd()],
    ["transport", `${answer.transport} (${answer.carrier}), ${protection}`],
  ];
  const { certificate } = encryption;
  if (certificate !== null) {
    rows.push(
      ["certificate", `${certificate.subject}, issued by ${certificate.issuer}`],
      ["good for", certificate.names],
      ["until", certificate.validUntil],
      ["SHA-256", certificate.fingerprint256],
    );
  }
  rows.push(["opened in", milliseconds(answer.openedMs)]);
  const lines = [style.title(answer.address), ...indented(rows)];
  for (const [title, names] of GROUPS) {
    const told = names.filter((name) => answer.helloAck[name]?.value !== 0);
    const silent = names.filter((name) => answer.helloAck[name]?.value === 0);
    lines.push("", style.structure(title));
    lines.push(...indented(told.map((name) => [label(name), shown(name, answer.helloAck[name])])));
    if (silent.length > 0) lines.push(style.faint(`  not told: ${silent.map(label).join(", ")}`));
  }
  lines.push("", style.structure("extensions"));
  if (answer.extensions.length === 0) lines.push(style.faint("  none"));
  lines.push(...indented(answer.extensions.map((extension) => {
    const fields = Object.entries(extension.fields)
      .filter(([name]) => !/critical_extension/.test(name))
      .map(([name, { value, meaning }]) => `${label(name)} ${meaning ?? value}`);
    const critical = extension.critical ? "CRITICAL " : "";
    return [
      `0x${extension.type.toString(16).padStart(4, "0")}  ${extension.name}`,
      critical + fields.join("; "),
    ];
  })));
  return lines;
}

function indented(rows: readonly (readonly [string, string])[]): string[] {
  return table(rows).map((line) => `  ${line}`);
}

/** A field's name without what every field says. */
function label(name: string): string {
  return name.replace(/^(accepted|selected)_/, "").replace(/_(bitmap|x100|ms|bytes)$/, "").replaceAll(
    "_",
    " ",
  );
}

function shown(name: string, { value, meaning }: InfoField): string {
  if (name === "max_body_bytes" || name === "max_cache_bytes") {
    return `${value} (${mebibytes(Number(value))})`;
  }
  return meaning ?? `${value}${/_ms$/.test(name) ? " ms" : ""}`;
}

function mebibytes(bytes: number): string {
  return bytes >= 1 << 20
    ? `${Number((bytes / (1 << 20)).toFixed(1))} MiB`
    : `${Number((bytes / 1024).toFixed(1))} KiB`;
}
