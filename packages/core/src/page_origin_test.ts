import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { NnrpValueError } from "./errors.ts";
import { type OriginOptions, originRules, refuseAuthority, refuseOrigin } from "./page_origin.ts";

const HERE = "127.0.0.1:50123";
const AWAY = "203.0.113.9:50123";
const KNOWN = { hosts: ["render.example", "bücher.example", "2001:db8::5", "192.0.2.7"] };
const NAMED = { allowedOrigins: ["https://app.example", "http://dev.example:8080", "tauri://localhost"] };

type Case = readonly [
  passes: boolean,
  origin: string | null | undefined,
  options?: OriginOptions,
  remote?: string,
  encrypted?: boolean,
];

// Passing or not, the Origin, the operator's options (default none), where the visitor is (default: away), TLS (default: no).
const CASES: readonly Case[] = [
  // No page.
  [true, undefined],
  [true, null],
  [true, undefined, { allowedOrigins: [] }],
  // Nothing said by the operator: only pages of this machine, and only for visitors who are on it.
  [false, "https://evil.example"],
  [false, "https://evil.example", {}, HERE],
  [true, "http://localhost", {}, HERE],
  [true, "http://localhost:3000", {}, HERE],
  [true, "https://localhost:3000", {}, HERE],
  [true, "http://localhost:3000", {}, HERE, true],
  [true, "http://LOCALHOST:3000", {}, HERE],
  [true, "http://localhost.:3000", {}, HERE],
  [true, "http://127.0.0.1:8433", {}, HERE],
  [true, "http://127.8.9.10", {}, HERE],
  [true, "http://[::1]:8080", {}, "[::1]:50123"],
  [true, "http://localhost:3000", {}, "[::ffff:127.0.0.1]:50123"],
  [true, "http://localhost:3000", {}, "127.200.0.1:1"],
  [false, "http://localhost:3000", {}, AWAY],
  [false, "http://127.0.0.1:8433", {}, AWAY],
  [false, "http://[::1]", {}, "[2001:db8::9]:50123"],
  [false, "http://localhost:3000", {}, "[::ffff:203.0.113.9]:50123"],
  [false, "http://localhost:3000", {}, "[::ffff:0.127.0.1]:50123"],
  [false, "http://localhost:3000", {}, "?"],
  [false, "http://localhost:3000", {}, ""],
  [false, "http://0.0.0.0:3000", {}, HERE],
  [false, "http://[::]:3000", {}, HERE],
  [false, "http://evil.localhost:3000", {}, HERE],
  [false, "http://localhost.evil.example", {}, HERE],
  [false, "http://127.0.0.1.evil.example", {}, HERE],
  [false, "http://128.0.0.1", {}, HERE],
  // Other ways to write an address: no browser does.
  [false, "http://127.1", {}, HERE],
  [false, "http://2130706433", {}, HERE],
  [false, "http://0x7f.0.0.1", {}, HERE],
  [false, "http://0177.0.0.1", {}, HERE],
  [false, "http://[0:0:0:0:0:0:0:1]", {}, HERE],
  [false, "http://[::ffff:127.0.0.1]", {}, HERE],
  // Not an origin.
  [false, "null", {}, HERE],
  [false, "", {}, HERE],
  [false, " ", {}, HERE],
  [false, "*", {}, HERE],
  [false, "file://", {}, HERE],
  [false, "file://localhost", {}, HERE],
  [false, "localhost", {}, HERE],
  [false, "localhost:3000", {}, HERE],
  [false, "//localhost", {}, HERE],
  [false, "http:localhost", {}, HERE],
  [false, "http:///localhost", {}, HERE],
  [false, "http://", {}, HERE],
  [false, "http://localhost/", {}, HERE],
  [false, "http://localhost/page", {}, HERE],
  [false, "http://localhost?x", {}, HERE],
  [false, "http://localhost#x", {}, HERE],
  [false, "http://localhost:", {}, HERE],
  [false, "http://localhost:x", {}, HERE],
  [false, "http://localhost:65536", {}, HERE],
  [false, "http://localhost:123456", {}, HERE],
  [false, "http://localhost:80:80", {}, HERE],
  [false, "http://user@localhost", {}, HERE],
  [false, "http://localhost@evil.example", {}, HERE],
  [false, "http://evil.example\\@localhost", {}, HERE],
  [false, "http://localhost\t", {}, HERE],
  [false, "http://local\nhost", {}, HERE],
  [false, "http://loc%61lhost", {}, HERE],
  [false, "http://ｌocalhost", {}, HERE],
  [false, "http://localhost, http://localhost", {}, HERE],
  [false, "https://evil.example, http://localhost", {}, HERE],
  [false, "http://localhost,https://evil.example", {}, HERE],
  [false, "http://localhost https://evil.example", {}, HERE],
  [false, `http://${"a".repeat(100_000)}`, {}, HERE],
  // Schemes of other things than web pages: by name only.
  [false, "tauri://localhost", {}, HERE],
  [false, "capacitor://localhost", {}, HERE],
  [false, "chrome-extension://render.example", KNOWN],
  [false, "ws://localhost", {}, HERE],
  // The server's own names, on any port.
  [true, "https://render.example", KNOWN],
  [true, "http://render.example:3000", KNOWN],
  [true, "https://RENDER.example", KNOWN],
  [true, "https://render.example.", KNOWN],
  [true, "https://xn--bcher-kva.example", KNOWN],
  [true, "http://[2001:db8::5]:80", KNOWN],
  [true, "http://192.0.2.7", KNOWN],
  [true, "http://localhost:3000", KNOWN, HERE],
  [false, "http://localhost:3000", KNOWN],
  [true, "http://localhost:3000", { hosts: ["localhost"] }],
  [false, "https://bücher.example", KNOWN],
  [false, "https://sub.render.example", KNOWN],
  [false, "https://example", KNOWN],
  [false, "https://render.example.evil.example", KNOWN],
  [false, "https://evilrender.example", KNOWN],
  [false, "https://render.example..", KNOWN],
  [false, "https://render.example@evil.example", KNOWN],
  // TLS keeps out who is on the way, and pages over plain HTTP can be written by whoever is.
  [true, "https://render.example", KNOWN, AWAY, true],
  [false, "http://render.example", KNOWN, AWAY, true],
  [false, "http://192.0.2.7:8000", KNOWN, HERE, true],
  // Named origins, and no others.
  [true, "https://app.example", NAMED],
  [true, "HTTPS://APP.EXAMPLE", NAMED],
  [true, "https://app.example:443", NAMED],
  [true, "http://dev.example:8080", NAMED, AWAY, true],
  [true, "tauri://localhost", NAMED],
  [false, "https://app.example:444", NAMED],
  [false, "http://app.example", NAMED],
  [false, "https://app.example.", NAMED],
  [false, "http://dev.example", NAMED],
  [false, "https://app.example/", NAMED],
  [false, "https://app.example, https://evil.example", NAMED],
  [false, "http://localhost:3000", NAMED, HERE],
  [false, "https://render.example", { ...NAMED, ...KNOWN }],
  [false, "null", NAMED],
  [false, "", NAMED],
  [false, "http://localhost", { allowedOrigins: [] }, HERE],
  // All.
  [true, "https://evil.example", { allowedOrigins: ["*"] }],
  [true, "null", { allowedOrigins: ["https://app.example", "*"] }],
  [true, "what, ever", { allowedOrigins: ["*"] }],
];

test("a page may connect if the operator named it, or the server by its host; loopback pages from this machine only", () => {
  assert(CASES.length >= 100);
  for (const [passes, origin, options = {}, remote = AWAY, encrypted = false] of CASES) {
    const refused = refuseOrigin(originRules(options, "0.0.0.0", ""), { origin, remote, encrypted });
    assertEquals(refused === null, passes, `${origin} from ${remote}: ${refused}`);
  }
});

test("the bound host is one of the server's names, unless it means all interfaces or this machine", () => {
  const page = (origin: string, bound: string) =>
    refuseOrigin(originRules({}, bound, ""), { origin, remote: AWAY, encrypted: false }) === null;
  assert(page("http://render.example:3000", "Render.Example."));
  assert(page("http://192.0.2.7:3000", "192.0.2.7"));
  assert(page("http://[2001:db8::5]", "2001:db8::5"));
  assert(page("http://[2001:db8::5]", "[2001:DB8:0::5]"));
  for (
    const bound of ["0.0.0.0", "::", "[::]", "0", "0:0:0:0:0:0:0:0", "", "127.0.0.1", "localhost", "::1"]
  ) {
    for (const host of ["0.0.0.0", "[::]", "127.0.0.1", "localhost", "[::1]", "evil.example"]) {
      assert(!page(`http://${host}`, bound), `${host} at ${bound}`);
    }
  }
});

test("what a refusal says names the options, and repeats nothing that is no origin", () => {
  const rules = originRules({}, "127.0.0.1", "");
  const refused = (origin: string) => refuseOrigin(rules, { origin, remote: AWAY, encrypted: false })!;
  for (const option of ["allowedOrigins", "hosts", "https://evil.example:8443"]) {
    assertStringIncludes(refused("https://evil.example:8443"), option);
  }
  assertStringIncludes(refused("null"), "allowedOrigins");
  const strange = fc.oneof(fc.string({ unit: "binary" }), fc.string().map((text) => `http://${text}`));
  fc.assert(fc.property(strange, (origin) => {
    const words = refused(origin);
    assert(words.length < 600 && /^[\x20-\x7e]*$/.test(words), words);
  }));
});

test("nothing but its own origin is let in by an entry", () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}(\.[a-z][a-z0-9]{0,8})?$/);
  const origin = fc.tuple(fc.constantFrom("http", "https"), name, fc.constantFrom("", ":1", ":8080"))
    .map(([scheme, host, port]) => `${scheme}://${host}${port}`);
  fc.assert(fc.property(origin, origin, (entry, other) => {
    const rules = originRules({ allowedOrigins: [entry] }, "127.0.0.1", "");
    const passes = (text: string) =>
      refuseOrigin(rules, { origin: text, remote: HERE, encrypted: false }) === null;
    assert(passes(entry) && passes(entry.toUpperCase()));
    assertEquals(passes(other), entry === other);
  }));
});

test("entries that are no origin or no host are refused with their place", () => {
  const origins: readonly unknown[] = [
    "",
    "null",
    "app.example",
    "https://",
    "https://app.example/",
    "https://app.example/page",
    "https://*.example",
    "https://user@app.example",
    "https://app.example:99999",
    "https://app.example, https://b.example",
    " https://app.example",
    "file://",
    "http://127.1",
    `https://${"a".repeat(400)}.example`,
    7,
    null,
    undefined,
  ];
  for (const entry of origins) {
    const options = { allowedOrigins: ["https://first.example", entry] } as OriginOptions;
    const error = assertThrows(() => originRules(options, "127.0.0.1", "webSocket."), NnrpValueError);
    assertEquals(error.field, "webSocket.allowedOrigins[1]", String(entry));
  }
  const hosts: readonly unknown[] = [
    "",
    "https://app.example",
    "app.example:80",
    "[::1]:80",
    "*",
    "*.example",
    "a b",
    "user@app.example",
    "app.example/x",
    "0.0.0.0",
    "::",
    "1.2.3.999",
    ".",
    7,
    null,
  ];
  for (const entry of hosts) {
    const options = { hosts: [entry] } as OriginOptions;
    const error = assertThrows(() => originRules(options, "127.0.0.1", "quic."), NnrpValueError);
    assertEquals(error.field, "quic.hosts[0]", String(entry));
  }
  for (const field of ["allowedOrigins", "hosts"]) {
    const options = { [field]: "https://app.example" } as OriginOptions;
    assertEquals(assertThrows(() => originRules(options, "", ""), NnrpValueError).field, field);
  }
});

test("operators may write names as people do", () => {
  const options = { allowedOrigins: ["https://Bücher.example:443", "HTTP://[2001:DB8::5]:8080"] };
  const { listed } = originRules(options, "127.0.0.1", "");
  assertEquals([...listed as ReadonlySet<string>], [
    "https://xn--bcher-kva.example",
    "http://[2001:db8::5]:8080",
  ]);
});

test("where no Origin can be read, a session is taken under the server's names and under addresses", () => {
  const table:
    readonly (readonly [passes: boolean, host: string, options?: OriginOptions, bound?: string])[] = [
      [true, "127.0.0.1"],
      [true, "localhost"],
      [true, "localhost."],
      [true, "[::1]"],
      [true, "192.0.2.7"],
      [true, "[2001:db8::5]"],
      [false, "evil.example"],
      [false, "localhost.evil.example"],
      [false, "evil.localhost"],
      [false, ""],
      [true, "render.example", KNOWN],
      [true, "RENDER.EXAMPLE.", KNOWN],
      [true, "xn--bcher-kva.example", KNOWN],
      [false, "sub.render.example", KNOWN],
      [false, "evil.example", KNOWN],
      [true, "gpu.lan", {}, "gpu.lan"],
      [false, "evil.example", {}, "0.0.0.0"],
      [true, "evil.example", { allowedOrigins: ["*"] }],
    ];
  for (const [passes, host, options = {}, bound = "127.0.0.1"] of table) {
    const refused = refuseAuthority(originRules(options, bound, ""), host);
    assertEquals(refused === null, passes, `${host}: ${refused}`);
    if (host === "evil.example" && !passes) assertStringIncludes(refused!, "hosts");
  }
});
