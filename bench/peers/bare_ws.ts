/**
 * The bare WebSocket peer: one message per frame, head and body copied into it, callbacks only. On Deno `Deno.upgradeWebSocket`
 * and the global client, on Node the `ws` package on both sides. `server` prints its port; `client PORT` measures.
 *
 * @module
 */
import { HEAD, ID, KIND, LENGTH, type OnFrame, sumHead, WANTED, writeHead } from "./bare_frame.ts";
import { answer, Client } from "./bare_load.ts";
import type { FrameWriter } from "./bare_writer.ts";
import { args, control } from "./control.ts";

/** The sum of all heads read: it keeps the reads from being optimised away. */
export let checksum = 0;

/** As much of a WebSocket as is needed; `ws` and the global one have it. */
interface Socket {
  binaryType: string;
  send(data: Uint8Array<ArrayBuffer>): void;
  addEventListener(type: "open" | "message", listener: (event: { data: ArrayBuffer }) => void): void;
}

/** Sends every frame as a message of its own. */
function writer(socket: Socket): FrameWriter {
  return {
    frame(kind, id, wanted, bytes, start, length): void {
      const message = new Uint8Array(HEAD + length);
      writeHead(new DataView(message.buffer), 0, kind, id, length, wanted);
      message.set(
        start === 0 && length === bytes.length ? bytes : bytes.subarray(start, start + length),
        HEAD,
      );
      socket.send(message);
    },
  };
}

/** Takes every message for a frame. */
function receive(socket: Socket, onFrame: OnFrame): void {
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }) => {
    const v = new DataView(data);
    checksum = (checksum + sumHead(v, 0)) % 0x40000000;
    onFrame(
      v.getUint32(KIND, true),
      v.getUint32(ID, true),
      v.getUint32(WANTED, true),
      new Uint8Array(data),
      HEAD,
      v.getUint32(LENGTH, true),
    );
  });
}

const serveOne = (socket: Socket): void => receive(socket, answer(writer(socket)));
const noJobs = () => Promise.reject(new Error("a server takes no jobs"));
const [role, port] = await args();
const deno = "Deno" in globalThis;
const ws = deno ? null : await import("../yardsticks/node_modules/ws/wrapper.mjs" as string);

if (role === "server" && deno) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    serveOne(socket as unknown as Socket);
    return response;
  });
  await control({ port: server.addr.port }, noJobs);
} else if (role === "server") {
  const server = new ws.WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
  server.on("connection", serveOne);
  server.on("listening", () => control({ port: server.address().port }, noJobs));
} else {
  const url = `ws://127.0.0.1:${port}/`;
  const socket: Socket = deno
    ? new WebSocket(url) as unknown as Socket
    : new ws.WebSocket(url, { perMessageDeflate: false });
  const client = new Client(writer(socket), () => {});
  receive(socket, client.onFrame);
  socket.addEventListener("open", () => void control({ ready: true }, (job) => client.run(job)));
}
