import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { BudgetPolicy, HeaderFlags, type ReceivedSubmit } from "@nnrp/core";
import fc from "fast-check";
import { FrameQueue } from "./frame_queue.ts";
import type { ServerSession } from "./session.ts";

const session = {} as ServerSession;

/** What a queue reads of a frame. */
interface Fields {
  readonly viewId: number;
  readonly budgetEndsMs: number;
  readonly budgetPolicy: number;
  readonly flags: number;
  readonly ordinal: number;
}

const fields = fc.record({
  viewId: fc.nat(2),
  budgetEndsMs: fc.constantFrom(1, 5, 9, Infinity),
  budgetPolicy: fc.constantFrom(0, BudgetPolicy.ALLOW_DROP),
  flags: fc.constantFrom(0, HeaderFlags.CAN_DROP, HeaderFlags.KEYFRAME),
});
const action = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("insert" as const), fields }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("shift" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), at: fc.nat(50) }) },
);

function mayBeSuperseded({ budgetPolicy, flags }: Fields): boolean {
  return (budgetPolicy !== 0 || flags === HeaderFlags.CAN_DROP) && flags !== HeaderFlags.KEYFRAME;
}

test("earliest deadline first, then by arrival; the oldest droppable frame of each view is known", () => {
  fc.assert(fc.property(fc.array(action, { maxLength: 400, size: "max" }), (actions) => {
    const queue = new FrameQueue(session as never, null as never);
    const model: Fields[] = [];
    let ordinal = 0;
    const other = new FrameQueue(session as never, null as never);
    for (const step of actions) {
      if (step.kind === "insert") {
        const frame = { ...step.fields, ordinal: ++ordinal, place: null };
        queue.insert(frame as unknown as ReceivedSubmit);
        model.push(frame);
        model.sort((a, b) =>
          a.budgetEndsMs === b.budgetEndsMs ? a.ordinal - b.ordinal : a.budgetEndsMs - b.budgetEndsMs
        );
      } else if (step.kind === "shift") assertEquals(queue.shift()?.ordinal, model.shift()?.ordinal);
      else if (model.length > 0) {
        const [frame] = model.splice(step.at % model.length, 1);
        const submit = frame as unknown as ReceivedSubmit;
        assertEquals([other.remove(submit), queue.remove(submit), queue.remove(submit)], [
          false,
          true,
          false,
        ]);
      }
      assertEquals(queue.size, model.length);
      for (let view = 0; view < 3; view++) {
        const oldest = model.filter((frame) => frame.viewId === view && mayBeSuperseded(frame))
          .reduce<Fields | undefined>((a, b) => a !== undefined && a.ordinal < b.ordinal ? a : b, undefined);
        assertEquals(queue.oldestDroppable(view)?.ordinal, oldest?.ordinal);
      }
    }
    assertEquals([queue.clear(), queue.size], [model.length, 0]);
  }));
});
