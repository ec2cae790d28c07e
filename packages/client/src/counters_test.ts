import { memoryNetwork, NnrpConnectionClosedError, NnrpError, TransportId, TypedPayload } from "@nnrp/core";
import { serve } from "@nnrp/server";
import { virtualNetwork, virtualWorld } from "@nnrp/testing";
import { assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { Gate } from "../../../tests/support/places.ts";
import { until } from "../../../tests/support/raw_peer.ts";
import { fakeDialer, settle } from "../tests/fake_carriers.ts";
import { dialClient } from "./dial.ts";
import type { ClientSession } from "./session.ts";
import type { ClientStats, SubmitOptions } from "./session_types.ts";

/** One frame that a loss finds in flight, and what becomes of it. */
interface Fate {
  readonly name: string;
  readonly resubmit: boolean;
  readonly options?: (stop: AbortSignal) => SubmitOptions;
  /** Brings the end about, while the session has no connection. `open` lets it have one. */
  readonly act: (session: ClientSession, stop: AbortController, open: () => void) => unknown;
  /** Counters of its end, beside `submitted`. */
  readonly counts: Partial<ClientStats>;
}

const FATES: readonly Fate[] = [
  {
    name: "is answered when it was sent anew",
    resubmit: true,
    act: (_session, _stop, open) => open(),
    counts: { complete: 1, resubmitted: 1 },
  },
  {
    name: "is cancelled in the line",
    resubmit: true,
    options: (signal) => ({ signal }),
    act: (_session, stop) => stop.abort(),
    counts: { cancelled: 1 },
  },
  {
    name: "times out in the line",
    resubmit: true,
    options: () => ({ timeoutMs: 100 }),
    act: () => {},
    counts: { timedOut: 1, failed: 1 },
  },
  {
    name: "waits in the line when its session closes",
    resubmit: true,
    act: (session) => session.close(),
    counts: { failed: 1 },
  },
  { name: "fails with its connection", resubmit: false, act: () => {}, counts: { failed: 1 } },
];

/** What the sum of the counters leaves of `submitted`: nothing. */
function missing(s: ClientStats): number {
  return s.submitted - s.complete - s.partial - s.staleReuse - s.degraded - s.dropped - s.failed -
    s.cancelled -
    s.discarded - s.inFlight - s.lateDue - s.resubmitting;
}

for (const { name, resubmit, options, act, counts } of FATES) {
  test(`a frame that was lost with its connection and ${name} counts once`, async () => {
    const net = memoryNetwork();
    const gate = new Gate();
    const server = await serve({ listen: [net] }, async (frame) => {
      if (frame.metadata.retryOfFrame === 0) await gate.opened;
      return { typedPayloads: frame.typedPayloads };
    });
    let isOpen = true;
    const refusal = () => Promise.reject(new NnrpConnectionClosedError("memory", "the road is closed"));
    const dialer = fakeDialer("memory", {
      connect: () => isOpen ? net.dial({ host: "memory", port: 1 }) : refusal(),
    });
    const session = await dialClient("nnrp://memory", {
      carriers: [dialer],
      reconnect: { resubmit, minDelayMs: 1, maxDelayMs: 5, maxAttempts: Infinity },
    });
    const stop = new AbortController();
    const end = session.submit({ typedPayloads: [TypedPayload.tokenChunk("x")] }, options?.(stop.signal))
      .then(() => null, (error) => error);
    await until(() => server.stats.running === 1, "the frame to run");
    assertEquals([session.stats.inFlight, missing(session.stats)], [1, 0]);
    isOpen = false;
    void session.raw.carrier.close({ graceful: false });
    await settle();
    assertEquals([session.state, missing(session.stats)], ["reconnecting", 0]);
    const { waiting, resubmitting, inFlight } = session.stats;
    assertEquals([waiting, resubmitting, inFlight], resubmit ? [1, 1, 0] : [0, 0, 0]);
    void act(session, stop, () => isOpen = true);
    const error = await end;
    assertEquals(error === null || error instanceof NnrpError, true, String(error));
    const { stats } = session;
    assertEquals([stats.submitted, stats.resubmitting, missing(stats)], [1, 0, 0]);
    for (const [counter, count] of Object.entries(counts)) {
      assertEquals(stats[counter as keyof ClientStats], count, counter);
    }
    gate.open();
    await session.close();
    assertEquals([session.stats.inFlight, missing(session.stats)], [0, 0]);
    await server.close();
  });
}

test("a frame whose path is lost while its session closes fails at once, and is not kept to be sent anew", async () => {
  const world = virtualWorld();
  const net = virtualNetwork(world, { latencyMs: 10 });
  const roads = (host = world.host("client")) => [
    net.stream({ host, link: "old" }),
    net.multiStream({ host, link: "new" }),
  ];
  await world.run(async () => {
    const server = await serve(
      { listen: roads(world.host("server")), runtime: world.host("server") },
      () => ({}),
    );
    const session = await dialClient("nnrp://server", {
      carriers: roads(),
      dialPolicy: { selectedTransportId: TransportId.TCP },
      runtime: world.host("client"),
      reconnect: { resubmit: true },
    });
    net.link("old").blackhole("up"); // the frame does not arrive there, nor does the end of the path
    const lost = assertRejects(
      () => session.submit({ typedPayloads: [TypedPayload.tokenChunk("x")] }),
      NnrpConnectionClosedError,
    );
    assertEquals((await session.migrate()).status, "success");
    const closed = session.close({ drainMs: 600_000 });
    await lost;
    assertEquals([missing(session.stats), session.stats.failed, session.stats.resubmitting], [0, 1, 0]);
    await closed;
    await server.close();
  });
});
