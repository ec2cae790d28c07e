/**
 * The page: connects, and keeps frames going from the camera to the server and back on the screen.
 *
 * @module
 */
import { type ClientSession, dialClient } from "@nnrp/client";
import { webTransport } from "@nnrp/quic/webtransport";
import { webSocket } from "@nnrp/websocket";
import { psnr } from "@nnrp/backends";
import { Camera } from "./camera.ts";
import { drawLatency, drawTiles, showClasses } from "./charts.ts";
import { History } from "./history.ts";
import { Screen } from "./screen.ts";
import { type Upscaled, Upscaler } from "./upscaler.ts";

/** What `serve.ts` tells the page. */
export interface ServerAddress {
  /** Host of the NNRP server. */
  readonly host: string;
  /** UDP port of WebTransport. */
  readonly webTransport: number;
  /** TCP port of WebSocket. */
  readonly webSocket: number;
  /** SHA-256 of the server's certificate. */
  readonly certificateHash: readonly number[];
}

/** What the camera would deliver, pixels. */
const CAMERA = { width: 192, height: 128 };
/** Frames under way at once; more would only wait in the server's queue. */
const MAX_IN_FLIGHT = 2;
/** How often numbers are written, ms: faster ones cannot be read. */
const NUMBERS_MS = 250;
/** How often the chart is drawn, ms. */
const CHART_MS = 66;
/** Frames at the start that are not counted: the browser and the server still compile. */
const WARM_UP = 10;

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const budget = element<HTMLInputElement>("budget");
const fps = element<HTMLInputElement>("fps");
const allowOld = element<HTMLInputElement>("allow-old");
const screen = new Screen(
  element<HTMLCanvasElement>("picture"),
  element("divider"),
  ["loupe-bicubic", "loupe-network", "loupe-truth"].map((id) => element<HTMLCanvasElement>(id)),
);

async function connect(): Promise<ClientSession> {
  const address: ServerAddress = await (await fetch("server.json")).json();
  // WebTransport first; if UDP does not come through, WebSocket is tried after a moment.
  const only = new URLSearchParams(location.search).get("carrier");
  const carriers = [
    webTransport({
      serverCertificateHashes: [{ algorithm: "sha-256", value: Uint8Array.from(address.certificateHash) }],
    }),
    webSocket(),
  ].filter((carrier) => only === null || carrier.name === only);
  return await dialClient(`nnrp://${address.host}:${address.webSocket}`, {
    carriers,
    ports: { quic: address.webTransport, websocket: address.webSocket },
  });
}

async function main(): Promise<void> {
  const photo = new Image();
  photo.src = "photograph.png";
  const [session] = await Promise.all([connect(), photo.decode()]);
  addEventListener("pagehide", () => void session.close({ drainMs: 0 }));
  let over = false;
  session.closed.then(({ reason }) => {
    over = true;
    say("bad", `disconnected: ${reason || "the server has gone"}`);
  });
  const nice: Record<string, string> = { webtransport: "WebTransport", websocket: "WebSocket" };
  say("good", nice[session.carrierName] ?? session.carrierName);

  const camera = new Camera(photo, 2 * CAMERA.width, 2 * CAMERA.height);
  const upscaler = new Upscaler(session, CAMERA.width, CAMERA.height);
  const history = new History();
  const began = performance.now();
  let inFlight = 0;
  let frames = 0;
  let shown = -1;
  let beats = -1;
  let drawn = 0;

  element("camera").addEventListener("click", () => void switchCamera(camera));

  const beat = async () => {
    const number = frames++;
    const budgetMs = Number(budget.value);
    inFlight++;
    try {
      const seconds = (performance.now() - began) / 1000;
      const upscaled = await upscaler.upscale(camera.at(seconds), { budgetMs, allowOld: allowOld.checked });
      if (number > shown) {
        shown = number;
        screen.show(upscaled);
        drawTiles(element<HTMLCanvasElement>("tiles"), upscaled, upscaler.grid.columns);
      }
      if (number >= WARM_UP) remember(history, upscaled, budgetMs);
    } finally {
      inFlight--;
    }
  };

  const draw = (nowMs: number) => {
    if (over) return;
    const due = Math.floor((nowMs - began) / (1000 / Number(fps.value)));
    if (due > beats && inFlight < MAX_IN_FLIGHT) {
      beats = due;
      void beat();
    }
    if (nowMs - drawn > CHART_MS) {
      drawn = nowMs;
      drawLatency(element<HTMLCanvasElement>("latency"), history, Number(budget.value), performance.now());
    }
    requestAnimationFrame(draw);
  };
  requestAnimationFrame(draw);
  setInterval(() => showNumbers(history), NUMBERS_MS);
  setInterval(
    async () => element("rtt").textContent = `${(await session.ping()).toFixed(1)} ms round trip`,
    1000,
  );
}

function remember(history: History, upscaled: Upscaled, budgetMs: number): void {
  const { className, latencyMs, inferenceMs, network, bicubic, frame } = upscaled;
  history.add({
    atMs: performance.now(),
    className,
    latencyMs,
    inferenceMs,
    budgetMs,
    bicubicDb: psnr(bicubic, frame.truth),
    networkDb: psnr(network, frame.truth),
  });
}

function showNumbers(history: History): void {
  const now = performance.now();
  const number = (id: string, value: number, digits: number) =>
    element(id).textContent = Number.isFinite(value) ? value.toFixed(digits) : "–";
  number("p50", history.latency(0.5), 1);
  number("p99", history.latency(0.99), 1);
  number("rate", history.rate(now), 0);
  const [bicubicDb, networkDb] = [history.meanDb("bicubicDb", now), history.meanDb("networkDb", now)];
  const gainDb = networkDb - bicubicDb;
  element("gain").textContent = Number.isFinite(gainDb)
    ? `${gainDb < 0 ? "−" : "+"}${Math.abs(gainDb).toFixed(1)}`
    : "–";
  number("bicubic-db", bicubicDb, 1);
  number("network-db", networkDb, 1);
  element("budget-value").textContent = `${budget.value} ms`;
  element("fps-value").textContent = `${fps.value} per second`;
  showClasses(element("bar"), element("legend"), history);
}

async function switchCamera(camera: Camera): Promise<void> {
  const button = element("camera");
  try {
    if (camera.live) camera.usePhotograph();
    else await camera.useOwn();
    button.textContent = camera.live ? "Back to the photograph" : "Use my camera";
  } catch {
    button.textContent = "No camera here";
  }
}

function say(state: "good" | "bad", words: string): void {
  const pill = element("carrier");
  pill.className = `pill ${state}`;
  pill.textContent = words;
}

main().catch((error) => say("bad", error instanceof Error ? error.message : String(error)));
