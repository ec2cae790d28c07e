/**
 * The clients of the idle measurement: dial as many sessions as asked and leave them alone. Answers once they are open.
 *
 * @module
 */
import { type ClientSession, dialClient } from "@nnrp/client";
import { args, control } from "../peers/control.ts";

/** Dials under way at once. */
const DIALS = 32;

const [port] = await args();
const sessions: ClientSession[] = [];

await control({ ready: true }, async (job) => {
  const { count, exchange } = job as unknown as { count: number; exchange: boolean };
  const dial = async (): Promise<void> => {
    while (sessions.length < count) {
      const at = sessions.length++;
      const session = sessions[at] = await dialClient(`nnrp+tcp://127.0.0.1:${port}`);
      // A session that has worked before it fell idle may keep more than one that never did.
      if (exchange) await session.submit({});
    }
  };
  await Promise.all(Array.from({ length: DIALS }, dial));
  return { open: sessions.length };
});
