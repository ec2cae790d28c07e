/** `nnrp decode` as a person uses it: files, pipes, hex, broken and foreign input, colours. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  buildClientHelloPacket,
  buildPingPacket,
  CLIENT_HELLO_RECORD,
  encodeControlExtensions,
  encodePacket,
  HEADER_SIZE,
  makePacket,
  MessageType,
  migrationTokenEntry,
} from "@nnrp/core";
import { sampleBroken, sampleFiles, sampleSession, sampleSubmit } from "../../docs/samples.ts";
import { runCli } from "../cli.ts";
import { terminalOf } from "../terminal_style.ts";
import { decodePacketTree } from "./packet.ts";
import { renderPacket } from "./render.ts";
import { decodeInput } from "./stream.ts";

const folder = mkdtempSync(join(tmpdir(), "nnrp-decode-"));
after(() => rmSync(folder, { recursive: true }));
const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
const ping = encodePacket(buildPingPacket({ sessionId: 7 }));

const CLIENT_HELLO_AUTH_BYTES = CLIENT_HELLO_RECORD.fields.find(({ key }) => key === "authBytes")!.offset;

/** Writes a file; returns its path. */
function file(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Runs the command here. */
async function decode(...args: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCli(["decode", ...args], {
    print: (line) => void out.push(line),
    warn: (line) => void err.push(...line.split("\n")),
  });
  return { code, out, err };
}

/** At most two lines of error, nothing else. */
async function refused(words: string, code: number, ...args: string[]): Promise<void> {
  const result = await decode(...args);
  assertEquals([result.code, result.out], [code, []], result.err.join("\n"));
  assert(result.err.length <= 2, result.err.join("\n"));
  assertStringIncludes(result.err.join("\n"), words);
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

test("auth blocks and tokens are told by their length, and shown only when asked for", async () => {
  const auth = "canary-7f3a9c51d2";
  const token = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);
  const hello = buildClientHelloPacket({
    authBlock: new TextEncoder().encode(auth),
    controlExtensions: encodeControlExtensions([migrationTokenEntry(token)]),
  });
  const moving = (msgType: number) =>
    makePacket({ msgType, sessionId: 7, metadata: moves(msgType), body: token });
  const packets = [hello, moving(MessageType.SESSION_MIGRATE), moving(MessageType.SESSION_MIGRATE_ACK)];
  const whole = packets.map((packet) => encodePacket(packet));
  const broken = whole[0].slice();
  broken[HEADER_SIZE + CLIENT_HELLO_AUTH_BYTES] += 8; // what was an extension would be read as more of the auth block
  const fewer = whole[0].slice();
  fewer[HEADER_SIZE + CLIENT_HELLO_AUTH_BYTES] -= 8; // and the other way round
  const inputs = { whole: whole.flatMap((one) => [...one]), broken, fewer, cut: whole[0].slice(0, -3) };
  for (const [name, bytes] of Object.entries(inputs)) {
    const path = file(`${name}.bin`, Uint8Array.from(bytes));
    for (const more of [[], ["--full"], ["--json"], ["--json", "--full"], ["--list"], ["--brief"]]) {
      const text = (await decode(path, ...more)).out.join("\n").replaceAll(" ", "");
      for (
        const secret of [auth.slice(0, 8), hexOf(new TextEncoder().encode(auth.slice(0, 4))), "a0a1a2a3"]
      ) {
        assert(!text.includes(secret), `${name} ${more}: ${text}`);
      }
    }
  }
  const { out } = await decode(join(folder, "whole.bin"));
  const told = out.filter((line) => line.includes("secret")).map((line) => line.replaceAll(/ +/g, " "));
  assertEquals(told.length, 4, out.join("\n"));
  assertStringIncludes(told[1], "auth_block (secret, 17 bytes: --show-secrets)");
  const asked = (await decode(join(folder, "whole.bin"), "--show-secrets")).out.join("\n");
  assertStringIncludes(asked, `"${auth}"`);
  assertEquals(asked.split("a0 a1 a2 a3 a4 a5 a6 a7").length - 1, 3);
});

/** Metadata of a move that is right. */
function moves(msgType: number): Uint8Array {
  const metadata = new Uint8Array(24);
  if (msgType === MessageType.SESSION_MIGRATE) metadata[0] = metadata[4] = 2;
  return metadata;
}

test("a packet is shown byte by byte with offsets, names, units and words", async () => {
  const { code, out, err } = await decode(file("submit.bin", sampleSubmit()));
  assertEquals([code, err], [0, []]);
  assertEquals(out[0], "#1 FRAME_SUBMIT · client → server · session 7, frame 42 · 2208 bytes");
  const row = (name: string) => out.find((line) => line.includes(` ${name} `))?.replace(/ +/g, " ");
  assertEquals(row("flags"), "000008 21 00 00 00 ├ flags 0x0021 ACK_REQUIRED, KEYFRAME");
  assertEquals(row("latency_budget_ms"), "000038 21 00 ├ latency_budget_ms 33 ms");
  assertEquals(row("target_fps_x100"), "00003a b8 0b ├ target_fps_x100 3000 (30 frames/s)");
  assertEquals(row("tile_index"), "000070 00 00 01 00 ├ tile_index RAW_U16: tiles 0, 1");
  assertEquals(row("tile 0"), "0000a0 00 01 02 03 04 05 06 07 ├ tile 0 0, 1, 2, 3, 4, 5, … (1024 bytes)");
  assertEquals(out.at(-1), "long parts are shortened: --full shows them");
});

test("--full shows every byte, --brief leaves zeroes out", async () => {
  const path = file("submit.bin", sampleSubmit());
  const full = (await decode(path, "--full")).out.join("\n");
  const bytes = full.match(/^[0-9a-f]{6} {2}((?:[0-9a-f]{2} ?)+)/gm)!.map((line) =>
    line.slice(8).replace(/ /g, "")
  );
  assertEquals(bytes.join(""), hexOf(sampleSubmit()));
  assert(!full.includes("--full shows"));
  const brief = (await decode(path, "--brief")).out;
  assert(!brief.some((line) => line.includes("reserved1")));
  assertEquals(brief.filter((line) => line.includes("that are 0")).length, 3);
});

test("--json gives the same tree as the library", async () => {
  const path = file("session.bin", sampleSession());
  const { code, out } = await decode(path, "--json");
  assertEquals([code, out.length], [0, 1]);
  assertEquals(JSON.parse(out[0]), JSON.parse(JSON.stringify(decodeInput(sampleSession()))));
  const third = JSON.parse((await decode(path, "--json", "--packet", "3")).out[0]);
  assertEquals(third.packets.map((packet: { message: string }) => packet.message), ["FLOW_UPDATE"]);
});

test("--list is one line per packet, broken ones with the rule", async () => {
  const { code, out } = await decode(file("two.bin", new Uint8Array([...sampleBroken(), ...ping])), "--list");
  assertEquals(code, 1);
  assertEquals(out, [
    "00000000  #1 RESULT_PUSH · server → client · session 7, frame 42 · 157 bytes  " +
    "✗ tensor_section.payload_bytes: tile lengths must add up to it (wire spec §9, byte 144)",
    "0000009d  #2 PING · session 7 · 40 bytes",
    "",
    "2 packets, 197 bytes: 1 broken",
  ]);
});

test("a broken packet is shown up to the wrong byte, with rule, section, expectation and finding", async () => {
  const { code, out } = await decode(file("broken.bin", sampleBroken()));
  assertEquals(code, 1);
  const mark = out.findIndex((line) => line.includes("✗ tensor_section"));
  assertStringIncludes(out[mark - 1], "000090  03 00 00 00 07 00 00 00");
  assertEquals(out.slice(mark, mark + 5), [
    "  ✗ tensor_section.payload_bytes: tile lengths must add up to it",
    "    expected  10",
    "    found     5",
    "    rule      wire spec §9, byte 144 (0x90)",
    "    5 bytes of this packet after it not shown",
  ]);
});

test("an unknown value in a record names the values there are", async () => {
  const bytes = sampleSubmit();
  bytes[0x36] = 9; // tile_index_mode
  const { out } = await decode(file("mode.bin", bytes));
  assertEquals(out.slice(-7, -2), [
    "  ✗ frame_submit.tile_index_mode: not a known value",
    "    expected  one of 0 DENSE_RANGE, 1 RAW_U16, 2 DELTA_U16, 3 BITSET",
    "    found     9",
    "    rule      wire spec §6, byte 54 (0x36)",
    "    2153 bytes of this packet after it not shown",
  ]);
});

test("a cut stream shows what is there and how much is missing", async () => {
  const { code, out } = await decode(
    file("cut.bin", new Uint8Array([...ping, ...sampleSubmit().subarray(0, 100)])),
  );
  assertEquals(code, 1);
  assertEquals(out.slice(-3), [
    "  ✂ the input ends inside this packet: 2108 bytes missing",
    "",
    "2 packets, 140 bytes: 1 cut",
  ]);
});

test("behind a broken header nothing is read, but the next packet is named", async () => {
  const path = file("gap.bin", new Uint8Array([...ping, 1, 2, 3, ...ping]));
  const { code, out } = await decode(path, "--list");
  assertEquals(code, 1);
  assertStringIncludes(out[1], "#2 no packet");
  assertEquals(
    out[2],
    `    39 bytes behind the broken header not read; a packet may begin at byte 43: nnrp decode ${path} --skip 43`,
  );
  assertEquals((await decode(path, "--list", "--skip", "43")).code, 0);
});

test("hex text is read as people paste it, and as xxd and hexdump print it", async () => {
  const hex = hexOf(ping);
  const dump = new TextDecoder().decode(sampleFiles(ping, "")["dump.txt"]);
  const rows = Array.from({ length: 2 }, (_, i) => hex.slice(i * 32, i * 32 + 32).match(/../g)!);
  const hexdump = [
    `00000000  ${rows[0].slice(0, 8).join(" ")}  ${rows[0].slice(8).join(" ")}  |NNRP.. (........|`,
    `00000010  ${rows[1].slice(0, 8).join(" ")}  ${rows[1].slice(8).join(" ")}  |................|`,
    "00000020  00 00 00 00 00 00 00 00                           |........|",
    "00000028",
  ].join("\n");
  const zeroes = new Uint8Array(120);
  zeroes.set(ping.subarray(0, 16));
  const starred = ["00000000  4e 4e 52 50 01 00 20 28  00 00 00 00 00 00 00 00  |NNRP.. (........|"]
    .concat("00000010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|", "*")
    .concat("00000070  00 00 00 00 00 00 00 00                           |........|", "00000078").join("\n");
  for (
    const [name, text, packets] of [
      ["plain", hex, 1],
      ["spaced", hex.match(/../g)!.join(" "), 1],
      ["colons", hex.match(/../g)!.join(":").toUpperCase(), 1],
      ["array", `[${hex.match(/../g)!.map((byte) => `0x${byte}`).join(", ")}]`, 1],
      ["xxd", dump, 9],
      ["hexdump", hexdump, 1],
    ] as const
  ) {
    const { code, out } = await decode(file(`${name}.txt`, text), "--hex", "--list");
    assertEquals([name, code, out.length], [name, 0, packets + 2]);
  }
  const { out } = await decode(file("starred.txt", starred), "--hex", "--json");
  assertEquals(JSON.parse(out[0]).length, zeroes.length);
});

test("what is no NNRP is told in one or two lines with what to do", async () => {
  await refused("is hex text of NNRP\nread it with: nnrp decode", 1, file("h.txt", hexOf(ping)));
  await refused("looks like a PNG picture", 1, file("p.png", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10)));
  await refused(
    "a packet may begin at byte 5",
    1,
    file("later.bin", new Uint8Array([9, 9, 9, 9, 9, ...ping])),
  );
  await refused("hex text needs --hex", 1, file("any.bin", "anything else"));
  await refused("is empty", 1, file("empty.bin", ""));
  await refused("there is no file", 1, join(folder, "none"));
  await refused("is a folder", 1, folder);
  await refused('line 2, column 3: "z" is no hex digit', 1, file("z.txt", "4e4e\n52z0"), "--hex");
  await refused("7 hex digits make no whole bytes", 1, file("odd.txt", "4e4e525"), "--hex");
  await refused("there is no packet 2", 1, file("one.bin", ping), "--packet", "2");
  await refused("FILE is missing", 2);
  await refused("did you mean --brief?", 2, "x", "--breif");
  await refused("--packet must be 1 or more", 2, "x", "--packet", "0");
  await refused("--skip must be a number of bytes", 2, "x", "--skip=-3");
});

test("- reads standard input, and a reader that has enough is no failure", () => {
  const piped = spawnSync(process.execPath, ["run", "-A", "--quiet", main, "decode", "-", "--list"], {
    input: ping,
  });
  assertEquals([piped.status, String(piped.stderr)], [0, ""]);
  assertStringIncludes(String(piped.stdout), "#1 PING");
  const path = file("long.bin", new Uint8Array(40 * 2000).map((_, i) => ping[i % 40]));
  const line =
    `"${process.execPath}" run -A --quiet "${main}" decode "${path}" | head -1; echo "\${PIPESTATUS[0]}"`;
  const headed = spawnSync("bash", ["-c", line], { encoding: "utf8" });
  assertEquals([headed.stdout.split("\n").slice(0, 2), headed.stderr], [[
    "#1 PING · session 7 · 40 bytes",
    "0",
  ], ""]);
});

test("colours are for terminals that want them", async () => {
  assertEquals(terminalOf({ isTTY: false }, {}).colours, false);
  assertEquals(terminalOf({ isTTY: true, columns: 90 }, {}), { colours: true, columns: 90 });
  assertEquals(terminalOf({ isTTY: true }, { NO_COLOR: "1" }).colours, false);
  assertEquals(terminalOf({ isTTY: true }, { TERM: "dumb" }).colours, false);
  const path = file("ping.bin", ping);
  const run = async (colours: boolean) => {
    const out: string[] = [];
    const terminal = { colours, columns: 100 };
    await runCli(["decode", path], { print: (line) => void out.push(line), warn: () => {}, terminal });
    return out.join("\n");
  };
  // deno-lint-ignore no-control-regex
  const stripped = (text: string) => text.replace(/\x1b\[[\d;]*m/g, "");
  const coloured = await run(true);
  assert(coloured !== stripped(coloured));
  assertEquals(stripped(coloured), await run(false));
  assertEquals((await decode(path)).out.join("\n"), await run(false));
});

test("a narrow terminal breaks long values instead of losing them", () => {
  const packet = decodePacketTree(sampleSession());
  const lines = renderPacket(packet, { columns: 96 });
  assert(lines.every((line) => line.length <= 100), lines.find((line) => line.length > 100));
  const words = (text: readonly string[]) => text.join(" ").replace(/\s+/g, " ");
  assertEquals(words(lines), words(renderPacket(packet)));
});

test("long lists are cut to their beginning, except for the item that is wrong", () => {
  const packets = Array.from({ length: 40 }, () => 1);
  const bytes = new Uint8Array(40 + 64 + 32 + 16 * packets.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x4e, 0x4e, 0x52, 0x50, 1, 0, 0x12, 40]);
  view.setUint32(12, 64, true);
  view.setUint32(16, 32 + 16 * packets.length, true);
  view.setUint32(40 + 56, 2, true); // a token chunk is promised
  view.setUint32(104 + 4, 16 * packets.length, true);
  packets.forEach((_, i) => {
    view.setUint16(136 + i * 16, 5, true);
    view.setUint32(136 + i * 16 + 12, i, true);
  });
  const list = () => decodePacketTree(bytes).children[2].children![1];
  assertEquals([list().children!.length, list().hiddenItems], [8, 32]);
  view.setUint16(136 + 30 * 16, 77, true); // an unknown kind
  const wrong = decodePacketTree(bytes);
  assertEquals(wrong.problem?.offset, 136 + 30 * 16);
  assertEquals(list().children!.map((child) => child.name).at(-1), "reference 31");
});
