/** The demo as a whole: it streams, shows what is missing when time is short, and writes a picture and a report. */
import { test } from "node:test";
import { assert, assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodePng } from "../src/picture/png.ts";
import { runNnrp, startNnrp } from "./nnrp_process.ts";

test("the demo streams three times, writes its files and says where", async () => {
  const out = mkdtempSync(join(tmpdir(), "nnrp-demo-"));
  try {
    const ended = await runNnrp(["demo", "--seconds", "3", "--out", join(out, "new"), "--no-open"]);
    assertEquals([ended.code, ended.err], [0, ""]);
    const text = ended.out.join("\n");
    for (const words of ["server at nnrp://127.0.0.1:", "budget 33 ms", "ms, parts", "ms, whole or old"]) {
      assertStringIncludes(text, words);
    }
    // However fast or slow the machine: something was cut or old, and the table says how much.
    assert(
      /PARTIAL \(tiles that came\).* \d+ \(/.test(text) || /STALE_REUSE \(old tiles\).* \d+ \(/.test(text),
      text,
    );
    const [, network, bicubic] = /network ([\d.]+) dB, bicubic ([\d.]+) dB/.exec(text)!;
    assertGreater(Number(network), Number(bicubic) + 1);
    const png = join(out, "new", "side-by-side.png");
    const html = join(out, "new", "report.html");
    assertStringIncludes(text, `picture: ${png}`);
    assertStringIncludes(text, `report:  ${html}`);
    const { picture } = decodePng(readFileSync(png), png);
    assert(picture.width > 1000 && picture.height > 500);
    const page = readFileSync(html, "utf8");
    assertEquals(page.match(/<section>/g)?.length, 3);
    assertStringIncludes(page, readFileSync(png).toString("base64").slice(0, 1000));
    assert(!/NaN|undefined|<script/.test(page.replace(/base64,[^"]*/g, "")));
  } finally {
    rmSync(out, { recursive: true });
  }
});

test("Ctrl-C stops the demo, its server too, and writes nothing", async () => {
  const out = mkdtempSync(join(tmpdir(), "nnrp-demo-"));
  try {
    const running = startNnrp(["demo", "--seconds", "60", "--out", out]);
    let pid = 0;
    await new Promise<void>((resolve) => {
      running.child.stdout!.on("data", (chunk) => {
        pid ||= Number(/process (\d+)/.exec(String(chunk))?.[1] ?? 0);
        if (String(chunk).includes("frames/s  p50")) resolve();
      });
      void running.ended.then(() => resolve());
    });
    running.signal("SIGINT");
    const { code, err } = await running.ended;
    assertEquals([code, err.trim()], [130, "nnrp demo: stopped"]);
    assertGreater(pid, 0);
    assert(!isAlive(pid), "the server is gone");
    assert(!existsSync(join(out, "report.html")));
  } finally {
    rmSync(out, { recursive: true });
  }
});

test("a folder that cannot be made is one line", async () => {
  const out = mkdtempSync(join(tmpdir(), "nnrp-demo-"));
  try {
    writeFileSync(join(out, "file"), "");
    const { code, err } = await runNnrp(["demo", "--out", join(out, "file", "x")]);
    assertEquals([code, err.trim().split("\n").length], [1, 1]);
    assertStringIncludes(err, "choose another one with --out");
  } finally {
    rmSync(out, { recursive: true });
  }
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
