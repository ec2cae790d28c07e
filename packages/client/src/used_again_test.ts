/**
 * No answer reaches another frame: an id is refused while the answer to its last frame may come, whatever became of that frame and on
 * whatever carrier (behaviour spec §8.1).
 */
import { NnrpCancelledError, NnrpError, NnrpStateError, NnrpTimeoutError } from "@nnrp/core";
import { virtualNetwork, virtualWorld } from "@nnrp/testing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { said, VirtualServer } from "../tests/virtual_server.ts";
import { dialClient } from "./dial.ts";

for (const kind of ["stream", "multiStream"] as const) {
  test(`${kind}: whatever becomes of frames, each answer is that of its own frame, and new ids are always free`, async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const world = virtualWorld({ seed });
      const net = virtualNetwork(world, { up: { latencyMs: 20, jitterMs: 30 }, down: { latencyMs: 20 } });
      const host = world.host("server");
      const random = world.random("test");
      const server = await new VirtualServer(host, {
        submit: (frame, session) => {
          const text = frame.text();
          host.after(random.next() * 120, () => session.answer(frame, text));
        },
      }).listen(net[kind]());
      await world.run(async () => {
        const session = await dialClient("nnrp://server", {
          carriers: [net[kind]()],
          runtime: world.host("client"),
        });
        let [right, refused] = [0, 0];
        const submit = async (number: number, frameId: number | undefined) => {
          const abort = new AbortController();
          const how = random.next();
          if (how < 0.3) world.after(random.next() * 100, () => abort.abort());
          const options = how < 0.6 ? { signal: abort.signal } : how < 0.8 ? { timeoutMs: 60 } : {};
          try {
            const result = await session.submit({ ...said(`${number}`), frameId }, options);
            assert(!result.isDrop, `seed ${seed}: a cancel reached frame ${number}`);
            assertEquals(result.text(), `${number}`, `seed ${seed}`);
            right++;
          } catch (error) {
            if (error instanceof NnrpCancelledError || error instanceof NnrpTimeoutError) return;
            assert(error instanceof NnrpStateError && frameId !== undefined, String(error));
            assert(/take another id or view, or leave the id out/.test(error.message), error.message);
            refused++;
          }
        };
        const all: Promise<void>[] = [];
        for (let number = 1; number <= 400; number++) {
          const explicit = random.next() < 0.8;
          all.push(submit(number, explicit ? Math.floor(random.next() * 5) : undefined));
          if (random.next() < 0.1) session.discardFrame(Math.floor(random.next() * 5));
          await world.sleep(random.next() * 25);
        }
        await Promise.all(all);
        assert(right > 20 && refused > 20, `${right} answered, ${refused} refused`);
        await session.close();
      });
      await server.stop();
    }
  });
}

test("a frame that was discarded: its id is refused, and free again once its answer came", async () => {
  const world = virtualWorld();
  const net = virtualNetwork(world);
  const host = world.host("server");
  await new VirtualServer(host, {
    submit: (frame, session) => {
      const text = frame.text();
      host.after(text === "old" ? 400 : 10, () => session.answer(frame, `answer to ${text}`));
    },
  }).listen(net.stream());
  await world.run(async () => {
    const session = await dialClient("nnrp://server", {
      carriers: [net.stream()],
      runtime: world.host("client"),
    });
    await session.submitNowait({ ...said("old"), frameId: 1 });
    session.discardFrame(1);
    const error = await assertRejects(() => session.submit({ ...said("new"), frameId: 1 }), NnrpError);
    assertEquals([error.code, error.message.includes("its answer may still come")], ["STATE", true]);
    assertEquals((await session.submit(said("another"))).text(), "answer to another");
    await world.sleep(500);
    assertEquals((await session.submit({ ...said("new"), frameId: 1 })).text(), "answer to new");
    await session.close();
  });
});
