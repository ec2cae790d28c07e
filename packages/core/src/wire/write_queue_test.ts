import { assert, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { join, patterned } from "@nnrp/testing/packets";
import { WRITE_BUFFER_LARGE, WRITE_BUFFER_SMALL, WRITE_BY_REFERENCE } from "./limits.ts";
import { type WriteBatch, WriteQueue } from "./write_queue.ts";

/** Writes bytes the way encoders do: reserved and filled in place. */
function fill(queue: WriteQueue, data: Uint8Array): void {
  const at = queue.reserve(data.length);
  assert(at + data.length <= queue.bytes.length);
  assertEquals(queue.view.buffer, queue.bytes.buffer);
  queue.bytes.set(data, at);
}

const contentOf = (batch: WriteBatch | null): Uint8Array => join(batch?.ranges ?? []);

test("an empty queue has nothing to take", () => {
  const queue = new WriteQueue();
  assertEquals(queue.take(), null);
  queue.append(new Uint8Array(0));
  assertEquals([queue.take(), queue.length, queue.total], [null, 0, 0]);
});

test("heads and payloads leave in the order in which they were written", () => {
  const queue = new WriteQueue();
  const parts = [10, 20, WRITE_BY_REFERENCE, 3, WRITE_BY_REFERENCE - 1, 40, WRITE_BY_REFERENCE * 3, 1];
  const written = parts.map((size, i) => patterned(size, i));
  written.forEach((data, i) => i % 3 === 0 ? fill(queue, data) : queue.append(data));
  const batch = queue.take()!;
  assertEquals(batch.length, parts.reduce((a, b) => a + b));
  assertEquals(contentOf(batch), join(written));
  assertEquals(queue.length, 0);
});

test("small heads and payloads of one turn leave as one range", () => {
  const queue = new WriteQueue();
  for (let i = 0; i < 20; i++) {
    fill(queue, patterned(40, i));
    queue.append(patterned(100, i));
  }
  assertEquals(queue.take()!.ranges.length, 1);
});

test("payloads below 32 KiB are copied at once, larger ones are sent from where they lie", () => {
  const queue = new WriteQueue();
  const small = new Uint8Array(WRITE_BY_REFERENCE - 1).fill(1);
  const large = new Uint8Array(WRITE_BY_REFERENCE).fill(2);
  queue.append(small);
  assertEquals(queue.borrowedUntil, 0);
  queue.append(large);
  assertEquals(queue.borrowedUntil, small.length + large.length);
  fill(queue, new Uint8Array([9]));
  assertEquals([queue.borrowedUntil, queue.total], [
    small.length + large.length,
    small.length + large.length + 1,
  ]);
  small.fill(7);
  const batch = queue.take()!;
  assert(batch.ranges.includes(large));
  assertEquals(batch.ranges[0][0], 1);
});

test("what was forgotten is not sent, and what comes after it is", () => {
  const queue = new WriteQueue();
  fill(queue, patterned(100, 1));
  queue.append(patterned(WRITE_BY_REFERENCE, 2));
  queue.clear();
  assertEquals([queue.length, queue.take()], [0, null]);
  fill(queue, patterned(5, 3));
  assertEquals(contentOf(queue.take()), patterned(5, 3));
});

test("a batch under way is never written over, whatever is collected meanwhile", () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant("fill" as const), size: fc.integer({ min: 1, max: 300 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("append" as const),
        size: fc.oneof(
          { weight: 8, arbitrary: fc.nat(400) },
          { weight: 1, arbitrary: fc.integer({ min: WRITE_BY_REFERENCE - 5, max: WRITE_BY_REFERENCE + 5 }) },
        ),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("fill" as const), size: fc.integer({ min: 4000, max: 9000 }) }),
    },
    { weight: 6, arbitrary: fc.record({ do: fc.constant("take" as const), size: fc.constant(0) }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant("written" as const), size: fc.constant(0) }) },
  );
  let slabsUsedAgain = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
      const queue = new WriteQueue();
      const sent: Uint8Array[] = [];
      const given: Uint8Array[] = [];
      const slabs = new Set<ArrayBufferLike>();
      let under: WriteBatch | null = null;
      const written = () => {
        if (under === null) return;
        sent.push(contentOf(under)); // the runtime looks at the bytes as late as it may
        for (const range of under.ranges) {
          if (slabs.has(range.buffer)) slabsUsedAgain++;
          slabs.add(range.buffer);
        }
        queue.written();
        under = null;
      };
      steps.forEach(({ do: what, size }, i) => {
        const data = patterned(size, i);
        if (what === "take") {
          if (under === null) under = queue.take();
          return;
        }
        if (what === "written") return written();
        given.push(data);
        if (what === "fill") fill(queue, data);
        else queue.append(data);
      });
      written();
      under = queue.take();
      written();
      const all = join(given);
      assertEquals(join(sent), all);
      assertEquals([queue.total, queue.length], [all.length, 0]);
    }),
    { numRuns: 300 },
  );
  assert(slabsUsedAgain > 100, `only ${slabsUsedAgain} slabs were used again`);
});

test("a queue without anything to send holds no memory, and what it gave back serves the next one", () => {
  const busy = new WriteQueue();
  assertEquals(busy.bytes.length, 0);
  for (let i = 0; i < 100; i++) fill(busy, patterned(1000, i));
  const slabs = new Set(busy.take()!.ranges.map((range) => range.buffer));
  busy.written();
  assertEquals(busy.bytes.length, 0);
  const next = new WriteQueue();
  for (let i = 0; i < 100; i++) fill(next, patterned(1000, i));
  assert(next.take()!.ranges.some((range) => slabs.has(range.buffer)));
});

test("slabs of a write that failed or was given up go to nobody else: the runtime may still read them", () => {
  const failed = new WriteQueue();
  fill(failed, patterned(500, 1));
  const under = failed.take()!;
  failed.clear();
  failed.written(); // what a runtime says late changes nothing
  const others = Array.from({ length: 300 }, () => new WriteQueue());
  for (const other of others) {
    fill(other, new Uint8Array(500).fill(9));
    assert(other.bytes.buffer !== under.ranges[0].buffer);
  }
  assertEquals(contentOf(under), patterned(500, 1));
});

test("what is kept for the next connections is bounded", () => {
  const queues = Array.from({ length: 40 }, () => new WriteQueue());
  const slabs = new Set<ArrayBufferLike>();
  for (let turn = 0; turn < 4; turn++) {
    for (const queue of queues) {
      for (let i = 0; i < 400; i++) fill(queue, patterned(1000, i));
      for (const range of queue.take()!.ranges) slabs.add(range.buffer);
    }
    for (const queue of queues) queue.written();
  }
  const again = new Set<ArrayBufferLike>();
  for (const queue of queues) {
    for (let i = 0; i < 400; i++) fill(queue, patterned(1000, i));
    for (const range of queue.take()!.ranges) if (slabs.has(range.buffer)) again.add(range.buffer);
  }
  const bytes = [...again].reduce((sum, buffer) => sum + buffer.byteLength, 0);
  assert(bytes > 0);
  assertLessOrEqual(bytes, 4 * 1024 * 1024);
});

test("in steady traffic two slabs serve for ever", () => {
  const queue = new WriteQueue();
  const slabs = new Set<ArrayBufferLike>();
  for (let turn = 0; turn < 1000; turn++) {
    for (let i = 0; i < 5; i++) fill(queue, patterned(100, turn));
    const batch = queue.take()!;
    for (const range of batch.ranges) slabs.add(range.buffer);
    fill(queue, patterned(100, turn)); // the next turn begins while the write is under way
    queue.written();
  }
  assertLessOrEqual(slabs.size, 3);
});

test("slabs grow for a busy connection, stay bounded, and shrink once it is quiet", () => {
  const queue = new WriteQueue();
  let largest = 0;
  const turn = (packets: number) => {
    for (let i = 0; i < packets; i++) {
      fill(queue, patterned(1000, i));
      largest = Math.max(largest, queue.bytes.length);
    }
    queue.take();
    queue.written();
  };
  turn(1);
  assertEquals(largest, WRITE_BUFFER_SMALL);
  for (let i = 0; i < 20; i++) turn(1000);
  assertEquals(largest, WRITE_BUFFER_LARGE);
  for (let i = 0; i < 2000; i++) turn(1);
  fill(queue, patterned(10, 0));
  assertLess(queue.bytes.length, WRITE_BUFFER_LARGE / 4);
});

test("one reserve may be larger than every slab", () => {
  const queue = new WriteQueue();
  const large = patterned(WRITE_BUFFER_LARGE * 2, 1);
  fill(queue, patterned(10, 0));
  fill(queue, large);
  fill(queue, patterned(10, 2));
  assertEquals(contentOf(queue.take()), join([patterned(10, 0), large, patterned(10, 2)]));
});

const memories = new WeakMap<Uint8Array, WebAssembly.Memory>();

/** Makes the memory of bytes vanish in one of the ways there are. */
const VANISHING: Record<
  string,
  { make(size: number): Uint8Array; vanish(bytes: Uint8Array): void; isCopied?: boolean }
> = {
  "transferred": {
    make: (size) => patterned(size, size),
    vanish: (bytes) => void structuredClone(null, { transfer: [bytes.buffer as ArrayBuffer] }),
  },
  "in WebAssembly memory that has grown": {
    make: (size) => {
      const memory = new WebAssembly.Memory({ initial: 8 });
      const bytes = new Uint8Array(memory.buffer, 100, size);
      memories.set(bytes, memory);
      return bytes;
    },
    vanish: (bytes) => void memories.get(bytes)!.grow(1),
  },
  // Systems read such memory while it goes: it is copied.
  "in a buffer that was cut short, through a view that follows its length": {
    make: (size) => new Uint8Array(resizable(size)),
    vanish: (bytes) => (bytes.buffer as unknown as { resize(length: number): void }).resize(bytes.length - 1),
    isCopied: true,
  },
  "in a buffer that was cut short, through a view of its own length": {
    make: (size) => new Uint8Array(resizable(size), 0, size),
    vanish: (bytes) => (bytes.buffer as unknown as { resize(length: number): void }).resize(1),
    isCopied: true,
  },
};
function resizable(size: number): ArrayBuffer {
  const Resizable = ArrayBuffer as unknown as new (
    size: number,
    options: { maxByteLength: number },
  ) => ArrayBuffer;
  return new Resizable(size, { maxByteLength: 2 * size });
}

for (const [how, { make, vanish, isCopied = false }] of Object.entries(VANISHING)) {
  test(`packets whose memory has vanished are taken out whole, all others are sent: ${how}`, () => {
    const packets = fc.array(
      fc.record({
        head: fc.integer({ min: 1, max: 200 }),
        body: fc.constantFrom(0, 10, WRITE_BY_REFERENCE - 1, WRITE_BY_REFERENCE, 3 * WRITE_BY_REFERENCE),
        vanishes: fc.boolean(),
      }),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(packets, packets, (...turns) => {
        const queue = new WriteQueue();
        let id = 0;
        let takenBytes = 0;
        for (const turn of turns) {
          const expected: Uint8Array[] = [];
          const lost: number[] = [];
          const doomed: Uint8Array[] = [];
          for (const { head, body, vanishes } of turn) {
            const mark = queue.total;
            const headBytes = patterned(head, ++id);
            const bodyBytes = vanishes ? make(body) : patterned(body, id);
            fill(queue, headBytes);
            queue.append(bodyBytes);
            if (queue.borrowedUntil > queue.takenUntil) queue.note(mark, "result", id, 7, true);
            if (vanishes && body > 0) doomed.push(bodyBytes);
            if (vanishes && body >= WRITE_BY_REFERENCE && !isCopied) lost.push(id);
            else expected.push(headBytes, bodyBytes.slice()); // smaller ones were copied: nothing of theirs can vanish
          }
          doomed.forEach(vanish);
          const gone = queue.dropVanished();
          assertEquals((gone ?? []).map(({ frameId }) => frameId), lost);
          assertEquals(queue.dropVanished(), null, "told once");
          const content = join(expected);
          assertEquals(queue.length, content.length);
          const sent: Uint8Array[] = [];
          for (let batch = queue.take(); batch !== null; batch = queue.take()) {
            sent.push(contentOf(batch));
            queue.written();
          }
          assertEquals(join(sent), content);
          takenBytes += content.length;
          for (const { from, to } of gone ?? []) takenBytes += to - from;
          assertEquals(queue.total, takenBytes, "what was dropped counts as taken");
        }
      }),
      { numRuns: 60 },
    );
  });
}

test("a buffer that grows meanwhile is sent as long as it was", () => {
  const queue = new WriteQueue();
  const buffer = resizable(WRITE_BY_REFERENCE);
  queue.append(new Uint8Array(buffer));
  (buffer as unknown as { resize(length: number): void }).resize(WRITE_BY_REFERENCE + 5);
  assertEquals(contentOf(queue.take()).length, WRITE_BY_REFERENCE);
});

test("whatever vanishes between batches is left out, the rest is sent once and in order, and positions stay true", () => {
  const packets = fc.array(
    fc.record({
      head: fc.integer({ min: 1, max: 6000 }),
      body: fc.constantFrom(0, 100, WRITE_BY_REFERENCE, 300_000, 1_200_000),
      goneAfter: fc.integer({ min: 0, max: 8 }), // batches; those from 5 on stay
    }),
    { minLength: 1, maxLength: 10 },
  );
  let leftOut = 0;
  let batches = 0;
  fc.assert(
    fc.property(packets, packets, (first, second) => {
      const queue = new WriteQueue();
      const waiting: { id: number; bytes: Uint8Array; body: Uint8Array; goneAfter: number; to: number }[] =
        [];
      let id = 0;
      const add = (turn: typeof first, taken: number) => {
        for (const { head, body, goneAfter } of turn) {
          const from = queue.total;
          const [headBytes, bodyBytes] = [patterned(head, ++id), patterned(body, id)];
          fill(queue, headBytes);
          queue.append(bodyBytes, "parts[#]", id);
          if (queue.borrowedUntil > queue.takenUntil) queue.note(from, "result", id, 7, false);
          waiting.push({
            id,
            bytes: join([headBytes, bodyBytes]),
            body: bodyBytes,
            goneAfter: body < WRITE_BY_REFERENCE || goneAfter >= 5 ? Infinity : taken + goneAfter,
            to: queue.total,
          });
        }
      };
      add(first, 0);
      let sentUpTo = 0;
      for (let taken = 0; waiting.length > 0; taken++) {
        if (taken === 1) add(second, taken);
        const due = waiting.filter(({ goneAfter }) => goneAfter <= taken);
        for (const { body } of due) structuredClone(null, { transfer: [body.buffer as ArrayBuffer] });
        const gone = queue.dropVanished() ?? [];
        leftOut += gone.length;
        assertEquals(
          gone.map(({ frameId, error }) => [frameId, error.field, error.actual]),
          due.map((packet) => [packet.id, `parts[${packet.id}]`, "0 bytes"]),
        );
        for (const packet of due) waiting.splice(waiting.indexOf(packet), 1);
        const batch = queue.take();
        assertEquals(batch === null, waiting.length === 0);
        if (batch === null) break;
        batches++;
        let content = contentOf(batch);
        assertEquals(content.length, batch.length);
        while (content.length > 0) {
          const { bytes, to } = waiting.shift()!;
          assertEquals(content.subarray(0, bytes.length), bytes);
          content = content.subarray(bytes.length);
          sentUpTo = to;
        }
        assertLessOrEqual(sentUpTo, batch.end);
        if (waiting.length > 0) assertLessOrEqual(batch.end, waiting[0].to - waiting[0].bytes.length);
        else assertEquals(batch.end, queue.total);
        assertEquals(queue.length, waiting.reduce((sum, { bytes }) => sum + bytes.length, 0));
        if (taken > 0 || waiting.length > 0) queue.written();
      }
    }),
    { numRuns: 80 },
  );
  assert(leftOut > 10 && batches > 80, `${leftOut} left out, ${batches} batches`);
});
