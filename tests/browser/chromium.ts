/**
 * A real Chromium for the tests: one that npm carries whole (Linux x64, no root needed), elsewhere the installed Chrome, or the
 * one that `NNRP_CHROMIUM` names; driven by puppeteer-core. Deno fetches it on first use.
 *
 * @module
 */
import puppeteer, { type Browser } from "npm:puppeteer-core@25.16.0";

export type { Browser, Page } from "npm:puppeteer-core@25.16.0";

/** Where it is unpacked: not the common temporary folder, where an older one would be taken for it. */
const folder = decodeURIComponent(
  new URL("../../.cache/runtimes/chromium-153.0.0", import.meta.url).pathname,
);

/**
 * Starts Chromium without a window.
 *
 * @param flags Further command line flags.
 */
export async function launchChromium(flags: readonly string[] = []): Promise<Browser> {
  // Not the package's own arguments: they are for one process without web security, which is no browser that people have.
  return await puppeteer.launch({
    ...await findChromium(),
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--font-render-hinting=none", ...flags],
    headless: "shell",
  });
}

async function findChromium(): Promise<{ executablePath: string } | { channel: "chrome" }> {
  const installed = Deno.env.get("NNRP_CHROMIUM");
  if (installed !== undefined) return { executablePath: installed };
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return { channel: "chrome" };
  const temporary = Deno.env.get("TMPDIR");
  await Deno.mkdir(folder, { recursive: true });
  Deno.env.set("TMPDIR", folder); // the package unpacks itself there
  try {
    const { default: chromium } = await import("npm:@sparticuz/chromium@153.0.0");
    return { executablePath: await chromium.executablePath() };
  } finally {
    if (temporary === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", temporary);
  }
}
