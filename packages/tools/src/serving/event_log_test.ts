/** What a server tells: one line per event, counts by class, and nothing of a peer's words that moves the cursor. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { drop, type Handler, ResultClass, type ServerLogEvent } from "@nnrp/server";
import { withServer } from "../../tests/memory_server.ts";
import { EventLog } from "./event_log.ts";

const END: ServerLogEvent = {
  type: "session-end",
  message: "session 5 ended: bye\r\n\x1b[2Jgone",
  remote: "127.0.0.1:9",
  carrier: "tcp",
  sessionId: 5,
  error: new Error("why\nthen"),
};

test("an event is one line without control characters", () => {
  const lines: string[] = [];
  new EventLog((line) => lines.push(line), false).event(END);
  assertEquals(lines.length, 1);
  assertStringIncludes(
    lines[0],
    String.raw`session 5 ended: bye\r\n\u001b[2Jgone: why\nthen (127.0.0.1:9); frames: none`,
  );
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x1f]/.test(lines[0]));
});

test("with JSON an event is one object", () => {
  const lines: string[] = [];
  new EventLog((line) => lines.push(line), true).event(END);
  const { event, sessionId, remote, error, frames } = JSON.parse(lines[0]);
  assertEquals([event, sessionId, remote, error, frames], ["session-end", 5, "127.0.0.1:9", "why\nthen", {}]);
});

test("answers are counted by class, per session and in all", async () => {
  const lines: string[] = [];
  const log = new EventLog((line) => lines.push(line), true);
  let turn = 0;
  const handler: Handler = () => {
    turn++;
    if (turn === 1) return drop();
    if (turn === 2) throw new Error("broken on purpose");
    return { resultClass: turn === 3 ? ResultClass.DEGRADED : ResultClass.COMPLETE };
  };
  await withServer(log.counting(handler), async (session) => {
    assert((await session.submit({ tileIds: [] })).isDrop);
    await assertRejects(() => session.submit({}));
    for (let i = 0; i < 3; i++) await session.submit({});
  }, { log: (event) => log.event(event) });
  assertEquals(log.answers.toJSON(), { COMPLETE: 2, DEGRADED: 1, DROP: 1, ERROR: 1 });
  const events = lines.map((line) => JSON.parse(line));
  assertEquals(events.map((e) => e.event), ["session-start", "handler-failed", "session-end"]);
  assertEquals(events[1].error, "broken on purpose");
  assertEquals(events[2].frames, { COMPLETE: 2, DEGRADED: 1, DROP: 1, ERROR: 1 });
});
