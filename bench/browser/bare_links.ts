/**
 * The frames of the bare peer over what a browser has: one WebSocket message each, or all of a turn in one write on one
 * WebTransport stream. The same code runs in the page and on the server.
 *
 * @module
 */
import { Cutter } from "../peers/bare_cutter.ts";
import { HEAD, ID, KIND, LENGTH, type OnFrame, sumHead, WANTED, writeHead } from "../peers/bare_frame.ts";
import { type FrameWriter, Writer } from "../peers/bare_writer.ts";

/** The sum of all heads read: it keeps the reads from being optimised away. */
export let checksum = 0;

/** Frames as messages. `makeHandler` is given the way back. */
export function overWebSocket(socket: WebSocket, makeHandler: (out: FrameWriter) => OnFrame): void {
  const onFrame = makeHandler({
    frame(kind, id, wanted, bytes, start, length): void {
      const message = new Uint8Array(HEAD + length);
      writeHead(new DataView(message.buffer), 0, kind, id, length, wanted);
      message.set(bytes.subarray(start, start + length), HEAD);
      socket.send(message);
    },
  });
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }) => {
    const v = new DataView(data);
    checksum = (checksum + sumHead(v, 0)) % 0x40000000;
    const [kind, id, wanted] = [v.getUint32(KIND, true), v.getUint32(ID, true), v.getUint32(WANTED, true)];
    onFrame(kind, id, wanted, new Uint8Array(data), HEAD, v.getUint32(LENGTH, true));
  });
}

/** Frames on one stream; what was written while a write was under way goes next. */
export function overStream(
  { readable, writable }: WebTransportBidirectionalStream,
  makeHandler: (out: FrameWriter) => OnFrame,
): void {
  const collected = new Writer();
  const writer = writable.getWriter();
  let busy = false;
  const flush = async () => {
    try {
      while (collected.waiting) {
        for (const part of collected.take()) await writer.write(part);
        collected.done();
      }
      busy = false;
    } catch {
      // The other side went away between two rounds.
    }
  };
  const cutter = new Cutter(makeHandler({
    frame(kind, id, wanted, bytes, start, length): void {
      collected.frame(kind, id, wanted, bytes, start, length);
      if (busy) return;
      busy = true;
      queueMicrotask(flush);
    },
  }));
  void (async () => {
    const reader = readable.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      cutter.feed(value);
    }
  })().catch(() => {});
}
