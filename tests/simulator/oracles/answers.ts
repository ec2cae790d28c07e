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

/** A frame was answered. `whole`: with everything; otherwise with its first parts. Returns whether the answer is its own. */
export function checkAnswer(stage: Stage, frame: Frame, results: readonly Result[], whole: boolean): boolean {
  stage.judged("answers");
  const wrong = wrongWith(frame, results, whole);
  if (wrong === null) return true;
  const [what, ...tags] = wrong;
  stage.found("answers", `${what}: ${kindOf(frame)}`, frame.run.client.name, [
    ...frame.run.tags(frame),
    ...tags,
  ]);
  return false;
}

/** What is wrong with an answer, and tags for it; null = nothing. */
function wrongWith(frame: Frame, results: readonly Result[], whole: boolean): string[] | null {
  const { order } = frame;
  if (results.some((result) => result.isDrop)) {
    // Budgets and full queues drop; nothing else may, but the handler that says so.
    return order.act === "drops" || frame.budgetMs > 0 ? null : ["a frame was dropped that may not be"];
  }
  if (order.act === "huge") return ["an answer came that is longer than a body may be"];
  const names = results.map((result) => result.text()).join("");
  const count = order.parts || 1;
  const given = names.split(";").slice(0, -1).map((name) => `${name};`);
  if (given.some((name) => !name.startsWith(`${order.nonce} `))) {
    return ["the answer of another frame", "foreign"];
  }
  if (given.some((name, i) => name !== partName(order.nonce, i, count))) {
    return ["parts came twice, or in another order"];
  }
  if (whole && given.length !== count) return ["an answer came without all of its parts", "incomplete"];
  if (!whole && given.length === 0) return ["an answer came with nothing in it", "incomplete"];
  if (order.bytes === 0) return null;
  const bulks = results.flatMap((result) => result.opaqueBytesPayloads);
  const isRight = bulks.length === given.length &&
    bulks.every((bulk, i) => isBulkOf(bulk, order.nonce, i, order.bytes));
  return isRight ? null : ["a part came with other bytes than the handler gave", "corrupt"];
}
