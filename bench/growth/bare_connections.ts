/**
 * The bare client with many connections, one request in flight on each: `bare_connections.ts PORT`. `node:net`, on Deno and
 * Node.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { Cutter } from "../peers/bare_cutter.ts";
import { ECHO } from "../peers/bare_frame.ts";
import { Writer } from "../peers/bare_writer.ts";
import { args, control, type Measured } from "../peers/control.ts";
import type { GrowthJob } from "./axes.ts";

const [port] = await args();

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port: Number(port), noDelay: true }, () => resolve(socket));
    socket.once("error", reject);
  });
}

async function measure({ count = 1, size, seconds }: GrowthJob): Promise<Measured> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const batch = Math.min(64, count - sockets.length);
    sockets.push(...await Promise.all(Array.from({ length: batch }, open)));
  }
  const body = new Uint8Array(size).fill(7);
  const begun = performance.now();
  const end = begun + seconds * 1000;
  let done = 0;
  let running = true;
  const ends = sockets.map((socket) =>
    new Promise<void>((resolve, reject) => {
      const out = new Writer();
      const send = (): void => {
        out.frame(ECHO, 1, 0, body, 0, size);
        for (const part of out.take()) socket.write(Buffer.from(part));
        out.done();
      };
      const cutter = new Cutter((_kind, _id, _wanted, _bytes, _start, length) => {
        if (length !== size) reject(new Error(`expected ${size} bytes, got ${length}`));
        if ((++done & 15) === 0) running &&= performance.now() < end;
        if (running) send();
        else resolve();
      });
      socket.on("data", (chunk: Uint8Array) => cutter.feed(chunk));
      socket.once("close", () => reject(new Error("the server left")));
      send();
    })
  );
  await Promise.all(ends);
  const rate = done / (performance.now() - begun) * 1000;
  for (const socket of sockets) socket.removeAllListeners("close").destroy();
  return { rate, count: done };
}

await control({ ready: true }, (job) => measure(job as unknown as GrowthJob));
