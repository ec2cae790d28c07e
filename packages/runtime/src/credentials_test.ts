/**
 * A credential is given or asked for; whoever is asked can do no harm.
 */
import { type Credential, NnrpCredentialError, NnrpTimeoutError } from "@nnrp/core";
import { virtualWorld } from "@nnrp/testing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { askCredential } from "./credentials.ts";

test("a fixed credential, and what functions give now and later, is what comes out", async () => {
  const world = virtualWorld();
  const host = world.host("a");
  const asked: Credential<string>[] = [
    "x",
    () => "x",
    () => Promise.resolve("x"),
    async () => (await world.sleep(50), "x"),
  ];
  for (const credential of asked) {
    assertEquals(await world.run(askCredential(host, credential, "token", { timeoutMs: 100 })), "x");
  }
});

test("whatever a function throws is the cause of an error that names the option", async () => {
  const world = virtualWorld();
  const host = world.host("a");
  for (const thrown of [new Error("no key"), "no key", null, undefined, { toString: null }]) {
    for (
      const source of [
        () => {
          throw thrown;
        },
        () => Promise.reject(thrown),
        () => ({
          then() {
            throw thrown;
          },
        }),
        () => ({
          get then() {
            throw thrown;
          },
        }),
      ]
    ) {
      const asking = askCredential(host, source as unknown as () => string, "tls.key", {});
      const error = await assertRejects(() => asking, NnrpCredentialError, "tls.key: cannot be had");
      assertEquals([error.code, error.field, error.cause], ["CREDENTIAL", "tls.key", thrown]);
    }
  }
});

test("a function that gives nothing is given up in time, and by the caller's signal, and hears of it; what comes late is nobody's", async () => {
  const world = virtualWorld();
  const host = world.host("a");
  const signals: AbortSignal[] = [];
  const late: ((error?: Error) => void)[] = [];
  const source = ({ signal }: { signal: AbortSignal }) => {
    signals.push(signal);
    return new Promise<string>((resolve, reject) =>
      late.push((error) => error === undefined ? resolve("x") : reject(error))
    );
  };
  await world.run(async () => {
    const error = await assertRejects(
      () => askCredential(host, source, "auth", { timeoutMs: 500 }),
      NnrpTimeoutError,
    );
    assertEquals([error.timeoutMs, host.now() >= 500], [500, true]);
    const abort = new AbortController();
    const asking = askCredential(host, source, "auth", { signal: abort.signal });
    abort.abort(new Error("changed my mind"));
    await assertRejects(() => asking, Error, "changed my mind");
    assert(signals.length === 2 && signals.every((signal) => signal.aborted));
    late[0]();
    late[1](new Error("too late"));
    await world.sleep(1);
    await assertRejects(
      () => askCredential(host, source, "auth", { signal: abort.signal }),
      Error,
      "changed my mind",
    );
    assertEquals(signals.length, 2); // who has gone is not worth a question
  });
});
