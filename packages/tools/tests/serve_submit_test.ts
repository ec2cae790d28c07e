/** `nnrp serve` and `nnrp submit` as a person uses them: two processes, a picture, Ctrl-C, and every mistake one can make. */
import { after, before, test } from "node:test";
import { assert, assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bicubicX2, joinYCbCr, meanX2, plane, psnr, splitYCbCr, tileGrid, tileSubmit } from "@nnrp/backends";
import { dialClient } from "@nnrp/client";
import { runCli } from "../src/cli.ts";
import { cropPicture, type Picture } from "../src/picture/picture.ts";
import { decodePng, encodePng, readPng } from "../src/picture/png.ts";
import { type Running, runNnrp, startNnrp } from "./nnrp_process.ts";

const folder = mkdtempSync(join(tmpdir(), "nnrp-"));
const small = join(folder, "small.png");
let original: Picture;
let server: Running;
let address = "";

before(async () => {
  const { picture } = await readPng(new URL("../assets/coffee.png", import.meta.url));
  original = cropPicture(picture, 200, 100, 200, 160);
  const { y, cb, cr } = splitYCbCr(200, 160, original.rgb);
  const rgb = joinYCbCr({ y: meanX2(y), cb: meanX2(cb), cr: meanX2(cr) });
  writeFileSync(small, encodePng({ width: 100, height: 80, rgb, alpha: null, gray: false }));
  server = startNnrp(["serve", "--port", "0", "--json"]);
  address = JSON.parse(await server.firstLine).address;
});

after(() => {
  server.signal("SIGKILL");
  rmSync(folder, { recursive: true });
});

/** Runs a command here and keeps what it writes. */
async function nnrp(...args: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCli(args, { print: (line) => out.push(line), warn: (line) => err.push(line) });
  return { code, out, err };
}

/** One line of error and nothing else. */
async function refused(code: number, words: string, ...args: string[]): Promise<void> {
  const result = await nnrp(...args);
  assertEquals([result.code, result.out, result.err.length], [code, [], 1], result.err.join("\n"));
  assert(!result.err[0].includes("\n"), result.err[0]);
  assertStringIncludes(result.err[0], words);
}

test("the first line of serve --json tells a program all it needs", async () => {
  const line = JSON.parse(await server.firstLine);
  assertEquals([line.event, line.carrier, line.host, line.model], [
    "listening",
    "tcp",
    "127.0.0.1",
    "super-resolution",
  ]);
  assertEquals(line.address, `nnrp://127.0.0.1:${line.port}`);
  assert(line.runtime === "wasm" || line.runtime === "native");
});

test("submit writes a picture of twice the size that is closer to the original than bicubic", async () => {
  const big = join(folder, "big.png");
  const { code, out, err } = await nnrp("submit", small, "--out", big, "--server", address);
  assertEquals([code, err], [0, []]);
  const { picture } = decodePng(readFileSync(big), big);
  assertEquals([picture.width, picture.height, picture.alpha], [200, 160, null]);
  const luma = (p: Picture) => splitYCbCr(p.width, p.height, p.rgb).y;
  const bicubic = psnr(bicubicX2(luma(decodePng(readFileSync(small), small).picture)), luma(original));
  assertGreater(psnr(luma(picture), luma(original)), bicubic + 0.8);
  assertStringIncludes(out.join("\n"), "100x80, RGB, 8 bits");
  assertStringIncludes(out.join("\n"), "12 of 12 tiles by the network");
  assertStringIncludes(out.join("\n"), "1 frame: 1 COMPLETE");
  assertStringIncludes(out.join("\n"), "200x160");
});

test("submit --json tells the same to a program", async () => {
  const big = join(folder, "four.png");
  const { code, out } = await nnrp("submit", small, "-o", big, "-s", address, "--scale", "4", "--json");
  assertEquals([code, out.length], [0, 1]);
  const report = JSON.parse(out[0]);
  assertEquals(report.output, { path: big, width: 400, height: 320 });
  assertEquals([report.tiles, report.answered, report.frames], [12 + 35, 12 + 35, 2]);
  assertEquals([report.results, report.model], [{ COMPLETE: 2 }, "super-resolution"]);
});

test("a budget that is over at once leaves a bicubic picture, says so, and is no failure", async () => {
  const big = join(folder, "late.png");
  const { code, out } = await nnrp("submit", small, "-o", big, "-s", address, "--budget", "1");
  assertEquals(code, 0);
  assertStringIncludes(out.join("\n"), "0 of 12 tiles by the network");
  assertStringIncludes(out.join("\n"), "12 tiles did not fit into the budget and are bicubic");
  assertEquals(decodePng(readFileSync(big), big).picture.width, 200);
});

test("a picture that is none, or not there, is one line", async () => {
  const text = join(folder, "text.png");
  writeFileSync(text, "not a picture");
  const out = join(folder, "x.png");
  await refused(1, `${text} is no PNG picture; give a PNG file`, "submit", text, "-o", out, "-s", address);
  await refused(
    1,
    "there is no such file; give a PNG file",
    "submit",
    join(folder, "no.png"),
    "-o",
    out,
    "-s",
    address,
  );
  await refused(2, "PICTURE is missing", "submit", "-o", out);
  await refused(2, "--out is missing", "submit", small);
});

test("a folder that is not there is told before the work", async () => {
  const out = join(folder, "no", "x.png");
  await refused(
    1,
    `there is no folder ${join(folder, "no")}; make it first`,
    "submit",
    small,
    "-o",
    out,
    "-s",
    address,
  );
});

test("a wrong address, and one where nobody is, say what to do", async () => {
  const out = join(folder, "x.png");
  await refused(
    2,
    '"tcp://localhost" is no server address; write it as nnrp://127.0.0.1:4433',
    "submit",
    small,
    "-o",
    out,
    "-s",
    "tcp://localhost",
  );
  const { port, close } = await occupied();
  await close();
  await refused(
    1,
    `no server answers at nnrp://127.0.0.1:${port}; start one in another terminal: nnrp serve --model super-resolution --port ${port}`,
    ...["submit", small, "-o", out, "-s", `nnrp://127.0.0.1:${port}`],
  );
});

test("a server that speaks something else is told from one that is not there", async () => {
  const { port, close } = await occupied((socket) =>
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n".padEnd(200))
  );
  const at = `nnrp://127.0.0.1:${port}`;
  await refused(
    1,
    `something answers at ${at}, but it does not speak NNRP/1`,
    "submit",
    small,
    "-o",
    join(folder, "x"),
    "-s",
    at,
  );
  await close();
});

test("wrong values of options are one line and exit code 2", async () => {
  const out = join(folder, "x.png");
  await refused(2, "--scale must be 2 or 4, not 3", "submit", small, "-o", out, "--scale", "3");
  await refused(2, "--budget must be at least 1 ms, not 0", "submit", small, "-o", out, "--budget", "0");
  await refused(2, "--port must be 0 (any free one) to 65535, not 70000", "serve", "--port", "70000");
  await refused(2, "unknown option --modle; did you mean --model?", "serve", "--modle", "echo");
  await refused(2, "--runtime must be auto, native or wasm", "serve", "--runtime", "gpu");
  await refused(2, "--fps must be 1 to 240, not 0", "demo", "--fps", "0");
});

test("a missing model file and a file that is no model are one line", async () => {
  await refused(
    1,
    "cannot read the model file no.onnx: there is no such file",
    "serve",
    "--model",
    "no.onnx",
  );
  await refused(1, `${small} cannot be served`, "serve", "--model", small, "--port", "0");
});

test("a busy port is one line that says how to choose another", async () => {
  const { port, close } = await occupied();
  await refused(1, `port ${port} on 127.0.0.1 is taken`, "serve", "--model", "echo", "--port", String(port));
  await close();
});

test("Ctrl-C drains the server: a summary by class, exit code 0", async () => {
  const one = startNnrp(["serve", "--port", "0"]);
  const first = await one.firstLine;
  const at = /nnrp:\/\/[\d.]+:\d+/.exec(first)![0];
  assertStringIncludes(first, `serving super-resolution at ${at} (tcp, ONNX Runtime `);
  assertEquals((await nnrp("submit", small, "-o", join(folder, "y.png"), "-s", at)).code, 0);
  one.signal("SIGINT");
  const { code, out, err } = await one.ended;
  assertEquals([code, err], [0, ""]);
  assertEquals(out.at(-1), "served 1 session; frames: 1 COMPLETE");
  assertEquals(out.filter((line) => line.includes("session-start")).length, 1);
  assertStringIncludes(out.find((line) => line.includes("session-end"))!, "frames: 1 COMPLETE");
});

test("frames that are under way when Ctrl-C comes are answered", async () => {
  const one = startNnrp(["serve", "--port", "0", "--json"]);
  const session = await dialClient(JSON.parse(await one.firstLine).address);
  const luma = plane(320, 320, Uint8Array.from({ length: 320 * 320 }, (_, i) => i % 251));
  const answers = [1, 2, 3].map(() => session.submit(tileSubmit(luma, tileGrid(320, 320))));
  await session.ping(); // by now the server has them all
  one.signal("SIGINT");
  assertEquals((await Promise.all(answers)).map((result) => result.className), [
    "COMPLETE",
    "COMPLETE",
    "COMPLETE",
  ]);
  const { code, out } = await one.ended;
  assertEquals([code, JSON.parse(out.at(-1)!).frames], [0, { COMPLETE: 3 }]);
  await session.close();
});

test("SIGTERM does the same, with JSON, and refused handshakes are told", async () => {
  const one = startNnrp(["serve", "--model", "echo", "--port", "0", "--json"]);
  const { port } = JSON.parse(await one.firstLine);
  const socket = connect(port, "127.0.0.1");
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => {});
  socket.write("GET / HTTP/1.1\r\nHost: nobody\r\n\r\n".padEnd(100));
  socket.resume();
  await closed;
  one.signal("SIGTERM");
  const { code, out } = await one.ended;
  assertEquals(code, 0);
  const events = out.map((line) => JSON.parse(line));
  assertEquals(events.map((event) => event.event), ["listening", "handshake-refused", "summary"]);
  assertEquals([events[2].sessions, events[2].handshakesRefused, events[2].frames], [0, 1, {}]);
});

test("a server that a program started ends with that program's end of its input", async () => {
  const one = startNnrp(["serve", "--model", "echo", "--port", "0", "--until-eof"]);
  await one.firstLine;
  one.child.stdin!.end();
  assertEquals((await one.ended).code, 0);
});

test("failures of a process have its exit code and go to standard error", async () => {
  const { code, out, err } = await runNnrp(["serve", "--model", "no.onnx"]);
  assertEquals([code, out], [1, []]);
  assertEquals(err.trim().split("\n").length, 1);
});

/** A port where something listens that is no NNRP server. */
function occupied(
  greet: (socket: { end(text: string): void }) => void = () => {},
): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    greet(socket);
  });
  return new Promise((resolve) =>
    listener.listen(0, "127.0.0.1", () =>
      resolve({
        port: (listener.address() as { port: number }).port,
        close: () =>
          new Promise<void>((done) => {
            listener.close(() => done());
            for (const socket of sockets) socket.destroy();
          }),
      }))
  );
}
