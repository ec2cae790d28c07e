/**
 * A client that goes away while its server does not read: the handlers hear of it soon after the pause, not at the idle time.
 */
import { TypedPayload } from "@nnrp/core";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { submitPacket } from "@nnrp/testing/packets";
import { helloPacket, RawPeer, until } from "../../../tests/support/raw_peer.ts";
import { serve } from "../mod.ts";

for (const migrationToken of [false, true]) {
  test(`a client that is gone while nothing is read of it, ${migrationToken ? "with" : "without"} a token, ends its handlers`, async () => {
    let aborted = 0;
    const answer = { typedPayloads: [TypedPayload.tokenChunk("late")] };
    // Pings and idle time are minutes away.
    const server = await serve(
      { port: 0, maxSessionBytes: 1000, maxPauseMs: 50, keepAliveMs: 600_000, idleTimeoutMs: 600_000 },
      ({ signal }) =>
        new Promise((done) =>
          signal.addEventListener("abort", () => {
            aborted++;
            done(answer);
          })
        ),
    );
    const peer = await RawPeer.connect(server.port);
    peer.send(helloPacket({ requestedSessionId: 9, migrationToken }));
    await peer.next("SERVER_HELLO_ACK");
    peer.send(
      submitPacket(1, { sessionId: 9, typedPayloads: [TypedPayload.opaqueBytes(new Uint8Array(4000))] }),
    );
    await until(() => server.stats.running === 1, "the handler");
    peer.destroy();
    await until(() => aborted === 1, "the handler's signal");
    assertEquals(server.stats.running, 0);
    await server.close({ drainMs: 0 });
  });
}
