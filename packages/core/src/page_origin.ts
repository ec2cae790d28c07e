/**
 * Which web pages may connect: judges the Origin that browsers send with a WebSocket, and the name that a WebTransport session was
 * opened under where no Origin can be read. One place for all listeners and mounts; docs/security.md, "Browser pages", tells why.
 *
 * What the request says about the server (Host, `:authority`) never lets a page in: a page of `evil.example` whose name was made to
 * point at this server (DNS rebinding) says `evil.example` in both. Only names that the operator gave count, and loopback.
 *
 * @module
 */
import { NnrpValueError } from "./errors.ts";

/** Longest Origin that is read, characters: a host name has at most 253. */
const MAX_ORIGIN = 300;

/** An operator's rules for pages; the same on all listeners and mounts. */
export interface OriginOptions {
  /**
   * Origins of web pages that may connect, for example `"https://app.example"`, and no others; `"*"` = all. Default: pages of the
   * server's own names ({@linkcode OriginOptions.hosts}) on any port, and pages of this machine.
   */
  readonly allowedOrigins?: readonly string[];
  /** Names and addresses that the server is known by, without port, for example `"render.example"`. */
  readonly hosts?: readonly string[];
}

/** {@linkcode OriginOptions} after their check. */
export interface OriginRules {
  /** Canonical origins that may connect; `"all"`; null = pages of {@linkcode OriginRules.hosts} and of this machine. */
  readonly listed: ReadonlySet<string> | "all" | null;
  /** Canonical names of the server. */
  readonly hosts: ReadonlySet<string>;
}

/** What is known about a handshake. */
export interface OriginFacts {
  /** The Origin field; null or undefined = there is none, so it is no page. Several fields are joined by a comma. */
  readonly origin: string | null | undefined;
  /** The peer's address, `host:port`, as the carriers tell it. */
  readonly remote: string;
  /** Whether the connection is encrypted at this server. */
  readonly encrypted: boolean;
}

/**
 * Checks an operator's options.
 *
 * @param options Which pages, and the server's names.
 * @param bound Host the listener binds or tells; one of the server's names unless it means all interfaces or loopback.
 * @param prefix Before field names in errors, for example `"webSocket."`.
 * @throws NnrpValueError that names the entry which is no origin or no host.
 */
export function originRules(options: OriginOptions, bound: string, prefix: string): OriginRules {
  const { allowedOrigins, hosts } = options;
  let listed: OriginRules["listed"] = null;
  if (allowedOrigins !== undefined) {
    const field = `${prefix}allowedOrigins`;
    const canonical = entries(allowedOrigins, field).map((entry, i) =>
      entry === "*" ? "*" : listedOrigin(entry, `${field}[${i}]`)
    );
    listed = canonical.includes("*") ? "all" : new Set(canonical);
  }
  const field = `${prefix}hosts`;
  const known = new Set(entries(hosts ?? [], field).map((entry, i) => namedHost(entry, `${field}[${i}]`)));
  const own = canonicalHost(bound);
  if (own !== null && !EVERYWHERE.has(own) && !isLoopback(own)) known.add(own);
  return { listed, hosts: known };
}

/**
 * Judges a handshake by its Origin.
 *
 * @returns Null if it may go on, otherwise a reason for the peer and the log, which holds nothing of a field
 *   that could not be read.
 */
export function refuseOrigin(rules: OriginRules, facts: OriginFacts): string | null {
  const { origin: field, remote, encrypted } = facts;
  if (field === null || field === undefined || rules.listed === "all") return null;
  if (field === "null") {
    return 'pages without an origin of their own (files, sandboxed frames) may not connect; allowedOrigins: ["*"] lets in ' +
      "these and all others";
  }
  const origin = readOrigin(field);
  if (origin === null) return "the Origin field names no origin (scheme://host:port)";
  if (rules.listed !== null) return rules.listed.has(origin.text) ? null : mayNot(origin.text);
  if (origin.scheme !== "http" && origin.scheme !== "https") return mayNot(origin.text);
  const host = withoutDot(origin.host);
  if (rules.hosts.has(host)) {
    // Anybody on the way can write a page of an http:// origin; TLS here is meant to keep them out.
    return encrypted && origin.scheme === "http" && !isLoopback(host) ? mayNot(origin.text) : null;
  }
  // A page of the visitor's own machine is a page of this machine only if the visitor is here.
  return isLoopback(host) && isLoopbackRemote(remote) ? null : mayNot(origin.text);
}

/**
 * Judges a session by the name it was opened under, where its Origin cannot be read: names must be the server's. An address
 * passes, since no page can make an address of its own point elsewhere.
 *
 * @param rules Which names.
 * @param host Host of the session's URL, as `URL.hostname` gives it.
 * @returns Null if it may go on, otherwise words for the peer and the log.
 */
export function refuseAuthority(rules: OriginRules, host: string): string | null {
  if (rules.listed === "all") return null;
  const own = canonicalHost(host);
  if (own === null) return "the session was opened under a name that is none";
  if (own.startsWith("[") || IPV4.test(own) || isLoopback(own) || rules.hosts.has(own)) return null;
  return `this server does not know itself as ${
    own.slice(0, MAX_ORIGIN)
  }; if it is called so, the operator can say it in hosts`;
}

function mayNot(origin: string): string {
  return `pages of ${origin} may not connect; the operator can list the origin in allowedOrigins, or the server's own name ` +
    "in hosts";
}

interface Origin {
  readonly scheme: string;
  readonly host: string;
  /** Canonical. */
  readonly text: string;
}

const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$/;
const IPV4 = /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/;
const USUAL_PORT: Readonly<Record<string, string>> = { http: ":80", https: ":443" };
/** Addresses that mean all interfaces. */
const EVERYWHERE: ReadonlySet<string> = new Set(["0.0.0.0", "[::]"]);

/** An origin as browsers write it (RFC 6454 §6.1), in any case; null for everything else: lists, user names, paths, `null`. */
function readOrigin(field: string): Origin | null {
  if (field.length > MAX_ORIGIN || !/^[\x21-\x7e]*$/.test(field)) return null; // before the case: K (Kelvin) is no k
  const match = ORIGIN.exec(field.toLowerCase());
  if (match === null) return null;
  const [, scheme, host, port = ""] = match;
  if (Number(port.slice(1)) > 65535) return null;
  // `http://2130706433` is 127.0.0.1 to some; browsers write addresses one way only.
  const web = scheme === "http" || scheme === "https";
  if (web && (host.endsWith(".") ? canonicalHost(host) + "." : canonicalHost(host)) !== host) return null;
  const shown = port === USUAL_PORT[scheme] || port === "" ? "" : `:${Number(port.slice(1))}`;
  return { scheme, host, text: `${scheme}://${host}${shown}` };
}

/** A host in the form of URLs, without a dot at its end: lower case, IDN in Punycode, IPv6 in brackets; null if it is none. */
function canonicalHost(host: string): string | null {
  const bare = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  if (bare === "" || /[\s/?#@\\%]/.test(bare) || (bare.includes(":") && !bare.endsWith("]"))) return null;
  try {
    return withoutDot(new URL(`http://${bare}/`).hostname) || null;
  } catch {
    return null;
  }
}

function withoutDot(host: string): string {
  return host.endsWith(".") ? host.slice(0, -1) : host;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || (IPV4.test(host) && host.startsWith("127."));
}

/** Whether `host:port` is a peer on this machine; IPv4 on an IPv6 socket is written `[::ffff:127.0.0.1]:port`. */
function isLoopbackRemote(remote: string): boolean {
  const host = canonicalHost(remote.slice(0, remote.lastIndexOf(":")));
  return host !== null && (isLoopback(host) || /^\[::ffff:7f[0-9a-f]{2}:/.test(host));
}

function entries(list: unknown, field: string): readonly string[] {
  if (Array.isArray(list)) return list;
  throw new NnrpValueError("is no list", { field, expected: "an array of strings", actual: typeof list });
}

function listedOrigin(entry: unknown, field: string): string {
  const text = typeof entry === "string" ? entry : "";
  if (text === "null") {
    throw new NnrpValueError('is the origin of every sandboxed frame of every page; "*" says so openly', {
      field,
      expected: 'an origin or "*"',
      actual: text,
    });
  }
  const origin = readOrigin(punycode(text));
  if (origin !== null) return origin.text;
  throw new NnrpValueError("is no origin", {
    field,
    expected: 'scheme://host or scheme://host:port without a path, for example "https://app.example", or "*"',
    actual: JSON.stringify(entry) ?? String(entry),
  });
}

/** The origin with its host as browsers send it: operators write `https://bücher.example`. */
function punycode(text: string): string {
  const start = text.indexOf("://") + 3;
  const name = text.slice(start).split(/[:/?#@\\[]/, 1)[0];
  if (start < 3 || /^[\x21-\x7e]*$/.test(name)) return text;
  return text.slice(0, start) + (canonicalHost(name) ?? name) + text.slice(start + name.length);
}

function namedHost(entry: unknown, field: string): string {
  const host = typeof entry === "string" && !entry.includes("*") ? canonicalHost(entry) : null;
  if (host !== null && !EVERYWHERE.has(host)) return host;
  throw new NnrpValueError("is no name or address of a server", {
    field,
    expected: 'a host without scheme, port or *, for example "render.example"',
    actual: JSON.stringify(entry) ?? String(entry),
  });
}
