import { type FlowUpdateMetadata, flowUpdateOf, FlowUpdateReason } from "@nnrp/core";
import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { CreditTeller } from "./credit_teller.ts";

function teller(): { credit: CreditTeller; told: () => number[]; voice: { canSend: boolean } } {
  const sent: FlowUpdateMetadata[] = [];
  const voice = { canSend: true, sendFlowUpdate: (update: FlowUpdateMetadata) => void sent.push(update) };
  return {
    credit: new CreditTeller(voice, 64),
    told: () => sent.splice(0).map((u) => u.sessionCredit),
    voice,
  };
}

test("credit is taken back once and given back once", () => {
  const { credit, told } = teller();
  credit.giveBack();
  credit.takeBack();
  credit.takeBack();
  credit.giveBack();
  credit.giveBack();
  assertEquals(told(), [0, 64]);
});

test("what was given back on a connection that was lost is given back once more on the next", () => {
  const { credit, told, voice } = teller();
  credit.takeBack();
  credit.giveBack(); // into a connection of which nothing arrives any more
  voice.canSend = false;
  credit.connectionChanged();
  credit.giveBack();
  voice.canSend = true;
  told();
  credit.giveBack();
  credit.giveBack();
  assertEquals(told(), [64]);
});

test("what the application said last is said again on a new connection", () => {
  const { credit, told } = teller();
  credit.note(flowUpdateOf({ credit: 7, updateReason: FlowUpdateReason.REDUCE }));
  credit.connectionChanged();
  credit.giveBack();
  assertEquals(told(), [7]);
});

test("a session that never said anything about credit says nothing on a new connection", () => {
  const { credit, told } = teller();
  credit.connectionChanged();
  credit.giveBack();
  assertEquals(told(), []);
});
