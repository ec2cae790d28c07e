/**
 * ws + msgpackr on Node: one WebSocket message per frame, msgpackr records. `server` prints its port; `client PORT`
 * measures. See `grpc_js.ts` for why packages are typed here.
 *
 * @module
 */
import { args, control } from "../peers/control.ts";
import { type Caller, load } from "../peers/load.ts";

/** One message each way; `left` results are still to come, this one included. */
interface Frame {
  readonly id: number;
  readonly left: number;
  readonly body: Uint8Array;
}
interface Socket {
  send(data: Uint8Array): void;
  on(event: "message", take: (data: Uint8Array) => void): void;
  on(event: "open", then: () => void): void;
}
interface Ws {
  readonly WebSocket: new (url: string, options: Record<string, unknown>) => Socket;
  readonly WebSocketServer: new (options: Record<string, unknown>) => {
    on(event: "connection", take: (socket: Socket) => void): void;
    on(event: "listening", then: () => void): void;
    address(): { port: number };
  };
}
interface Msgpackr {
  readonly Packr: new (options: Record<string, unknown>) => {
    pack(frame: Frame): Uint8Array;
    unpack(data: Uint8Array): Frame;
  };
}

const names: readonly string[] = ["ws", "msgpackr"];
const { WebSocket, WebSocketServer } = await import(names[0]) as Ws;
const { Packr } = await import(names[1]) as Msgpackr;
/** Both sides know the record, so that its names are never sent. */
const shared = { structures: [["id", "left", "body"]] };

const [role, port] = await args();

if (role === "server") {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
  server.on("connection", (socket) => {
    const packr = new Packr(shared);
    socket.on("message", (data) => {
      const { id, left, body } = packr.unpack(data);
      if (left === 0) return socket.send(packr.pack({ id, left: 0, body }));
      for (let i = left; i > 0; i--) socket.send(packr.pack({ id, left: i, body }));
    });
  });
  server.on("listening", () => {
    control({ port: server.address().port }, () => Promise.reject(new Error("a server takes no jobs")));
  });
} else {
  const packr = new Packr(shared);
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  /** Requests under way: bytes so far and whom to tell. */
  const open = new Map<number, { bytes: number; resolve: (bytes: number) => void }>();
  let next = 0;
  const send = (body: Uint8Array, left: number): Promise<number> =>
    new Promise((resolve) => {
      const id = ++next;
      open.set(id, { bytes: 0, resolve });
      socket.send(packr.pack({ id, left, body }));
    });
  socket.on("message", (data) => {
    const frame = packr.unpack(data);
    const request = open.get(frame.id)!;
    request.bytes += frame.body.length;
    if (frame.left > 1) return;
    open.delete(frame.id);
    request.resolve(request.bytes);
  });
  const caller: Caller<number> = {
    echo: (body) => send(body, 0),
    size: (bytes) => bytes,
    stream: (body, results) => send(body, results),
  };
  socket.on("open", () => control({ ready: true }, (job) => load(caller, job)));
}
