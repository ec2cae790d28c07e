/**
 * Judges the HTTP request that wants to become a WebSocket, whoever received it: our listener, `Deno.serve`,
 * `node:http` or `Bun.serve`. A refusal states what was expected.
 *
 * @module
 */
import { cutPeerText, fitToShow, type OriginRules, refuseOrigin } from "@nnrp/core";
import { isKey } from "./accept_key.ts";
import { hasToken } from "./http_head.ts";

/** What a request must look like. */
export interface UpgradeRules {
  /** Path of the endpoint, for example `"/nnrp"`. */
  readonly path: string;
  /** Which web pages may connect. */
  readonly origins: OriginRules;
}

/** A request, as far as it matters. */
export interface UpgradeRequest {
  /** `GET`, … */
  readonly method: string;
  /** Path, with or without a query. */
  readonly target: string;
  /** A field by lower-case name. */
  field(name: string): string | null | undefined;
  /** The peer's address, `host:port`. */
  readonly remote: string;
  /** Whether the connection is encrypted at this server. */
  readonly encrypted: boolean;
}

/** What to answer. */
export type UpgradeVerdict =
  | {
    /** The request may become a WebSocket. */
    readonly accepted: true;
    /** Its key. */
    readonly key: string;
  }
  | {
    /** It may not. */
    readonly accepted: false;
    /** HTTP status. */
    readonly status: number;
    /** Words for whoever sent it. */
    readonly body: string;
    /** Fields of the answer. */
    readonly fields: Readonly<Record<string, string>>;
  };

const REASONS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  426: "Upgrade Required",
  503: "Service Unavailable",
};

/** Judges a request. */
export function judgeUpgrade(request: UpgradeRequest, rules: UpgradeRules): UpgradeVerdict {
  const path = request.target.split("?", 1)[0];
  if (path !== rules.path) {
    return refusal(404, `nothing here; NNRP over WebSocket is at ${rules.path}`);
  }
  if (request.method !== "GET") {
    return refusal(405, "a WebSocket begins with GET", { allow: "GET" });
  }
  if (!hasToken(request.field("upgrade"), "websocket") || !hasToken(request.field("connection"), "upgrade")) {
    return refusal(
      426,
      'this is an endpoint for NNRP over WebSocket: connect with dialClient("ws://…") of @nnrp/client',
      { upgrade: "websocket", connection: "Upgrade" },
    );
  }
  if (request.field("sec-websocket-version") !== "13") {
    return refusal(426, "only version 13 of WebSocket is spoken here", { "sec-websocket-version": "13" });
  }
  const key = request.field("sec-websocket-key") ?? "";
  if (!isKey(key)) return refusal(400, "sec-websocket-key must be 16 bytes in base64");
  const { remote, encrypted } = request;
  const refused = refuseOrigin(rules.origins, { origin: request.field("origin"), remote, encrypted });
  if (refused !== null) return refusal(403, refused);
  return { accepted: true, key };
}

/** An answer of ours as bytes. */
export function httpAnswer(verdict: UpgradeVerdict & { accepted: false }): Uint8Array {
  const body = `${verdict.body}\n`;
  const lines = [`HTTP/1.1 ${verdict.status} ${REASONS[verdict.status] ?? ""}`];
  for (const [name, value] of Object.entries(verdict.fields)) lines.push(`${name}: ${value}`);
  if (!("connection" in verdict.fields)) lines.push("connection: close");
  lines.push(`content-length: ${new TextEncoder().encode(body).length}`, "", body);
  return new TextEncoder().encode(lines.join("\r\n"));
}

/** The answer that makes a WebSocket of the connection. */
export function switchingProtocols(accept: string): Uint8Array {
  return new TextEncoder().encode(
    "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n" +
      `sec-websocket-accept: ${accept}\r\n\r\n`,
  );
}

/** A refusal of status `status`; what the request said may stand in its words. */
export function refusal(
  status: number,
  body: string,
  fields: Readonly<Record<string, string>> = {},
): UpgradeVerdict & { accepted: false } {
  return {
    accepted: false,
    status,
    body: fitToShow(cutPeerText(body)),
    fields: { "content-type": "text/plain; charset=utf-8", ...fields },
  };
}
