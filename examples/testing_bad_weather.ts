/**
 * Testing your app against an overloaded server and a laptop's sleep: hours in milliseconds. Run:
 * `deno run -A examples/testing_bad_weather.ts`, `node examples/testing_bad_weather.ts` or `bun examples/testing_bad_weather.ts`.
 *
 * @module
 */
import { type ClientSession, dialClient, TypedPayload } from "@nnrp/client";
import { serve } from "@nnrp/server";
import { type Fault, playFaults, virtualNetwork, type VirtualWorld, virtualWorld } from "@nnrp/testing";

const HOUR_MS = 3_600_000;

// The app under test: asks for a caption of every picture of a trip, all at once.
async function captions(session: ClientSession, pictures: number): Promise<string[]> {
  const ask = (i: number) => session.submit({ typedPayloads: [TypedPayload.tokenChunk(`picture ${i}`)] });
  const results = await Promise.all(Array.from({ length: pictures }, (_, i) => ask(i)));
  return results.map((result) => result.text());
}

/** Runs the app in a world of its own: a mobile network, a server that needs 500 ms for a picture and does two at a time. */
function inWorld(
  faults: readonly Fault[],
  body: (session: ClientSession, world: VirtualWorld) => Promise<void>,
): Promise<void> {
  const world = virtualWorld({ seed: 7 });
  const net = virtualNetwork(world, {
    latencyMs: 60,
    jitterMs: 30,
    up: { bytesPerSecond: 250_000 },
    split: "random",
  });
  const machine = world.host("server");
  playFaults(net, faults);
  return world.run(async () => {
    const server = await serve(
      { listen: [net.stream()], concurrency: 2, runtime: machine },
      async (frame) => {
        await machine.sleep(500);
        return { typedPayloads: [TypedPayload.tokenChunk(`caption of ${frame.text()}`)] };
      },
    );
    const session = await dialClient("nnrp://server", {
      carriers: [net.stream()],
      runtime: world.host("client"),
    });
    await body(session, world);
    await session.close();
    await server.close();
  }, { limitMs: 24 * HOUR_MS });
}

// In a project of yours these are cases of your test runner.
await inWorld([], async (session, world) => {
  const startMs = world.now();
  const answers = await captions(session, 4);
  const waited = answers.length === 4 && world.now() - startMs >= 2 * 500;
  console.log(waited ? "ok: four pictures wait for two slots" : "FAILED");
});
const NIGHT: Fault = { at: 2000, fault: "stop host", host: "client", ms: 8 * HOUR_MS }; // the lid is closed
await inWorld([NIGHT], async (session, world) => {
  const answers = await captions(session, 16); // it closes while the server is at work
  const good = answers.every((text, i) => text === `caption of picture ${i}`);
  console.log(good ? "ok: every picture has its caption" : "FAILED");
  console.log(world.now() > 8 * HOUR_MS ? "ok: the last of them came in the morning" : "FAILED");
});
