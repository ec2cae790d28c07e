/**
 * What an idle session costs in its engine.
 *
 * @module
 */
import { Child, here, type Runtime, scriptCommand } from "./child.ts";
import { median, type Row } from "./report.ts";

/** Most bytes an idle engine may keep. */
const MOST_BYTES = 8 * 1024;
const LIMIT_MS = 60_000;

interface Count {
  readonly heap: readonly number[];
  readonly outside: readonly number[];
}

/** Measures both engines in one runtime. */
export async function measureHeap(runtime: Runtime): Promise<Row[]> {
  const child = await Child.start(await scriptCommand(runtime, here("heap_probe.ts")));
  try {
    const counts = await child.ask<{ client: Count; server: Count }>({}, LIMIT_MS);
    return (["server", "client"] as const).flatMap((role): Row[] => {
      const { heap, outside } = counts[role];
      const row = { work: "heap", runtime, unit: "B" };
      const rounds = heap.map((bytes, i) => bytes + outside[i]);
      return [
        {
          ...row,
          what: `${role} engine, idle`,
          value: median(rounds),
          rounds,
          bar: { most: MOST_BYTES },
        },
        { ...row, what: `  of it outside the JavaScript heap`, value: median(outside), rounds: outside },
      ];
    });
  } finally {
    await child.stop();
  }
}
