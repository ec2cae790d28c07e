import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { assertEquals, assertMatch } from "@std/assert";
import { vectorsCheckCommand } from "./vectors.ts";

const data = fileURLToPath(new URL("../../../../tests/vectors/data", import.meta.url));

/** Runs the command and keeps what it prints. */
async function check(...args: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await vectorsCheckCommand.run({
    args,
    options: {},
    print: (line) => void out.push(line),
    warn: (line) => void err.push(line),
    signal: new AbortController().signal,
  });
  return { code, out, err };
}

/** A folder with files, removed afterwards. */
async function withFolder(
  files: Record<string, string>,
  run: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/nnrp-vectors-`);
  try {
    for (const [path, text] of Object.entries(files)) {
      if (path.includes("/")) {
        mkdirSync(`${folder}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
      }
      writeFileSync(`${folder}/${path}`, text);
    }
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const PING = "4e4e5250010020280000000000000000000000000000000000000000000000000000000000000000";

function vectors(group: string, cases: unknown[], count = cases.length): string {
  return JSON.stringify({ format: "nnrp-wire-vectors/1", group, count, cases });
}

test("a single group, a folder that holds the files itself and a single file can be checked", async () => {
  const count = JSON.parse(readFileSync(`${data}/index.json`, "utf8")).invalid;
  const all = Object.values(count as Record<string, number>).reduce((a, b) => a + b, 0);
  assertEquals(await check(`${data}/invalid`), { code: 0, out: [`${all} passed, 0 failed`], err: [] });
  assertEquals(await check(`${data}/invalid/`), { code: 0, out: [`${all} passed, 0 failed`], err: [] });
  assertEquals((await check(`${data}/invalid/stream.json`)).out, [`${count.stream} passed, 0 failed`]);
});

test("a failure is one line with file, case and reason, and the exit code is 1", async () => {
  const wrong = [
    { name: "accepted", kind: "packet", hex: PING },
    { name: "cut", kind: "packet", hex: PING.slice(2) },
    { name: "stage", kind: "message", hex: PING.slice(2), stage: "body" },
    { name: "kind", kind: "no_such_kind", hex: "" },
  ];
  await withFolder({ "deep/er/wrong.json": vectors("invalid", wrong) }, async (folder) => {
    const { code, out } = await check(folder);
    assertEquals(code, 1);
    assertEquals(out.length, 4);
    assertMatch(out[0], /^FAIL deep\/er\/wrong\.json "accepted": should be refused, but is accepted$/);
    assertMatch(out[1], /"stage": should be refused by the body, but the framing did/);
    assertMatch(out[2], /"kind": should be refused, but throws Error: kind no_such_kind is unknown/);
    assertEquals(out[3], "1 passed, 3 failed");
  });
});

test("wrong fields, wrong bytes and wrong verdicts are found", async () => {
  const probe = { probe_id: 1, probe_payload_bytes: 0, client_send_ts_us: "2" };
  const hex = "01000000000000000200000000000000";
  const files = {
    "fields.json": vectors("valid", [{
      name: "a",
      kind: "transport_probe",
      fields: { ...probe, probe_id: 2 },
      hex,
    }]),
    "input.json": vectors("valid", [{
      name: "b",
      kind: "transport_probe",
      fields: probe,
      input: { ...probe, probe_id: 9 },
      hex,
    }]),
    "odd.json": vectors("odd", [{ name: "c", kind: "transport_probe", fields: probe, hex: hex.slice(2) }]),
    "refused.json": vectors("encode_refused", [{ name: "d", target: "transport_probe", input: probe }]),
    "mutations.json": vectors("mutations", [{
      name: "e",
      hex: PING,
      bytes: [[0, 1, 1], [0, 1, 0]],
      words: [[20, 5, 0]],
    }]),
    "golden.json": JSON.stringify({
      schema: "nnrp.cross-language-golden-vectors.v1",
      vectors: [{ name: "x.metadata.transport_probe", kind: "metadata", bytes: 15, hex: hex.slice(2) }],
    }),
  };
  await withFolder(files, async (folder) => {
    const { code, out } = await check(folder);
    assertEquals(code, 1);
    assertEquals(out, [
      'FAIL fields.json "a": fields.probe_id: expected 2, got 1',
      'FAIL golden.json "x.metadata.transport_probe": NnrpWireError: transport_probe: has a fixed length (expected 16, got 15)',
      'FAIL input.json "b": encodes to other bytes: at byte 0 expected 0100000000000000, got 0900000000000000 (16 and 16 bytes)',
      'FAIL mutations.json "e bytes [0,1]": should be accepted, is framing (NnrpWireError: header.magic at byte 0: not NNRP ' +
      "(expected 4e4e5250, got 014e5250))",
      'FAIL odd.json "c": NnrpWireError: transport_probe: has a fixed length (expected 16, got 15)',
      'FAIL refused.json "d": should be refused, but is accepted',
      "2 passed, 6 failed",
    ]);
  });
});

test("a file that has lost cases does not pass", async () => {
  const ping = { name: "short", kind: "packet", hex: PING.slice(2) };
  await withFolder({ "lost.json": vectors("invalid", [ping], 2) }, async (folder) => {
    const { code, out } = await check(folder);
    assertEquals(code, 1);
    assertEquals(out, ['FAIL lost.json "(count)": the file says 2 cases and has 1', "1 passed, 1 failed"]);
  });
});

test("a missing folder, one without vectors and unreadable files end with one line and exit code 2", async () => {
  const refused = async (folder: string, words: RegExp): Promise<void> => {
    const { code, out, err } = await check(folder);
    assertEquals([code, out, err.length], [2, [], 1]);
    assertMatch(err[0], words);
  };
  await refused(`${data}/no-such-folder`, /^nnrp vectors check: cannot read .*no-such-folder/);
  await withFolder({ "readme.txt": "" }, (folder) => refused(folder, /holds no vectors/));
  await withFolder({ "index.json": "{}" }, (folder) => refused(folder, /holds no vectors/));
  await withFolder({ "bad.json": '{"format":' }, (folder) => refused(folder, /cannot read .*bad\.json/));
  await withFolder(
    { "new.json": '{"format":"nnrp-wire-vectors/2","group":"valid","cases":[]}' },
    (folder) => refused(folder, /nnrp-wire-vectors\/2 is not nnrp-wire-vectors\/1/),
  );
  await withFolder(
    { "shape.json": vectors("valid", [{ name: "no bytes" }]) },
    (folder) => refused(folder, /has no text "kind"/),
  );
  await withFolder(
    { "group.json": vectors("strange", []) },
    (folder) => refused(folder, /group strange is unknown/),
  );
  assertEquals((await check()).code, 2);
});

test("JSON files of another kind are passed over, and named", async () => {
  const files = {
    "notes.json": "[]",
    "ping.json": vectors("invalid", [{ name: "a", kind: "packet", hex: "" }]),
  };
  await withFolder(files, async (folder) => {
    assertEquals(await check(folder), {
      code: 0,
      out: ["1 passed, 0 failed"],
      err: ["skipped notes.json: no vectors"],
    });
  });
});
