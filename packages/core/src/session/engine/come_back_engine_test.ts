import { assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { ClientRig, ServerRig } from "@nnrp/testing/engines";
import { bare, resultPacket } from "@nnrp/testing/packets";
import { NnrpValueError } from "../../errors.ts";
import { MessageType } from "../../wire/enums.ts";
import { SessionState } from "./states.ts";

const OLD = { comeBack: false };

/** Bytes as hexadecimal digits; Node 24 has no `toHex`. */
function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function bytesOf(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

test("a server's CLOSE has its head where 0xF004 is agreed, and words alone where not", () => {
  const table: readonly [hello: typeof OLD | undefined, retryAfterMs: number | null, body: string][] = [
    [undefined, 0, "01000000 00000000 6279 65"],
    [undefined, 70_000, "01000000 70110100 627965"],
    [undefined, 0xffffffff, "01000000 ffffffff 627965"],
    [undefined, null, "00000000 00000000 627965"],
    [OLD, 70_000, "627965"],
    [OLD, null, "627965"],
  ];
  for (const [hello, retryAfterMs, body] of table) {
    const rig = new ServerRig().open(hello);
    rig.out.take();
    rig.engine.close("bye", retryAfterMs === null ? null : { retryAfterMs });
    assertEquals(hexOf(rig.out.take()[0].body), body.replaceAll(" ", ""));
  }
  for (const retryAfterMs of [-1, 0.5, NaN, Infinity, 2 ** 32]) {
    const rig = new ServerRig().open();
    rig.out.take();
    assertThrows(() => rig.engine.close("bye", { retryAfterMs }), NnrpValueError, "retryAfterMs");
    assertEquals([rig.out.take().length, rig.engine.state], [0, SessionState.ACTIVE]);
  }
  const client = new ClientRig().open();
  client.out.take();
  client.engine.close("bye");
  assertEquals(hexOf(client.out.take()[0].body), "627965", "a client's never has it");
});

for (const resumable of [true, false]) {
  for (
    const [body, agreed, reason, retryAfterMs] of [
      ["01000000 0a000000 6869", true, "hi", 10],
      ["01000000 00000000", true, "", 0],
      ["00000000 0a000000 6869", true, "hi", null],
      ["02000000 0a000000 6869", true, "hi", null],
      ["01000000 0a0000", true, "\u0001\0\0\0\n\0\0", null],
      ["", true, "", null],
      ["01000000 0a000000 6869", false, "\u0001\0\0\0\n\0\0\0hi", null],
    ] as const
  ) {
    test(`a ${resumable ? "resumable " : ""}client is told "${body}"${agreed ? "" : " without agreement"}`, () => {
      const rig = new ClientRig().open({}, agreed ? {} : OLD);
      rig.engine.resumable = resumable;
      const waiter = rig.submit(1);
      rig.receive({ msgType: MessageType.CLOSE, body: bytesOf(body.replaceAll(" ", "")) });
      const leaves = resumable && retryAfterMs !== null;
      assertEquals([rig.engine.state, rig.engine.canSubmit()], [
        leaves ? SessionState.ACTIVE : SessionState.DRAINING,
        false,
      ]);
      if (!leaves) {
        assertEquals([rig.ending?.reason, rig.ending?.comeBack?.retryAfterMs ?? null], [
          reason,
          retryAfterMs,
        ]);
      }
      rig.receive(resultPacket(1));
      assertEquals(waiter.heard, ["final"]);
      assertEquals([rig.engine.suspended, rig.done !== null], [leaves, !leaves]);
    });
  }
}

test("a server that asked to come back and then just goes is left as asked, and its frames are lost", () => {
  const rig = new ClientRig().open();
  rig.engine.resumable = true;
  const ends: (number | undefined)[] = [];
  rig.host.suspended = (end, lost) => ends.push(end.comeBack?.retryAfterMs, lost.length);
  rig.submit(1);
  rig.receive({ msgType: MessageType.CLOSE, body: bytesOf("0100000009000000") });
  rig.engine.peerEnded();
  assertEquals(ends, [9, 1]);
  rig.receive(bare(MessageType.PING));
  assertEquals(ends.length, 2);
});
