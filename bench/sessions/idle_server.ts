/**
 * The server of the idle measurement: does nothing but keep its sessions. Answers what its heap holds.
 *
 * @module
 */
import { serve } from "@nnrp/server";
import process from "node:process";
import { control } from "../peers/control.ts";

const server = await serve({ port: 0 }, () => ({}));
const collect = (globalThis as { gc?: () => void }).gc;

await control({ port: server.port }, (job) => {
  if ((job as { collect?: boolean }).collect) { for (let i = 0; i < 3; i++) collect?.(); }
  const { heapUsed, external } = process.memoryUsage();
  return Promise.resolve({ sessions: server.stats.sessions, heap: heapUsed, outside: external });
});
