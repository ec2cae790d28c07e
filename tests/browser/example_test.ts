/**
 * The page of `examples/browser` in a real Chromium: it enlarges frames over WebTransport, and over WebSocket if it must.
 *
 * @module
 */
import { test } from "node:test";
import { assertEquals, assertGreater } from "@std/assert";
import { startBrowserExample } from "../../examples/browser/serve.ts";
import { launchChromium } from "./chromium.ts";

/** Longest time until the page shows its first counted frames, ms. */
const PATIENCE_MS = 30_000;

test("the example page enlarges a moving picture over WebTransport and over WebSocket", async () => {
  const example = await startBrowserExample(0);
  const browser = await launchChromium();
  try {
    for (const [query, carrier] of [["", "WebTransport"], ["?carrier=websocket", "WebSocket"]]) {
      const page = await browser.newPage();
      const errors: string[] = [];
      page.on("pageerror", (error) => errors.push(String(error)));
      await page.goto(example.url + query);
      await page.waitForFunction(
        () => Number(document.querySelector("#legend b")?.textContent) >= 5,
        { timeout: PATIENCE_MS },
      );
      assertEquals(await page.$eval("#carrier", (pill) => pill.textContent), carrier);
      const [bicubicDb, networkDb] = await page.$$eval(
        "figcaption b",
        (both) => both.map((b) => Number(b.textContent)),
      );
      assertGreater(networkDb, bicubicDb, "the network's picture is nearer to the truth");
      const colours = await page.$eval("#picture", (canvas) => {
        const { width, height } = canvas as HTMLCanvasElement;
        const { data } = (canvas as HTMLCanvasElement).getContext("2d")!.getImageData(0, 0, width, height);
        return new Set(new Uint32Array(data.buffer)).size;
      });
      assertGreater(colours, 1000, "there is a picture");
      assertEquals(errors, []);
      await page.close();
    }
  } finally {
    await browser.close();
    await example[Symbol.asyncDispose]();
  }
});
