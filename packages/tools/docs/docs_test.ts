/** What keeps `docs/cli.md` stable, and the picture readable. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { COMMANDS } from "../src/commands.ts";
import { normalise } from "./normalise.ts";
import { terminalPicture } from "./terminal_picture.ts";

test("two runs that differ in times, ports and ids only become the same, aligned alike", () => {
  const run = (port: number, session: number, quick: string, slow: string, speed: string) => [
    `nnrp://127.0.0.1:${port} over tcp, session ${session}, opened in ${slow} ms`,
    "",
    `transport  answered  ${"median".padEnd(quick.length + 3)}  throughput`,
    `TCP        3 of 3    ${quick} ms  ${speed} MB/s   selected`,
    "",
    `{"openedMs":${quick},"sessionId":${session},"roundTripsUs":[${port},1]}`,
  ];
  const first = normalise(run(40001, 3556297953, "0.443", "12.2", "9.9"));
  assertEquals(normalise(run(51234, 7000, "1.20", "104", "120.4")), first);
  assertEquals(first[3], "TCP        3 of 3    1.23 ms  26.6 MB/s   selected");
});

test("what does not change is left alone", () => {
  const lines = [
    "latency_budget_ms  33 ms",
    "nnrp://127.0.0.1:4433",
    "session 7, frame 42",
    "max body  33554432 (32 MiB)",
  ];
  assertEquals(normalise(lines), lines);
});

test("every command but the long demo has a demonstration", () => {
  const without = COMMANDS.filter((command) => !command.demonstrations?.length).map((command) =>
    command.name
  );
  assertEquals(without.filter((name) => name !== "demo" && name !== "peer serve"), []);
});

test("the picture has every word at its column, escaped, in its colour", () => {
  const svg = terminalPicture("nnrp x", ["ab  \x1b[32m<&>\x1b[0m z"], "a & b");
  assert(svg.includes('aria-label="a &amp; b"'));
  const at = (text: string) => Number(new RegExp(`x="([\\d.]+)"[^>]*>${text}<`).exec(svg)?.[1]);
  const cell = (at("&lt;&amp;&gt;") - at("ab")) / 4;
  assertEquals(Math.round((at("z") - at("ab")) / cell), 8);
  assert(/fill="#a5d68c">&lt;&amp;&gt;</.test(svg));
  assert(!svg.includes("\x1b"));
});
