import { NnrpUnsupportedError, NnrpValueError, TransportPolicy } from "@nnrp/core";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { test } from "node:test";
import { fakeDialer, QUIC, TCP } from "../tests/fake_carriers.ts";
import {
  bootstrapClientTransport,
  dialPolicyOf,
  orderCarriers,
  planClientTransport,
  portOf,
  resolveClientHelloTransportPolicy,
  toClientHelloTransportPolicy,
} from "./dial_plan.ts";
import { isPrivate, privateCarriers, resolveTarget } from "./dial_target.ts";
import { TransportProbeSelection } from "./probe_selection.ts";

const { PREFER_QUIC, PREFER_TCP, FORCE_QUIC, FORCE_TCP, AUTO } = TransportPolicy;
const quic = fakeDialer("quic", { transport: QUIC });
const web = fakeDialer("webtransport", { transport: QUIC });
const tcp = fakeDialer("tcp", { encrypted: false });
const ws = fakeDialer("websocket", { encrypted: false, portFamilies: ["websocket", "tcp"] });

test("what a policy says in the hello, for every pair of ids", () => {
  const cases: [number, number, [number, number] | null | "conflict"][] = [
    [0, 0, null],
    [QUIC, 0, [PREFER_QUIC, QUIC]],
    [TCP, 0, [PREFER_TCP, TCP]],
    [0, QUIC, [FORCE_QUIC, QUIC]],
    [0, TCP, [FORCE_TCP, TCP]],
    [QUIC, QUIC, [FORCE_QUIC, QUIC]],
    [TCP, TCP, [FORCE_TCP, TCP]],
    [QUIC, TCP, "conflict"],
    [TCP, QUIC, "conflict"],
  ];
  for (const [selectedTransportId, forcedTransportId, expected] of cases) {
    const policy = { selectedTransportId, forcedTransportId };
    if (expected === "conflict") {
      assertThrows(() => resolveClientHelloTransportPolicy(policy), NnrpValueError, "conflict");
      assertThrows(() => planClientTransport(policy), NnrpValueError, "conflict");
      continue;
    }
    const told = expected === null
      ? null
      : { transportPolicy: expected[0], preferredTransportId: expected[1] };
    assertEquals(resolveClientHelloTransportPolicy(policy), told);
    assertEquals(toClientHelloTransportPolicy(policy), told);
    assertEquals(planClientTransport(policy), {
      transportId: forcedTransportId || selectedTransportId,
      transportPolicy: told,
    });
  }
  assertEquals(resolveClientHelloTransportPolicy(), null);
  assertEquals(planClientTransport(), { transportId: 0, transportPolicy: null });
});

test("ids that are no transport are refused, whichever field they are in", () => {
  for (const id of [3, -1, 1.5, NaN, 256]) {
    for (const policy of [{ selectedTransportId: id }, { forcedTransportId: id }]) {
      assertThrows(() => planClientTransport(policy), NnrpValueError, "is no transport");
    }
  }
});

test("a profile's policy is a dial policy and says the same in the hello", () => {
  for (const policy of [PREFER_QUIC, PREFER_TCP, FORCE_QUIC, FORCE_TCP]) {
    assertEquals(planClientTransport(dialPolicyOf(policy)).transportPolicy?.transportPolicy, policy);
  }
  assertEquals([dialPolicyOf(AUTO), dialPolicyOf(undefined)], [{}, {}]);
});

test("a bootstrap takes what was told, else the winner of the probes, else nothing", () => {
  const probeSelection = new TransportProbeSelection({ selectedTransportId: TCP });
  const cases: [Parameters<typeof bootstrapClientTransport>[0], number, number | undefined][] = [
    [{}, 0, undefined],
    [{ probeSelection }, TCP, PREFER_TCP],
    [{ probeSelection, selectedTransportId: QUIC }, QUIC, PREFER_QUIC],
    [{ probeSelection, forcedTransportId: QUIC }, QUIC, FORCE_QUIC],
    [{ probeSelection, selectedTransportId: 0, forcedTransportId: 0 }, TCP, PREFER_TCP],
    [{ forcedTransportId: TCP }, TCP, FORCE_TCP],
  ];
  for (const [options, transportId, policy] of cases) {
    const boot = bootstrapClientTransport(options);
    assertEquals(boot.plan.transportId, transportId);
    assertEquals(boot.plan.transportPolicy?.transportPolicy, policy);
    assertEquals(boot.probeSelection, options?.probeSelection ?? null);
  }
  const plain = bootstrapClientTransport({ requestedSessionId: 9, migrationToken: false });
  const told = bootstrapClientTransport({ requestedSessionId: 9, migrationToken: false, probeSelection });
  assertEquals(plain.hello.metadata.requestedSessionId, 9);
  assertEquals(
    told.hello.metadata.controlExtensionBytes - plain.hello.metadata.controlExtensionBytes > 0,
    true,
    "the extension 0x0101 is one of the hello",
  );
  assertThrows(
    () => bootstrapClientTransport({ selectedTransportId: TCP, forcedTransportId: QUIC }),
    NnrpValueError,
  );
});

test("the order of carriers: forced only that transport, preferred first, else QUIC first; the given order within", () => {
  const all = [tcp, quic, ws, web];
  const names = (policy: Parameters<typeof planClientTransport>[0], carriers = all) =>
    orderCarriers(carriers, planClientTransport(policy)).map((c) => c.name);
  assertEquals(names({}), ["quic", "webtransport", "tcp", "websocket"]);
  assertEquals(names({ selectedTransportId: QUIC }), ["quic", "webtransport", "tcp", "websocket"]);
  assertEquals(names({ selectedTransportId: TCP }), ["tcp", "websocket", "quic", "webtransport"]);
  assertEquals(names({ forcedTransportId: QUIC }), ["quic", "webtransport"]);
  assertEquals(names({ forcedTransportId: TCP }), ["tcp", "websocket"]);
  assertEquals(names({}, [tcp, ws]), ["tcp", "websocket"]);
  assertEquals(names({ selectedTransportId: QUIC }, [tcp, ws]), ["tcp", "websocket"]);
  assertEquals(all.map((c) => c.name), ["tcp", "quic", "websocket", "webtransport"], "not sorted in place");
});

test("a forced transport without a carrier here is unsupported, and the error names what there is", () => {
  const force = (id: number) => planClientTransport({ forcedTransportId: id });
  assertThrows(
    () => orderCarriers([tcp, ws], force(QUIC)),
    NnrpUnsupportedError,
    "there are: tcp, websocket",
  );
  assertThrows(() => orderCarriers([quic], force(TCP)), NnrpUnsupportedError, "TCP is forced");
  assertThrows(() => orderCarriers([], force(TCP)), NnrpUnsupportedError, "there are: none");
});

test("ports by transport: WebSocket shares TCP's unless it has its own; what is not named is the address's", () => {
  const ports = (p: Parameters<typeof portOf>[2]) => [quic, web, tcp, ws].map((c) => portOf(c, 9, p));
  assertEquals(ports(undefined), [9, 9, 9, 9]);
  assertEquals(ports({}), [9, 9, 9, 9]);
  assertEquals(ports({ quic: 1 }), [1, 1, 9, 9]);
  assertEquals(ports({ tcp: 2 }), [9, 9, 2, 2]);
  assertEquals(ports({ websocket: 3 }), [9, 9, 9, 3]);
  assertEquals(ports({ quic: 1, tcp: 2, websocket: 3 }), [1, 1, 2, 3]);
});

test("a scheme lets through the carriers that fit it, in the given order", async () => {
  const tls = fakeDialer("tls");
  const secure = { ...ws, canEncrypt: true };
  const carriers = [tcp, secure, tls, quic, web];
  const names = async (address: string) =>
    (await resolveTarget(address, { carriers })).carriers.map((c) => c.name);
  assertEquals(await names("nnrp://h"), ["tcp", "websocket", "tls", "quic", "webtransport"]);
  assertEquals(await names("nnrps://h"), ["websocket", "tls", "quic", "webtransport"]);
  assertEquals(await names("nnrp+tcp://h"), ["tcp"]);
  assertEquals(await names("nnrp+tls://h"), ["tls"]);
  assertEquals(await names("nnrp+quic://h"), ["quic"]);
  assertEquals(await names("ws://h"), ["websocket"]);
  assertEquals(await names("wss://h"), ["websocket"]);
  assertEquals(await names("https://h"), ["webtransport"]);
  const refused: [string, typeof carriers, string][] = [
    ["nnrp+tls://h", [tcp, quic], "it wants tls, there are: tcp, quic"],
    ["nnrps://h", [tcp, ws], "it wants an encrypted one, there are: tcp, websocket"],
    ["nnrp://h", [], "there are: none"],
  ];
  for (const [address, given, words] of refused) {
    await assertRejects(() => resolveTarget(address, { carriers: given }), NnrpUnsupportedError, words);
  }
});

test("a host without a scheme needs a port; with ports by transport only those transports exist", async () => {
  const carriers = [quic, tcp, ws];
  const at = async (host: string, options: Parameters<typeof resolveTarget>[1]) => {
    const { endpoint, carriers: found } = await resolveTarget(host, { carriers, ...options });
    return [endpoint.host, endpoint.port, found.map((c) => c.name).join()];
  };
  assertEquals(await at("h", { port: 5 }), ["h", 5, "quic,tcp,websocket"]);
  assertEquals(await at("::1", { port: 5 }), ["::1", 5, "quic,tcp,websocket"]);
  assertEquals(await at("h", { ports: { quic: 1, tcp: 2 } }), ["h", 1, "quic,tcp,websocket"]);
  assertEquals(await at("h", { ports: { quic: 1 } }), ["h", 1, "quic"]);
  assertEquals(await at("h", { ports: { tcp: 2 } }), ["h", 2, "tcp,websocket"]);
  assertEquals(await at("h", { ports: { websocket: 3 } }), ["h", 3, "websocket"]);
  assertEquals(await at("h", { port: 7, ports: { quic: 1 } }), ["h", 7, "quic,tcp,websocket"]);
  assertEquals(await at("nnrp://h:8", { ports: { quic: 1 } }), ["h", 8, "quic,tcp,websocket"]);
  await assertRejects(() => at("h", {}), NnrpValueError, "is no server address");
  await assertRejects(() => at("h", { ports: {} }), NnrpValueError);
  await assertRejects(
    () => at("h", { carriers: [tcp], ports: { quic: 1 } }),
    NnrpUnsupportedError,
    "none has a port there",
  );
});

test("secrets travel encrypted or stay on this machine", async () => {
  const both = { ...ws, canEncrypt: true };
  const target = async (address: string) => await resolveTarget(address, { carriers: [tcp, both, quic] });
  const safe = async (address: string) =>
    privateCarriers(await target(address), "auth").map((c) => c.name).join();
  assertEquals(await safe("nnrp://far.example"), "quic");
  assertEquals(await safe("nnrps://far.example"), "websocket,quic");
  assertEquals(await safe("nnrp://127.0.0.1"), "tcp,websocket,quic");
  assertEquals(await safe("nnrp://[::1]"), "tcp,websocket,quic");
  await assertRejects(() => safe("nnrp+tcp://far.example"), NnrpValueError, "plain text to far.example");
  const { endpoint } = await target("nnrp://localhost.far.example");
  assertEquals([isPrivate(tcp, endpoint), isPrivate(both, endpoint), isPrivate(quic, endpoint)], [
    false,
    false,
    true,
  ]);
});

test("a carrier that nobody here knows brings its schemes, its port and its paths along", async () => {
  const pigeon = fakeDialer("pigeon", {
    encrypted: false,
    schemes: [{ scheme: "nnrp+rfc1149", encrypted: false, port: 1149, hasPath: true }],
    portFamilies: ["pigeon", "tcp"],
  });
  const at = async (address: string, ports?: Record<string, number>) => {
    const { endpoint, carriers } = await resolveTarget(address, { carriers: [tcp, pigeon], ports });
    return [
      endpoint.port,
      endpoint.path,
      carriers.map((c) => `${c.name} ${portOf(c, endpoint.port, ports)}`).join(),
    ];
  };
  assertEquals(await at("nnrp+rfc1149://h/loft"), [1149, "/loft", "pigeon 1149"]);
  assertEquals(await at("nnrp://h:5"), [5, undefined, "tcp 5,pigeon 5"]);
  assertEquals(await at("nnrp://h:5", { pigeon: 7 }), [5, undefined, "tcp 5,pigeon 7"]);
  assertEquals(await at("nnrp://h:5", { tcp: 6 }), [5, undefined, "tcp 6,pigeon 6"]);
  assertEquals(await at("h", { pigeon: 7 }), [7, undefined, "pigeon 7"]);
  await assertRejects(() => resolveTarget("nnrp+rfc1149://h", { carriers: [tcp] }), NnrpValueError);
});
