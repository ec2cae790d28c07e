/**
 * Takes the picture of the page for the documentation: `deno run -A examples/browser/screenshot.ts [FILE]`. A while with a
 * comfortable budget, a while with a short one, so that all kinds of results are to be seen.
 *
 * @module
 */
import { launchChromium } from "../../tests/browser/chromium.ts";
import { startBrowserExample } from "./serve.ts";

const file = Deno.args[0] ??
  decodeURIComponent(new URL("../../docs/images/browser.png", import.meta.url).pathname);
/** Budgets, ms, and for how long, s. */
const SCRIPT: readonly (readonly [budgetMs: number, seconds: number])[] = [[40, 5], [14, 2], [7, 2], [2, 1], [
  40,
  3.5,
]];

const example = await startBrowserExample(0);
const browser = await launchChromium();
const page = await browser.newPage();
page.on("pageerror", (error) => console.error("page:", error));
page.on("console", (message) => console.log("page:", message.text()));
await page.setViewport({ width: 1120, height: 736 });
await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: Deno.args[1] ?? "dark" }]);
await page.goto(example.url);
for (const [budgetMs, seconds] of SCRIPT) {
  await page.$eval(
    "#budget",
    (input, value) => (input as unknown as { value: string }).value = value,
    String(budgetMs),
  );
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
await page.screenshot({ path: file as `${string}.png` });
await browser.close();
await example[Symbol.asyncDispose]();
console.log(`${file}: ${Math.round((await Deno.stat(file)).size / 1024)} KB`);
Deno.exit(); // a QUIC endpoint that has listened keeps Deno waiting
