/**
 * What every carrier that is one byte stream must do, as tests: the cases of `@nnrp/testing/carrier-suite`, and sessions of a real
 * client and server.
 *
 * @module
 */
import { dialClient, TypedPayload } from "@nnrp/client";
import { serve } from "@nnrp/server";
import { carrierCases, type CarrierSetup } from "@nnrp/testing/carrier-suite";
import { patterned } from "@nnrp/testing/packets";
import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { until } from "./raw_peer.ts";
import { turn } from "./turns.ts";

export { type CarrierSetup, connected, Heard, type Pair } from "@nnrp/testing/carrier-suite";

const MIB = 1024 * 1024;

/** The tests. */
export function carrierSuite(setup: CarrierSetup): void {
  const { name } = setup;
  for (const { name: title, run } of carrierCases(setup)) test(title, run);

  test(`${name}: a session echoes bodies from 0 bytes to 32 MiB less their descriptors`, async () => {
    const server = await serve(
      { listen: [setup.binding()] },
      (frame) => ({ typedPayloads: frame.typedPayloads }),
    );
    const session = await dialClient(`nnrp://127.0.0.1:${server.port}`, { carriers: [setup.dialer()] });
    for (const size of [0, 1, 1100, 65_535, 5 * MIB, 32 * MIB - 48]) {
      const payload = patterned(size, size);
      const result = await session.submit({ typedPayloads: [TypedPayload.opaqueBytes(payload)] });
      const [back] = result.opaqueBytesPayloads;
      assertEquals(back.length, size);
      assert(back.every((byte, i) => byte === payload[i]), `${size} bytes come back as they were`);
    }
    await session.close();
    await server.close();
  });

  test(`${name}: a session streams tokens, and a cancelled stream stops its handler`, async () => {
    let stopped = false;
    const server = await serve({ listen: [setup.binding()] }, async function* (frame) {
      const endless = frame.text() === "endless";
      try {
        for (let i = 0; endless ? !frame.signal.aborted : i < 500; i++) {
          yield { typedPayloads: [TypedPayload.tokenChunk(`${i} `)] };
          if (endless) await turn();
        }
      } finally {
        if (endless) stopped = true;
      }
    });
    const session = await dialClient(`nnrp://127.0.0.1:${server.port}`, { carriers: [setup.dialer()] });
    const ask = (text: string) => session.submitStream({ typedPayloads: [TypedPayload.tokenChunk(text)] });
    let text = "";
    for await (const part of ask("count").text()) text += part;
    assertEquals(text, Array.from({ length: 500 }, (_, i) => `${i} `).join(""));
    let parts = 0;
    for await (const _ of ask("endless")) if (++parts === 5) break;
    await until(() => stopped, "the handler to stop");
    await session.close();
    await server.close();
  });
}
