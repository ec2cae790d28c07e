/**
 * Memory that sessions send from: when they say that it is free it is, and what happens to a packet of which a part has left when it
 * goes before that. In virtual time, over a path that takes seconds for it.
 *
 * @module
 */
import {
  type ClientSession,
  dialClient,
  type FrameRequest,
  NnrpProtocolError,
  NnrpValueError,
  type Result,
  TypedPayload,
} from "@nnrp/client";
import { type HandlerOutput, type ReceivedSubmit, type ResultFields, serve } from "@nnrp/server";
import { virtualNetwork, type VirtualWorld, virtualWorld } from "@nnrp/testing";
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { test } from "node:test";
import { doomedBytes, WAYS_TO_VANISH } from "../support/vanishing.ts";

const MIB = 1024 * 1024;
const FILL = 7;
const bulk = (bytes: Uint8Array) => ({ typedPayloads: [TypedPayload.opaqueBytes(bytes)] });
const say = (text: string): FrameRequest => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });
const isWhole = (bytes: Uint8Array) => bytes.every((byte) => byte === FILL);

interface Meeting {
  readonly world: VirtualWorld;
  readonly session: ClientSession;
}

/** A client and a server with a path of 1 MiB/s between them. */
async function meet(
  kind: "stream" | "multiStream",
  handler: (frame: ReceivedSubmit) => HandlerOutput | Promise<HandlerOutput>,
  play: (meeting: Meeting) => Promise<void>,
): Promise<void> {
  const world = virtualWorld();
  const net = virtualNetwork(world, {
    latencyMs: 5,
    up: { bytesPerSecond: MIB },
    down: { bytesPerSecond: MIB },
  });
  await world.run(async () => {
    const server = await serve({ listen: [net[kind]()], runtime: world.host("server") }, handler);
    const session = await dialClient("nnrp://server", {
      carriers: [net[kind]()],
      runtime: world.host("client"),
      reconnect: { maxAttempts: 20, resubmit: true },
    });
    await play({ world, session });
    await session.close({ drainMs: 0 });
    await server.close({ drainMs: 0 });
  }, { limitMs: 600_000 });
}

/** Answers of a server, and when each says that their memory is free: `free` is called then. */
const ANSWERS: Record<
  string,
  (bytes: () => Uint8Array, free: () => void) => (frame: ReceivedSubmit) => HandlerOutput
> = {
  "one answer, frame.released": (bytes, free) => (frame) => {
    void frame.released.then(free);
    return bulk(bytes());
  },
  "an array, frame.released": (bytes, free) => (frame) => {
    void frame.released.then(free);
    return [bulk(bytes()), say("last") as ResultFields];
  },
  "a generator, asked for its next part": (bytes, free) =>
    async function* () {
      yield bulk(bytes());
      free();
      yield say("last") as ResultFields;
    },
  "a plain generator, asked for its next part": (bytes, free) =>
    function* () {
      yield bulk(bytes());
      free();
    },
};

for (const kind of ["stream", "multiStream"] as const) {
  for (const way of WAYS_TO_VANISH) {
    for (const [what, make] of Object.entries(ANSWERS)) {
      test(`${kind}: memory of an answer (${way}) may go as soon as it is said to be free: ${what}`, async () => {
        let take = () => {};
        let freeMs = -1;
        let free = () => {};
        const bytes = () => {
          const doomed = doomedBytes(way, 3 * MIB, FILL);
          take = doomed.take;
          return doomed.bytes;
        };
        await meet(kind, (frame) => make(bytes, () => free())(frame), async ({ world, session }) => {
          free = () => {
            freeMs = world.now();
            take();
          };
          const result = await session.submit(say("go"), { until: "eos" });
          assert(isWhole(result.opaqueBytesPayloads[0]) && result.opaqueBytesPayloads[0].length === 3 * MIB);
          assert(freeMs >= 0 && session.state === "active");
        });
      });
    }
    test(`${kind}: memory of a submit (${way}) may go when submitNowait() resolved`, async () => {
      await meet(kind, (frame) => {
        const { payload } = frame.typedPayloads[0];
        return say(`${payload.length} ${isWhole(payload)}`) as ResultFields;
      }, async ({ session }) => {
        const { bytes, take } = doomedBytes(way, 3 * MIB, FILL);
        const { frameId } = await session.submitNowait(bulk(bytes));
        take();
        assertEquals((await session.receiveResult({ frameId })).text(), `${3 * MIB} true`);
      });
    });
  }

  for (const way of ["transferred", "outgrown"] as const) {
    const neighbour = async (session: ClientSession) => (await session.submit(say("neighbour"))).text();
    const echo = (frame: ReceivedSubmit) => say(frame.text()) as ResultFields;

    test(`${kind}: a submit that is ${way} half way fails, its path is lost, others are sent anew`, async () => {
      await meet(kind, echo, async ({ world, session }) => {
        const { bytes, take } = doomedBytes(way, 6 * MIB, FILL);
        const failed = session.submit(bulk(bytes)).then(() => null, (error: unknown) => error);
        world.after(2000, take);
        assertEquals(await neighbour(session), "neighbour");
        const error = await failed;
        assertInstanceOf(error, NnrpValueError);
        assertEquals([error.field, error.expected, error.actual], [
          "typedPayloads[0].payload",
          `${6 * MIB} bytes`,
          "0 bytes",
        ]);
        assertEquals([await neighbour(session), session.state], ["neighbour", "active"]);
      });
    });

    test(`${kind}: an answer that is ${way} half way costs its path once: its frame is not answered again`, async () => {
      let begun = 0;
      let world: VirtualWorld;
      const handler = (frame: ReceivedSubmit): HandlerOutput => {
        if (frame.text() !== "doomed") return echo(frame);
        begun++;
        const { bytes, take } = doomedBytes(way, 6 * MIB, FILL);
        world.after(2000, take);
        return bulk(bytes);
      };
      await meet(kind, handler, async (meeting) => {
        const { session } = meeting;
        world = meeting.world;
        const failed = session.submit(say("doomed")).then(
          (result: Result) => result,
          (error: unknown) => error,
        );
        assertEquals(await neighbour(session), "neighbour");
        assertInstanceOf(await failed, NnrpProtocolError);
        assertEquals([begun, await neighbour(session), session.state], [1, "neighbour", "active"]);
      });
    });
  }

  test(`${kind}: a submit that waits for a slot remembers how long its bytes were`, async () => {
    await meet(
      kind,
      (frame) => say(String(frame.typedPayloads[0].payload.length)) as ResultFields,
      async ({ session }) => {
        for (const way of WAYS_TO_VANISH) {
          for (const size of [100, 40_000]) {
            session.pauseSubmit();
            const { bytes, take } = doomedBytes(way, size, FILL);
            const failed = session.submit(bulk(bytes)).then(() => null, (error: unknown) => error);
            const other = session.submit(say("four"));
            take();
            session.resumeSubmit();
            const error = await failed;
            assertInstanceOf(error, NnrpValueError);
            const left = way === "followed and cut short" ? size / 2 : 0;
            assertEquals([error.field, error.expected, error.actual], [
              "typedPayloads[0].payload",
              `${size} bytes`,
              `${left} bytes`,
            ]);
            assertEquals((await other).text(), "4");
          }
        }
      },
    );
  });
}
