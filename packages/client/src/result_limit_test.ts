/**
 * A result that is larger than this side takes fails its frame, and nothing else (behaviour spec §9).
 */
import { ErrorCode, NnrpLimitError, type ResultFields, TypedPayload } from "@nnrp/core";
import { virtualNetwork, virtualWorld } from "@nnrp/testing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { said, VirtualServer } from "../tests/virtual_server.ts";
import { dialClient } from "./dial.ts";

const MIB = 1024 * 1024;
const TOO_MUCH: ResultFields = { typedPayloads: [TypedPayload.opaqueBytes(new Uint8Array(33 * MIB))] };

for (const kind of ["stream", "multiStream"] as const) {
  test(`${kind}: results, parts and streams over the limit fail their frame; others, before and behind, come through`, async () => {
    const world = virtualWorld();
    const net = virtualNetwork(world, {
      latencyMs: 10,
      split: () => 1 << 20,
      sendBufferBytes: 1 << 22,
      receiveBufferBytes: 1 << 22,
    });
    const host = world.host("server");
    let aborted = 0;
    await new VirtualServer(host, {
      submit: (frame, session) => {
        const text = frame.text();
        if (text === "large") session.engine.sendResult(frame, TOO_MUCH, true, host.now());
        else if (text === "stream") {
          frame.signal.addEventListener("abort", () => aborted++);
          session.engine.sendPart(frame, said("first"));
          session.engine.sendPart(frame, TOO_MUCH);
        } else session.answer(frame, text);
      },
    }).listen(net[kind]());
    await world.run(async () => {
      const session = await dialClient("nnrp://server", {
        carriers: [net[kind]()],
        runtime: world.host("client"),
      });
      for (let round = 0; round < 3; round++) {
        const before = session.submit(said("before"));
        const large = assertRejects(
          () => session.submit(said("large")),
          NnrpLimitError,
          "takes at most 33554432",
        );
        const behind = session.submit(said("behind"));
        assertEquals([(await before).text(), (await behind).text()], ["before", "behind"]);
        await large;
        const parts: string[] = [];
        await assertRejects(async () => {
          for await (const part of session.submitStream(said("stream"))) parts.push(part.text());
        }, NnrpLimitError);
        assertEquals(parts, ["first"]);
        assertEquals((await session.submit(said("after"))).text(), "after");
        await world.sleep(100);
        assertEquals([session.state, session.stats.failed, session.stats.inFlight], [
          "active",
          2 * (round + 1),
          0,
        ]);
        assertEquals(aborted, round + 1, "the server hears that nobody wants the rest");
      }
      assert(session.stats.receivedBytes > 6 * 33 * MIB);
      await session.close();
    });
  });

  test(`${kind}: a frame over the server's limit, or that it has no room for, is refused, and the session goes on`, async () => {
    const world = virtualWorld();
    const net = virtualNetwork(world, { sendBufferBytes: 1 << 22, receiveBufferBytes: 1 << 22 });
    const asked: number[] = [];
    const server = await new VirtualServer(world.host("server"), {
      maxBodyBytes: MIB,
      refuses: ({ bodyBytes }) => {
        asked.push(bodyBytes);
        return bodyBytes > 500_000
          ? { errorCode: ErrorCode.SERVER_BUSY, retryAfterMs: 70, diagnostic: "no room" }
          : null;
      },
    }).listen(net[kind]());
    await world.run(async () => {
      const session = await dialClient("nnrp://server", {
        carriers: [net[kind]()],
        runtime: world.host("client"),
      });
      const text = (bytes: number) => "x".repeat(bytes);
      for (let round = 0; round < 3; round++) {
        const all = [MIB + 1, 700_000, 400_000, 10].map((bytes) =>
          session.submit(said(text(bytes))).then(
            (r) => r.text().length,
            (e) => `${e.codeName} ${e.retryAfterMs}`,
          )
        );
        assertEquals(await Promise.all(all), ["LIMIT_EXCEEDED 0", "SERVER_BUSY 70", 400_000, 10]);
      }
      assertEquals([session.state, asked.length], ["active", 6]);
      assertEquals(server.sessions[0].engine.framesInFlight, 0);
      await session.close();
    });
  });
}
