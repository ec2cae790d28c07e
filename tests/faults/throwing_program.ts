/**
 * A program of its own whose callbacks and carriers fail in every way, on one carrier, while one client goes on working. Whatever
 * gets out of the library ends this process, as it would end an application's; at the end it prints what happened.
 *
 * Arguments: the carrier (memory, tcp, tls, websocket, mount, quic, webtransport).
 *
 * @module
 */
import { type ClientSession, dialClient, type DialOptions, NnrpError, TypedPayload } from "@nnrp/client";
import { type CarrierBinding, type CarrierDialer, memoryNetwork } from "@nnrp/core";
import { serve, type ServerLogEvent } from "@nnrp/server";
import { tcp, tls } from "@nnrp/tcp";
import { webSocket } from "@nnrp/websocket";
import process from "node:process";
import { errorPacket } from "@nnrp/testing/packets";
import { mounted } from "../../packages/websocket/tests/setups.ts";
import { until } from "../support/raw_peer.ts";
import { makeDevCertificates } from "../support/test_certificates.ts";
import { isSabotage, SABOTAGE, Saboteur } from "./saboteur.ts";
import {
  type Fault,
  FAULTS,
  faultyHandler,
  faultyOptions,
  ROOM,
  spoilListeners,
} from "./throwing_callbacks.ts";

interface Place {
  readonly binding: CarrierBinding;
  readonly dialer: CarrierDialer;
  readonly url: (port: number) => string;
}

async function placeOf(name: string): Promise<Place> {
  const local = (scheme: string) => (port: number) => `${scheme}://127.0.0.1:${port}`;
  if (name === "memory") {
    const net = memoryNetwork();
    return { binding: net, dialer: net, url: () => "nnrp://memory" };
  }
  if (name === "tcp") return { binding: tcp({ port: 0 }), dialer: tcp(), url: local("nnrp") };
  if (name === "websocket") {
    return { binding: webSocket({ port: 0 }), dialer: webSocket(), url: local("ws") };
  }
  if (name === "mount") return { binding: mounted(), dialer: webSocket(), url: local("ws") };
  const { cert, key, ca, sha256 } = await makeDevCertificates();
  if (name === "tls") {
    return { binding: tls({ port: 0, cert, key }), dialer: tls({ caCerts: [ca] }), url: local("nnrps") };
  }
  const { quic, webTransport } = await import("@nnrp/quic");
  const dialer = name === "quic"
    ? quic({ caCerts: [ca] })
    : webTransport({ serverCertificateHashes: [sha256] });
  return { binding: quic({ port: 0, cert, key }), dialer, url: local("nnrps") };
}

const place = await placeOf(process.argv[2]);
const saboteur = new Saboteur();
const failures: ServerLogEvent[] = [];
const ALWAYS = ["handler-failed", "internal-failure"];
const WITH_ERROR = ["auth-refused", "handshake-refused"]; // others of these are refusals
const server = await serve({
  ...faultyOptions(),
  listen: [saboteur.binding(place.binding)],
  handshakeTimeoutMs: 5000,
  migration: { resumeWindowMs: 1 },
  log: (event) => {
    const { type, error } = event;
    if (ALWAYS.includes(type) || (error !== undefined && WITH_ERROR.includes(type))) failures.push(event);
    // The log itself fails, too: every other time at once, else later.
    if (failures.length % 2 === 0) throw new Error("the log failed");
    return Promise.reject(new Error("the log failed later")) as unknown as void;
  },
}, faultyHandler);

const dial = (name: string, options: DialOptions = {}): Promise<ClientSession> =>
  dialClient(place.url(server.port), {
    auth: name,
    allowPlaintextAuth: true,
    carriers: [place.dialer],
    timeoutMs: 10_000,
    log: () => {
      throw new Error("the client's log failed");
    },
    ...options,
  });
const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

const good = await dial("good");
let served = 0;
async function serves(): Promise<void> {
  const texts = Array.from({ length: 5 }, (_, i) => `good ${served++} ${i}`);
  const results = await Promise.all(texts.map((text) => good.submit(say(text))));
  const wrong = results.find((result, i) => result.text() !== texts[i]);
  if (wrong !== undefined) throw new Error(`the good client got ${wrong.text()}`);
}

/** How it went for the client: nothing, or its error, which has to be one of this library's. */
async function outcome(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "served";
  } catch (error) {
    // What a caller's own call brought about comes back to the caller as it is.
    if (!(error instanceof NnrpError) && !isSabotage(error)) throw error;
    return "fails";
  }
}

async function provoke(fault: Fault): Promise<void> {
  const { name, trigger } = fault;
  const session = await dial(name, { ignoreMaxConcurrentFrames: true });
  try {
    spoilListeners(server);
    if (trigger === "frame") await session.submit(say(name));
    else if (trigger === "queue") await overfill(session);
    else if (trigger === "patch") await session.patch({ qualityTier: 2 });
    else if (trigger === "flow") session.sendFlowUpdate({ credit: 4 });
    else if (trigger === "error") session.raw.sendPacket("control", errorPacket({ isFatal: 0 }));
    // A frame that fails leaves the session as it was.
    if (trigger !== "hello") await session.submit(say("and on"));
  } finally {
    await session.close({ drainMs: 0 });
  }
}

/** More frames than may run and wait. */
async function overfill(session: ClientSession): Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  const waiting = Array.from({ length: 2 * ROOM + 1 }, () => session.submit(say("wait"), { signal }));
  const settled = Promise.allSettled(waiting);
  try {
    await Promise.race(waiting); // the one too many fails
  } finally {
    stop.abort();
    await settled;
  }
}

let cases = 0;
for (const fault of FAULTS) {
  const before = failures.length;
  const [how] = await Promise.all([outcome(() => provoke(fault)), serves()]);
  if (how !== fault.client) throw new Error(`${fault.name}: the client ${how}`);
  await until(() => server.stats.open === 1, `${fault.name}: its connection to go`);
  const told = failures.slice(before).map(({ type, message }) => `${type}: ${message}`);
  // How many frames find the queue full depends on how they arrive.
  const enough = fault.trigger === "queue" ? told.length >= fault.logged : told.length === fault.logged;
  if (!enough) {
    throw new Error(`${fault.name}: logged ${told.length}: ${told.join(" | ")}`);
  }
  cases++;
}
for (const what of SABOTAGE) {
  const before = failures.length;
  saboteur.target = what;
  const how = await outcome(async () => {
    const session = await dial("sabotaged");
    try {
      await Promise.all([session.submit(say("on a broken connection")), serves()]);
      await session.ping();
    } finally {
      await session.close({ drainMs: 0 });
    }
  });
  saboteur.target = null;
  await serves();
  await until(() => server.stats.open === 1, `the server's ${what} throws: its connection to go (${how})`);
  const told = failures.slice(before).map(({ type, message }) => `${type}: ${message}`);
  if (told.length > 1) throw new Error(`${what}: logged ${told.length}: ${told.join(" | ")}`);
  if (how === "fails" && saboteur.struck && told.length === 0) throw new Error(`${what}: not logged`);
  cases++;
}
for (const what of SABOTAGE) {
  const how = await outcome(async () => {
    const session = await dial("good", { carriers: [saboteur.dialer(place.dialer, what)] });
    try {
      await session.submit(say("on a broken connection"), { timeoutMs: 5000 });
      await session.ping({ timeoutMs: 5000 });
    } finally {
      await session.close({ drainMs: 0 });
    }
  });
  await serves();
  await until(() => server.stats.open === 1, `the client's ${what} throws: its connection to go (${how})`);
  cases++;
}
await serves();
const { running, queued, bytesInFlight, suspended } = server.stats;
if (running + queued + bytesInFlight + suspended !== 0) {
  throw new Error(`left behind: ${JSON.stringify({ running, queued, bytesInFlight, suspended })}`);
}
await good.close();
await server.close({ drainMs: 0 });
process.stdout.write(`${cases} cases, ${served} rounds of the good client\n`);
process.exit(0);
