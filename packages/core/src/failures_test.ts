/**
 * Words for failures of connections, as the runtimes name them.
 *
 * @module
 */
import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { explainLostTls, explainSocket, explainTls } from "./failures.ts";

const expected = { serverName: "render.example", alpn: "nnrp/1-tcp" };

function failure(message: string, code?: string, name?: string): Error {
  const error = Object.assign(new Error(message), code === undefined ? {} : { code });
  if (name !== undefined) error.name = name;
  return error;
}

test("failures to connect and to listen say what to check, whatever the runtime calls them", () => {
  const table: readonly [Error, string][] = [
    [failure("x", "ECONNREFUSED"), "nobody listens there"],
    [failure("x", undefined, "ConnectionRefused"), "nobody listens there"],
    [failure("x", "EADDRINUSE"), "the port is taken"],
    [failure("x", undefined, "AddrInUse"), "the port is taken"],
    [failure("x", "EACCES"), "ports below 1024"],
    [failure("x", undefined, "AddrNotAvailable"), "no such address"],
    [failure("getaddrinfo", "ENOTFOUND"), "cannot be resolved"],
    [failure("failed to lookup address information"), "cannot be resolved"],
  ];
  for (const [cause, words] of table) assertStringIncludes(explainSocket(cause), words);
  const openssl =
    "40F:error:0A00009F:SSL routines:tls_process_client_hello:length too short:../deps/x.c:1:\n";
  assertEquals(explainSocket(failure(openssl)), "TLS failed: length too short");
  assertEquals(explainSocket(failure("something new")), "something new");
  assertEquals(explainSocket("no error at all"), "no error at all");
});

test("a failed TLS handshake is explained to the client and to the server in their own words", () => {
  const table: readonly [Error, string, string][] = [
    [
      failure("invalid peer certificate: UnknownIssuer"),
      "give that authority's certificate in caCerts",
      "another authority than clientCaCerts",
    ],
    [
      failure("unable to verify the first certificate"),
      "give that authority's certificate in caCerts",
      "another authority than clientCaCerts",
    ],
    [
      failure("received fatal alert: CertificateExpired", "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED"),
      "expired",
      "expired",
    ],
    [
      failure("certificate has expired", "CERT_HAS_EXPIRED"),
      "the server's certificate has expired",
      "the client's",
    ],
    [failure("x", "ERR_TLS_CERT_ALTNAME_INVALID"), 'not for "render.example"', "x"],
    [
      failure("received fatal alert: NoApplicationProtocol"),
      "does not speak nnrp/1-tcp",
      "other protocols than nnrp/1-tcp",
    ],
    [
      failure("SSL routines:x:wrong version number"),
      "speaks no TLS on this port",
      "the client speaks no TLS",
    ],
    [
      failure("SSL routines:tls_validate_record_header:http request"),
      "speaks no TLS",
      "the client speaks no TLS",
    ],
    [
      failure("received corrupt message of type InvalidContentType"),
      "speaks no TLS",
      "the client speaks no TLS",
    ],
    [failure("socket hang up"), "does it speak TLS on this port?", "the client went away"],
    [failure("x", "ECONNREFUSED"), "nobody listens there", "nobody listens there"],
  ];
  for (const [cause, client, server] of table) {
    assertStringIncludes(explainTls(cause, "client", expected), client);
    assertStringIncludes(explainTls(cause, "server", expected), server);
  }
});

test("of a connection that was up only what TLS says is explained", () => {
  const reset = failure("connection reset", "ECONNRESET");
  assertEquals(explainLostTls(reset, "client", expected), reset);
  const alert = failure("received fatal alert: unknown ca", "ERR_SSL_ALERT_UNKNOWN_CA");
  const explained = explainLostTls(alert, "client", expected);
  assert(explained instanceof Error);
  assertStringIncludes(explained.message, "does not trust this client's certificate");
  assertEquals(explained.cause, alert);
  const cut = explainLostTls(
    failure("peer closed connection without sending TLS close_notify"),
    "client",
    expected,
  );
  assertStringIncludes((cut as Error).message, "may have been cut off");
});
