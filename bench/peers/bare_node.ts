/**
 * The bare peer on Node: `node:net`, one write under way at a time.
 * `server` prints its port; `client PORT` measures; `tls server`, `tls client PORT`: the same over TLS.
 *
 * @module
 */
import { connect, createServer, type Socket } from "node:net";
import process from "node:process";
import { connect as tlsConnect, createServer as createTlsServer } from "node:tls";
import { Cutter } from "./bare_cutter.ts";
import type { OnFrame } from "./bare_frame.ts";
import { answer, Client } from "./bare_load.ts";
import { Writer } from "./bare_writer.ts";
import { benchCertificates } from "./certificates.ts";
import { control } from "./control.ts";

/** Sends what `out` collects; while a write is under way the next batch collects. */
function sender(socket: Socket, out: Writer): () => void {
  let writing = false;
  const sent = (): void => {
    out.done();
    writing = false;
    flush();
  };
  const flush = (): void => {
    if (writing || !out.waiting) return;
    writing = true;
    const parts = out.take();
    if (parts.length === 1) {
      socket.write(parts[0], sent);
      return;
    }
    socket.cork();
    for (let i = 0; i < parts.length - 1; i++) socket.write(parts[i]);
    socket.write(parts[parts.length - 1], sent);
    socket.uncork();
  };
  return flush;
}

/** Cuts what comes; `flush` runs after the frames of each read. */
function receive(socket: Socket, onFrame: OnFrame, flush: () => void): void {
  const cutter = new Cutter(onFrame);
  socket.on("data", (chunk: Uint8Array) => {
    cutter.feed(chunk);
    flush();
  });
}

const secure = process.argv[2] === "tls";
const [role, port] = process.argv.slice(secure ? 3 : 2);
const certificates = secure ? await benchCertificates() : null;

if (role === "server") {
  const serveSocket = (socket: Socket): void => {
    const out = new Writer();
    socket.on("error", () => {});
    receive(socket, answer(out), sender(socket, out));
  };
  const { cert, key } = certificates ?? {};
  const server = certificates
    ? createTlsServer({ noDelay: true, cert, key }, serveSocket)
    : createServer({ noDelay: true }, serveSocket);
  server.listen(0, "127.0.0.1", async () => {
    const { port } = server.address() as { port: number };
    await control({ port }, () => Promise.reject(new Error("a server takes no jobs")));
  });
} else {
  const out = new Writer();
  const client = new Client(out, () => flush());
  const cutter = new Cutter(client.onFrame);
  // The client's end can name its read buffer, which Node's servers cannot.
  const onread = {
    buffer: () => cutter.room,
    callback: (n: number) => {
      cutter.read(n);
      flush();
      return true;
    },
  };
  const address = { host: "127.0.0.1", port: Number(port), noDelay: true };
  const socket = certificates
    ? tlsConnect({ ...address, ca: certificates.ca })
    : connect({ ...address, onread });
  const flush = sender(socket, out);
  if (certificates) receive(socket, client.onFrame, flush);
  socket.on(certificates ? "secureConnect" : "connect", () => {
    socket.setNoDelay(true);
    void control({ ready: true }, (job) => client.run(job));
  });
}
