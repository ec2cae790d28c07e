/**
 * Every frame gets its own answer, all of it, and every handler the frame that was submitted.
 *
 * @module
 */
import type { Result } from "@nnrp/client";
import type { Handling } from "../handlers.ts";
import { type Frame, kindOf } from "../ledger.ts";
import { isBulkOf, partName, UPLOAD } from "../order.ts";
import type { Stage } from "../stage.ts";

/** A handler got a frame: once, with the bytes that were submitted. */
export function checkArrival(stage: Stage, { frame, received }: Handling): void {
  const { run, order } = frame;
  if (frame.handled > 1 && run.client.plan.reconnect !== "resubmit") {
    stage.found("answers", `a handler got a frame twice: ${kindOf(frame)}`, run.client.name, run.tags(frame));
  }
  const bulk = received.typedPayloads[1]?.payload;
  const isRight = order.up < 0 ||
    (order.up === 0
      ? bulk === undefined
      : bulk !== undefined && isBulkOf(bulk, order.nonce, UPLOAD, order.up));
  if (!isRight) {
    stage.found("answers", "a handler got other bytes than were submitted", run.client.name, run.tags(frame));
  }
}

/** A frame was answered. `whole`: with everything; otherwise with its first parts. */
export function checkAnswer(stage: Stage, frame: Frame, results: readonly Result[], whole: boolean): void {
  const { order, run } = frame;
  const found = (what: string, ...tags: string[]) =>
    stage.found("answers", `${what}: ${kindOf(frame)}`, run.client.name, [...run.tags(frame), ...tags]);
  if (results.some((result) => result.isDrop)) {
    // Budgets and full queues drop; nothing else may, but the handler that says so.
    if (order.act !== "drops" && frame.budgetMs === 0) found("a frame was dropped that may not be");
    return;
  }
  if (order.act === "huge") return found("an answer came that is longer than a body may be");
  const names = results.map((result) => result.text()).join("");
  const count = order.parts || 1;
  const wanted = Array.from({ length: count }, (_, i) => partName(order.nonce, i, count));
  const given = names.split(";").slice(0, -1).map((name) => `${name};`);
  if (given.some((name) => !name.startsWith(`${order.nonce} `))) {
    return found("the answer of another frame", "foreign");
  }
  const isPrefix = given.every((name, i) => name === wanted[i]);
  if (!isPrefix) return found("parts came twice, or in another order");
  if (whole && given.length !== count) return found("an answer came without all of its parts", "incomplete");
  if (!whole && given.length === 0) return found("an answer came with nothing in it", "incomplete");
  if (order.bytes === 0) return;
  const bulks = results.flatMap((result) => result.opaqueBytesPayloads);
  const isWhole = bulks.length === given.length;
  if (!isWhole || bulks.some((bulk, i) => !isBulkOf(bulk, order.nonce, i, order.bytes))) {
    found("a part came with other bytes than the handler gave", "corrupt");
  }
}
