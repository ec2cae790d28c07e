import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { MemoryAccount, MemoryKind } from "./memory_account.ts";

test("what is booked below counts above: never too little, and little too much", () => {
  const booking = fc.record({
    account: fc.nat(4),
    kind: fc.constantFrom(...Object.values(MemoryKind)),
    bytes: fc.integer({ min: 0, max: 1 << 22 }),
    back: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(booking, { maxLength: 200 }), (bookings) => {
    const server = new MemoryAccount(Infinity);
    const client = new MemoryAccount(Infinity, server);
    const accounts = Array.from({ length: 5 }, () => new MemoryAccount(Infinity, client));
    const truth = accounts.map(() => 0);
    for (const { account, kind, bytes, back } of bookings) {
      const change = back ? -Math.min(bytes, accounts[account].of(kind)) : bytes;
      accounts[account].book(kind, change);
      truth[account] += change;
      assertEquals(accounts.map((a) => a.held), truth);
      const sum = truth.reduce((a, b) => a + b, 0);
      for (const level of [client, server]) {
        assert(level.held >= sum, `${level.held} of ${sum}`);
        assert(level.held <= sum * 1.5 + 5 * 1024, `${level.held} of ${sum}`);
      }
    }
    for (const account of accounts) account.close();
    client.close();
    assertEquals([client.held, server.held], [0, 0]);
  }));
});

test("from 64 MiB on the levels above know what is held within a fiftieth, however many hold it", () => {
  for (const holders of [1, 16, 48, 120]) {
    const server = new MemoryAccount(Infinity);
    for (let i = 0; i < holders; i++) {
      new MemoryAccount(Infinity, server).book(MemoryKind.PARTIAL, Math.ceil((64 << 20) / holders) + i);
    }
    const error = server.held / (64 << 20) - 1;
    assert(error >= 0 && error < (holders <= 16 ? 0.02 : 0.13), String(error));
  }
});

test("ten thousand idle holders of 100 bytes count as little more than they hold", () => {
  const server = new MemoryAccount(Infinity);
  for (let i = 0; i < 10_000; i++) new MemoryAccount(Infinity, server).book(MemoryKind.RECEIVED, 100);
  assertEquals(server.held, 2_560_000);
});

test("an account is over its limit when it or a level above holds too much, and says which", () => {
  const server = new MemoryAccount(1 << 20);
  const greedy = new MemoryAccount(Infinity, server);
  const modest = new MemoryAccount(4096, server);
  modest.book(MemoryKind.RECEIVED, 4096);
  assertEquals([modest.isOver, modest.fullLevel, modest.room], [false, null, 0]);
  modest.book(MemoryKind.UNSENT, 1);
  assertEquals([modest.isOver, modest.fullLevel === modest, modest.room], [true, true, -1]);
  modest.book(MemoryKind.UNSENT, -1);
  greedy.book(MemoryKind.CACHED, 2 << 20);
  assertEquals([modest.isOver, modest.fullLevel === server], [true, true]);
  greedy.close();
  assert(!modest.isOver);
  const { held } = server;
  assert(held >= 4096 && held <= 5120, String(held));
  greedy.book(MemoryKind.CACHED, 1 << 20);
  assertEquals([greedy.held, server.held], [0, held]);
});

test("a holder that knows its sum may set it", () => {
  const account = new MemoryAccount(Infinity);
  account.set(MemoryKind.UNSENT, 100);
  account.set(MemoryKind.UNSENT, 30);
  account.book(MemoryKind.CACHED, 5);
  assertEquals([account.held, account.of(MemoryKind.UNSENT), account.peak], [35, 30, 100]);
});

test("small packets tell the level above every third time at most", () => {
  const server = new MemoryAccount(Infinity);
  const account = new MemoryAccount(Infinity, server);
  let told = 0;
  let before = 0;
  const book = (bytes: number) => {
    account.book(MemoryKind.RECEIVED, bytes);
    if (server.held !== before) told++;
    before = server.held;
  };
  for (let i = 1; i <= 64_000; i++) {
    book(256);
    if (i % 64 === 0) book(-64 * 256);
  }
  assert(told <= 65_000 / 3, String(told));
});
