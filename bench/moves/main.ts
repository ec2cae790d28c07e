/**
 * `deno task bench:moves`: what a move costs those who wait for results. A steady stream of frames, client and server in two
 * processes; the session moves to and fro between two carriers. See `../README.md`.
 *
 * @module
 */
import { type ClientSession, dialClient, TypedPayload } from "@nnrp/client";
import type { CarrierDialer } from "@nnrp/core";
import { quic } from "@nnrp/quic";
import { webTransport } from "@nnrp/quic/webtransport";
import { tcp, tls } from "@nnrp/tcp";
import { webSocket } from "@nnrp/websocket";

/** Frames per second. */
const RATE = 500;
/** Moves of each pair that count. */
const MOVES = 60;
/** Moves before them: code that never ran is slow. */
const WARM_UP = 10;
/** Frames to one move in the mixed figure: 2,000 frames, five moves. */
const FRAMES_PER_MOVE = 400;
/** Time between two moves, ms. */
const EVERY_MS = 100;
/** A frame belongs to a move if it was under way between the call and this long after the answer, ms. */
const AFTERMATH_MS = 5;
/** How much longer the slowest frames may take during a move. */
const BAR = 3;
const PAYLOAD = { typedPayloads: [TypedPayload.opaqueBytes(new Uint8Array(1024))] };

const PAIRS: readonly (readonly [string, string])[] = [
  ["tcp", "tcp"],
  ["tcp", "quic"],
  ["tcp", "tls"],
  ["tls", "websocket"],
  ["quic", "tls"],
  ["quic", "webtransport"],
  ["webtransport", "websocket"],
];

interface Place {
  readonly ports: Readonly<Record<string, number>>;
  readonly ca: string;
  readonly sha256: readonly number[];
}

interface Sample {
  readonly from: number;
  readonly to: number;
}

const child = new Deno.Command(Deno.execPath(), {
  args: ["run", "-A", "--no-check", new URL("./server.ts", import.meta.url).pathname],
  stdin: "piped",
  stdout: "piped",
}).spawn();
const place: Place = JSON.parse(await firstLine(child.stdout));
const carriers: CarrierDialer[] = [
  tcp(),
  tls({ caCerts: [place.ca] }),
  quic({ caCerts: [place.ca] }),
  webSocket(),
  webTransport({ serverCertificateHashes: [Uint8Array.from(place.sha256)] }),
];

console.log(`${RATE} frames/s of 1 KiB, ${MOVES} moves each, times in ms.`);
console.log("ratio: p99 of the frames under way during a move to p99 at rest");
console.log(
  `mixed: p99 of ${5 * FRAMES_PER_MOVE} frames with five moves among them to p99 at rest; bar ${BAR}\n`,
);
console.log("path                       frames  lost   rest p50    p99   move p50    p99   ratio   mixed");
let missed = 0;
for (const pair of PAIRS) missed += await measure(pair);
await child.stdin.close();
await child.status;
Deno.exit(missed === 0 ? 0 : 3);

async function measure([a, b]: readonly [string, string]): Promise<number> {
  const session = await dialClient("127.0.0.1", portOf(a), { carriers });
  if (session.carrierName !== a) await move(session, a);
  const samples: Sample[] = [];
  const moves: Sample[] = [];
  let lost = 0;
  let next = b;
  let moving: Promise<void> | null = null;
  const answers: Promise<void>[] = [];
  const startedMs = performance.now();
  let warmMs = startedMs + 500;
  let nextMoveMs = warmMs + EVERY_MS;
  let made = 0;
  for (let sent = 0; moves.length < MOVES;) {
    const now = performance.now();
    for (; sent < (now - startedMs) * RATE / 1000; sent++) {
      const from = performance.now();
      answers.push(
        session.submit(PAYLOAD).then(
          () => {
            if (from > warmMs) samples.push({ from, to: performance.now() });
          },
          () => void lost++,
        ),
      );
    }
    if (now > nextMoveMs && moving === null) {
      nextMoveMs += EVERY_MS;
      const to = next;
      next = to === b ? a : b;
      moving = move(session, to).then(() => {
        if (made++ >= WARM_UP) moves.push({ from: now, to: performance.now() + AFTERMATH_MS });
        else warmMs = performance.now() + AFTERMATH_MS;
        moving = null;
      });
    }
    await new Promise((done) => setTimeout(done, 1));
  }
  await Promise.all(answers);
  await session.close();

  const during = (s: Sample) => moves.some((m) => s.from < m.to && s.to > m.from);
  const times = (list: readonly Sample[]) => list.map((s) => s.to - s.from).sort((x, y) => x - y);
  const rest = times(samples.filter((s) => !during(s)));
  const move_ = times(samples.filter(during));
  const ratio = at(move_, 0.99) / at(rest, 0.99);
  // A session that moves once in 400 frames: so many of its frames are under way during a move.
  const share = Math.min(1, move_.length / moves.length / FRAMES_PER_MOVE);
  const mixed = at(mix(rest, move_, share), 0.99) / at(rest, 0.99);
  const good = lost === 0 && mixed <= BAR;
  const cells = [at(rest, 0.5), at(rest, 0.99), at(move_, 0.5), at(move_, 0.99)].map((ms) => ms.toFixed(2));
  console.log(
    `${`${a} ↔ ${b}`.padEnd(26)} ${String(samples.length).padStart(6)}  ${String(lost).padStart(4)}   ` +
      `${cells[0].padStart(8)} ${cells[1].padStart(6)}   ${cells[2].padStart(8)} ${cells[3].padStart(6)}   ` +
      `${ratio.toFixed(2).padStart(5)}   ${mixed.toFixed(2).padStart(5)} ${good ? "good" : "BELOW BAR"}`,
  );
  return good ? 0 : 1;
}

async function move(session: ClientSession, carrier: string): Promise<void> {
  const { accepted } = await session.migrate({ carrier, port: portOf(carrier) });
  if (!accepted) throw new Error(`the server refused to move to ${carrier}`);
}

function portOf(name: string): number {
  return place.ports[name === "webtransport" ? "quic" : name];
}

/** What a list would be in which `share` is of the second kind. */
function mix(rest: readonly number[], moving: readonly number[], share: number): number[] {
  const repeat = Math.max(1, Math.round(moving.length * (1 - share) / (share * rest.length)));
  const all = [...moving];
  for (let i = 0; i < repeat; i++) all.push(...rest);
  return all.sort((x, y) => x - y);
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the server ended before it listened");
    text += decoder.decode(value, { stream: true });
  }
  return text.slice(0, text.indexOf("\n"));
}
