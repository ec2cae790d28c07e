/**
 * One frame there, one result back: tensors as typed arrays, with a budget. Run: `deno run -A examples/submit.ts`.
 *
 * @module
 */
import { dialClient, tensorSection } from "@nnrp/client";
import { serve, tensorSection as answerSection } from "@nnrp/server";

const LUMA = 5;

// A "model" that inverts luma tiles.
const server = await serve({ port: 0 }, (frame) => {
  const luma = frame.tensor(LUMA)!;
  const tiles = frame.tileIds.map((id) => Uint8Array.from(luma.tile(id) as Uint8Array, (v) => 255 - v));
  return { tileIds: frame.tileIds, sections: [answerSection({ role: LUMA, dtype: "uint8", tiles })] };
});

const session = await dialClient(`nnrp://127.0.0.1:${server.port}`);
const result = await session.submit({
  tileIds: [4, 7],
  tileWidth: 2,
  tileHeight: 2,
  sections: [
    tensorSection({
      role: LUMA,
      dtype: "uint8",
      tiles: [Uint8Array.of(0, 1, 2, 3), Uint8Array.of(250, 251, 252, 253)],
    }),
  ],
  latencyBudgetMs: 100,
});
console.log(result.className, "tile 7:", [...result.tensor(LUMA)!.tile(7)!].join(" "));

// Any number of submits may overlap; each gets its own answer.
const many = await Promise.all(Array.from({ length: 100 }, (_, i) =>
  session.submit({
    tileIds: [i],
    sections: [tensorSection({ role: LUMA, dtype: "uint8", tiles: [Uint8Array.of(i)] })],
  })));
console.log(
  many.every((r, i) => r.tensor(LUMA)!.tile(i)![0] === 255 - i) ? "100 answers, each its own" : "mixed up",
);

await session.close();
await server.close();
