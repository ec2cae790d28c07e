/**
 * A real Chromium runs the client over WebSocket and WebTransport against the server on Deno.
 *
 * @module
 */
import { after, before, test } from "node:test";
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { BrowserRig, type Tab } from "./rig.ts";

let rig: BrowserRig;
before(async () => {
  rig = await BrowserRig.start();
});
after(() => rig?.[Symbol.asyncDispose]());

/** Longer than anything here takes, shorter than every idle limit: what ends later was not seen, but timed out. */
const AT_ONCE_MS = 8000;

for (const carrier of ["websocket", "webtransport"]) {
  const connected = async (use: (tab: Tab) => Promise<void>) => {
    const tab = await rig.tab();
    const hello = await tab.call("dial", rig.target(carrier));
    assertEquals(hello.carrierName, carrier);
    assertEquals(hello.modelName, "browser-test");
    await use(tab);
    if (!tab.page.isClosed()) await tab.page.close();
    assertEquals(rig.errors.splice(0), []);
  };

  test(`${carrier}: tensors come back as they went`, () =>
    connected(async ({ call }) => {
      assertEquals(await call("tensors"), [[1, 2, 3, 4], [-1, 0.5, 1e9, 0]]);
      assertGreaterOrEqual(await call("ping"), 0);
    }));

  test(`${carrier}: a token stream arrives whole and in order`, () =>
    connected(async ({ call }) => {
      const { text, parts } = await call("tokens", 3000);
      assertEquals(parts, 3000);
      assertEquals(text, Array.from({ length: 3000 }, (_, i) => `${i},`).join(""));
    }));

  test(`${carrier}: leaving a stream stops the handler`, () =>
    connected(async ({ call }) => {
      rig.stopped.length = 0;
      assertEquals(await call("cancel"), 3);
      await soon("the handler stops", () => rig.stopped.length === 1);
      assertEquals(await call("many", 3), 3); // and the session goes on
    }));

  test(`${carrier}: bodies of several MiB, small frames beside them`, () =>
    connected(async ({ call }) => {
      assertEquals(await call("large", 12_000_000, 1), 12_000_000);
      assertEquals(await call("mixed"), { bytes: 8_000_000, small: 200 });
    }));

  test(`${carrier}: a thousand frames at once`, () =>
    connected(async ({ call }) => {
      assertEquals(await call("many", 1000), 1000);
    }));

  test(`${carrier}: the server sees a close at once`, () =>
    connected(async ({ call }) => {
      await call("many", 1);
      const { lastSession } = rig;
      assertEquals(await call("close"), { local: true, error: null });
      const info = await within("the session to end", lastSession.closed);
      assertEquals(info.error, undefined);
    }));

  test(`${carrier}: the page sees a close at once`, () =>
    connected(async ({ call }) => {
      await call("many", 1);
      const ended = call("ended");
      await within("closing", rig.lastSession.close({ drainMs: 0 }));
      assertEquals((await within("the page to see it", ended)).local, false);
    }));

  test(`${carrier}: a page that is left says so at once`, () =>
    connected(async ({ call, page }) => {
      await call("many", 1);
      const { lastSession } = rig;
      await call("hold");
      await call("ping");
      rig.stopped.length = 0;
      await page.goto("about:blank");
      await within("the session to end", lastSession.closed);
      assertEquals(rig.stopped.length, 1);
    }));

  test(`${carrier}: twenty sessions one after the other`, () =>
    connected(async ({ call }) => {
      for (let i = 0; i < 20; i++) {
        await call("close");
        await call("dial", rig.target(carrier));
        assertEquals(await call("many", 2), 2);
      }
    }));
}

test("websocket: the frames of a tab that is gone are stopped at once", async () => {
  const tab = await rig.tab();
  await tab.call("dial", rig.target("websocket"));
  await tab.call("hold");
  await tab.call("ping");
  rig.stopped.length = 0;
  await tab.page.close();
  await soon("the handler stops", () => rig.stopped.length === 1);
});

test("where UDP is swallowed WebSocket takes over, where it is not WebTransport is taken", async () => {
  const silent = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  try {
    const tab = await rig.tab();
    const { hash } = rig.target("webtransport");
    const [quic, websocket] = ["webtransport", "websocket"].map((name) =>
      Number(new URL(rig.target(name).url).port)
    );
    const swallowed = (silent.addr as Deno.NetAddr).port;
    assertEquals(await tab.call("fallBack", { quic: swallowed, websocket }, hash), "websocket");
    assertEquals(await tab.call("many", 2), 2);
    await tab.call("close");
    assertEquals(await tab.call("fallBack", { quic, websocket }, hash), "webtransport");
    assertEquals(await tab.call("many", 2), 2);
    await tab.page.close();
    rig.errors.length = 0; // Chromium writes the failed connection to the console
  } finally {
    silent.close();
  }
});

test("a certificate whose hash is another one is refused, and the server goes on", async () => {
  const tab = await rig.tab();
  const target = rig.target("webtransport");
  const wrong = { ...target, hash: target.hash.map((byte) => byte ^ 1) };
  assertEquals(await tab.call("refused", wrong), "TRANSPORT");
  await tab.call("dial", target);
  assertEquals(await tab.call("many", 2), 2);
  await tab.page.close();
  rig.errors.length = 0; // Chromium writes the failed connection to the console
});

async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${AT_ONCE_MS} ms for ${what}`)), AT_ONCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function soon(what: string, reached: () => boolean): Promise<void> {
  const endMs = performance.now() + AT_ONCE_MS;
  while (!reached()) {
    if (performance.now() > endMs) throw new Error(`waited ${AT_ONCE_MS} ms until ${what}`);
    // fixed wait: between two looks at a condition
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
