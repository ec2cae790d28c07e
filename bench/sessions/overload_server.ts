/**
 * The server of the overload measurement: one handler at a time, each keeps the processor busy for a while. Writes down when
 * frames came and when their handlers ran. Times are Unix times in ms with fractions, so that both processes agree.
 *
 * @module
 */
import { decodeFrameSubmitMetadata, MessageType } from "@nnrp/core";
import { serve } from "@nnrp/server";
import { tcp } from "@nnrp/tcp";
import { writeFileSync } from "node:fs";
import { control } from "../peers/control.ts";

/** How long a handler keeps the processor, ms. */
const WORK_MS = 1;
/** Unix time at which `performance.now()` was 0, ms. Read once: the getter leaves garbage that the server would pay for. */
const ORIGIN_MS = performance.timeOrigin;

/** A frame as the server saw it: ids, when it came, when its handler began and ended, when it was answered (0 = never). */
export type ServerRecord = [
  session: number,
  frame: number,
  atMs: number,
  startMs: number,
  endMs: number,
  answeredMs: number,
];

let records: ServerRecord[] = [];
let byKey = new Map<string, ServerRecord>();

const network = tcp({ port: 0 });
const server = await serve({
  concurrency: 1,
  listen: [{
    ...network,
    listen: (accept) =>
      network.listen((carrier) => {
        const commit = carrier.commit.bind(carrier);
        let sessionId = 0;
        carrier.commit = (lane, frame, view, last) => {
          commit(lane, frame, view, last);
          const record = lane === "result" ? byKey.get(`${sessionId}/${frame}`) : undefined;
          if (record !== undefined) record[5] = now();
        };
        const start = carrier.start.bind(carrier);
        carrier.start = (sink) => {
          let beganMs = 0;
          start({
            begin: () => {
              beganMs = now();
              sink.begin();
            },
            packet: (cursor, lane, stream) => {
              if (cursor.msgType === MessageType.FRAME_SUBMIT) {
                const { latencyBudgetMs } = decodeFrameSubmitMetadata(
                  cursor.view,
                  cursor.metaOffset,
                  cursor.metaLength,
                );
                sessionId = cursor.sessionId;
                if (latencyBudgetMs > 0) came(cursor.sessionId, cursor.frameId, beganMs);
              }
              sink.packet(cursor, lane, stream);
            },
            turn: () => sink.turn(),
            fault: (error) => sink.fault(error),
            end: () => sink.end(),
            closed: (info) => sink.closed(info),
          });
        };
        accept(carrier);
      }),
  }],
}, (frame, { session }) => {
  const startMs = performance.now();
  let endMs = startMs;
  while (endMs - startMs < WORK_MS) endMs = performance.now();
  const record = byKey.get(`${session.sessionId}/${frame.frameId}`);
  if (record !== undefined) {
    record[3] = ORIGIN_MS + startMs;
    record[4] = ORIGIN_MS + endMs;
  }
  return {};
});

function came(session: number, frame: number, atMs: number): void {
  const record: ServerRecord = [session, frame, atMs, 0, 0, 0];
  records.push(record);
  byKey.set(`${session}/${frame}`, record);
}

function now(): number {
  return ORIGIN_MS + performance.now();
}

await control({ port: server.port }, (job) => {
  const { file } = job as { file?: string };
  if (file !== undefined) writeFileSync(file, JSON.stringify(records));
  records = [];
  byKey = new Map();
  return Promise.resolve({ stats: server.stats });
});
