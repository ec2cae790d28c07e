import {
  NnrpCancelledError,
  NnrpConnectionClosedError,
  NnrpProtocolError,
  NnrpStateError,
  NnrpTransportError,
  TypedPayload,
} from "@nnrp/core";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { Gate, PLACES } from "../../../tests/support/places.ts";
import { RawServer, until } from "../../../tests/support/raw_peer.ts";
import { ackFor } from "@nnrp/testing/engines";
import { bare, errorPacket, resultPacket } from "@nnrp/testing/packets";
import { dialClient } from "./dial.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

for (const place of PLACES) {
  test(`${place.name}: close() waits for frames in flight and ends both sides in order`, async () => {
    const gate = new Gate();
    const at = await place.serve(async (frame) => {
      await gate.opened;
      return say(frame.text());
    });
    const client = await at.dial();
    const results = Array.from({ length: 10 }, (_, i) => client.submit(say(`${i}`)));
    await until(() => at.server.stats.running === 10, "handlers");
    const session = at.server.sessions[0];
    const closing = client.close({ reason: "bye", drainMs: 30_000 });
    assertEquals(client.state, "draining");
    await assertRejects(() => client.submit(say("late")), NnrpStateError);
    gate.open();
    assertEquals((await Promise.all(results)).map((r) => r.text()), results.map((_, i) => `${i}`));
    await closing;
    const [mine, theirs] = [await client.closed, await session.closed];
    assertEquals([mine.kind, mine.local, theirs.kind, theirs.local, theirs.reason], [
      "close",
      true,
      "close",
      false,
      "bye",
    ]);
    await until(() => at.server.stats.open === 0, "the server's side");
    await at.end();
  });

  test(`${place.name}: frames that are not answered in time fail when the session has closed`, async () => {
    const at = await place.serve((frame) =>
      new Promise((_, reject) => frame.signal.addEventListener("abort", () => reject(frame.signal.reason)))
    );
    const client = await at.dial();
    const results = [1, 2].map(() => assertRejects(() => client.submit(say("x")), NnrpTransportError));
    await until(() => at.server.stats.running === 2, "handlers");
    await client.close({ drainMs: 20 });
    await Promise.all(results);
    assertEquals([client.state, client.stats.inFlight, client.stats.failed], ["closed", 0, 2]);
    await at.end();
  });

  test(`${place.name}: submits that wait for a slot fail at once when the session closes`, async () => {
    const gate = new Gate();
    const at = await place.serve(async () => {
      await gate.opened;
      return say("done");
    });
    const client = await at.dial({ maxInFlight: 1 });
    const first = client.submit(say("first"));
    const waiting = assertRejects(() => client.submit(say("second")), NnrpConnectionClosedError);
    await until(() => at.server.stats.running === 1, "the handler");
    const closing = client.close({ drainMs: 30_000 });
    await waiting;
    gate.open();
    assertEquals((await first).text(), "done");
    await closing;
    await at.end();
  });

  test(`${place.name}: both sides closing at once is one end for both`, async () => {
    const at = await place.serve(() => say("x"));
    for (let i = 0; i < 10; i++) {
      const client = await at.dial();
      // It may cross the server's CLOSE.
      const result = client.submit(say("x")).catch((error) =>
        assert(error instanceof NnrpTransportError || error instanceof NnrpProtocolError, String(error))
      );
      const session = at.server.sessions[0];
      await Promise.all([client.close({ reason: "c" }), session.close({ reason: "s" })]);
      await result;
      assertEquals([client.state, session.state], ["closed", "closed"]);
    }
    await until(() => at.server.stats.open === 0, "all to be gone");
    await at.end();
  });

  test(`${place.name}: closing twice, and by way of dispose, is closing once`, async () => {
    const at = await place.serve(() => say("x"));
    const client = await at.dial();
    await Promise.all([client.close(), client.close(), client[Symbol.asyncDispose]()]);
    await client.close();
    assertEquals((await client.closed).kind, "close");
    await at.end();
  });

  test(`${place.name}: cancelling while the session drains still reaches the server`, async () => {
    const at = await place.serve((frame) =>
      new Promise((_, reject) => frame.signal.addEventListener("abort", () => reject(new Error("stopped"))))
    );
    const client = await at.dial();
    const abort = new AbortController();
    const result = assertRejects(() => client.submit(say("x"), { signal: abort.signal }), NnrpCancelledError);
    await until(() => at.server.stats.running === 1, "the handler");
    const closing = client.close({ drainMs: 30_000 });
    abort.abort();
    await result;
    await closing;
    await until(() => at.server.stats.running === 0, "the handler to stop");
    await at.end();
  });
}

test("§10: a server that says CLOSE gets its answers taken, and the connection closed", async () => {
  const raw = await RawServer.listen();
  const dialling = dialClient(`nnrp://127.0.0.1:${raw.port}`);
  const peer = await raw.accept();
  peer.send(ackFor(await peer.next("CLIENT_HELLO")));
  const client = await dialling;
  const result = client.submit({ ...say("x"), frameId: 1 });
  await peer.next("FRAME_SUBMIT");
  peer.send(bare(5));
  await until(() => client.state === "draining", "draining");
  await assertRejects(() => client.submit(say("y")), NnrpStateError);
  peer.send(resultPacket(1));
  assertEquals((await result).text(), "result 1");
  await peer.ended;
  peer.end();
  const end = await client.closed;
  assertEquals([end.kind, end.local], ["close", false]);
  raw.close();
});

test("a fatal ERROR ends the session with what it says, and fails frames with it", async () => {
  const raw = await RawServer.listen();
  const dialling = dialClient(`nnrp://127.0.0.1:${raw.port}`);
  const peer = await raw.accept();
  peer.send(ackFor(await peer.next("CLIENT_HELLO")));
  const client = await dialling;
  const failed = assertRejects(() => client.submit(say("x")), NnrpProtocolError);
  await peer.next("FRAME_SUBMIT");
  peer.send(errorPacket({ isFatal: 1, errorCode: 11, retryAfterMs: 5 }, {}, "overloaded"));
  peer.end();
  const error = await failed;
  assertEquals([error.codeName, error.retryAfterMs, error.fatal], ["SERVER_BUSY", 5, true]);
  const end = await client.closed;
  assertEquals([end.kind, end.reason, end.error === error], ["error", "overloaded", true]);
  peer.destroy();
  raw.close();
});

test("a server that ignores CLOSE, as rc2's does, is left after a moment", async () => {
  const raw = await RawServer.listen();
  const dialling = dialClient(`nnrp://127.0.0.1:${raw.port}`);
  const peer = await raw.accept();
  peer.send(ackFor(await peer.next("CLIENT_HELLO")));
  const client = await dialling;
  await client.close({ reason: "bye", drainMs: 50 });
  assertEquals(new TextDecoder().decode((await peer.next("CLOSE")).body), "bye");
  await peer.ended;
  assertEquals(client.state, "closed");
  peer.destroy();
  raw.close();
});

test("§2: bytes that cannot be read end the session; the server is told why", async () => {
  const raw = await RawServer.listen();
  const dialling = dialClient(`nnrp://127.0.0.1:${raw.port}`);
  const peer = await raw.accept();
  peer.send(ackFor(await peer.next("CLIENT_HELLO")));
  const client = await dialling;
  const failed = assertRejects(() => client.submit({ ...say("x"), frameId: 1 }));
  await peer.next("FRAME_SUBMIT");
  peer.send(new TextEncoder().encode("this is no packet, whatever it may look like"));
  assertEquals((await failed as { code?: string }).code, "WIRE");
  await peer.next("ERROR");
  await peer.ended;
  assertEquals((await client.closed).kind, "error");
  peer.destroy();
  raw.close();
});
