/** A frame that breaks its connection each time is not sent anew for ever; others are not harmed (docs/sessions.md). */
import { NnrpConnectionClosedError, TypedPayload } from "@nnrp/core";
import { serve } from "@nnrp/server";
import { virtualNetwork, virtualWorld } from "@nnrp/testing";
import { assertEquals, assertInstanceOf } from "@std/assert";
import { test } from "node:test";
import { dialClient } from "../mod.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

for (const kind of ["stream", "multiStream"] as const) {
  for (const [maxResubmits, expected] of [[undefined, 4], [0, 1], [1, 2], [7, 8]] as const) {
    test(`${kind}: a frame that breaks its connection each time, maxResubmits ${maxResubmits}`, async () => {
      const world = virtualWorld();
      const net = virtualNetwork(world, { latencyMs: 5 });
      let begun = 0;
      const server = await world.run(
        serve(
          { listen: [net[kind]()], runtime: world.host("server"), migration: { resumeWindowMs: 0 } },
          (frame) => {
            if (frame.text() !== "poison") return say("fine");
            begun++;
            net.link().cut();
            return new Promise(() => {});
          },
        ),
      );
      const reconnect = { resubmit: true, maxResubmits, minDelayMs: 10, maxDelayMs: 20, maxAttempts: 100 };
      const client = await world.run(dialClient("nnrp://server", {
        carriers: [net[kind]()],
        runtime: world.host("client"),
        reconnect,
      }));
      const outcome = await world.run(client.submit(say("poison")).catch((error: unknown) => error));
      assertInstanceOf(outcome, NnrpConnectionClosedError);
      assertEquals([begun, (await world.run(client.submit(say("x")))).text()], [expected, "fine"]);
      await world.run(client.close());
      await world.run(server.close({ drainMs: 0 }));
    });
  }
}
