/**
 * An echo server in a process of its own: prints its port and serves until it is killed. For tests that take something away
 * from the whole process.
 *
 * @module
 */
import { serve } from "@nnrp/server";
import { tcp } from "@nnrp/tcp";
import process from "node:process";

// Deno makes a pipe for signals some time after the program has begun, and panics if there is no file descriptor left for it then.
process.on("SIGUSR2", () => {});

const server = await serve(
  { listen: [tcp({ port: 0 })], migration: { resumeWindowMs: 100 } },
  (frame) => ({ typedPayloads: frame.typedPayloads }),
);
process.stdout.write(`port ${server.port}\n`);
