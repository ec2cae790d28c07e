import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { listenForAbort, stopListening } from "./abort_listeners.ts";

test("all who listen hear of an abort once, in order, but not those who stopped, also meanwhile", () => {
  const controller = new AbortController();
  const { signal } = controller;
  const heard: string[] = [];
  const names = ["a", "b", "c", "d"];
  const listeners = names.map((name) => ({
    aborted: (reason: unknown) => {
      heard.push(`${name} ${reason}`);
      if (name === "a") stopListening(signal, listeners[3]);
    },
  }));
  for (const listener of listeners) listenForAbort(signal, listener);
  stopListening(signal, listeners[1]);
  stopListening(signal, listeners[1]);
  controller.abort("enough");
  assertEquals(heard, ["a enough", "c enough"]);
});

test("a signal has one listener, however many listen, and none once they have stopped", () => {
  let added = 0;
  let present = 0;
  const signal = {
    aborted: false,
    addEventListener: () => (added++, present++),
    removeEventListener: () => present--,
  } as unknown as AbortSignal;
  const listeners = Array.from({ length: 40_000 }, () => ({ aborted: () => {} }));
  for (let round = 1; round <= 2; round++) {
    for (const listener of listeners) listenForAbort(signal, listener);
    assertEquals([added, present], [round, 1]);
    for (const listener of listeners) stopListening(signal, listener);
    assertEquals([added, present], [round, 0]);
  }
});
