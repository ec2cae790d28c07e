/**
 * The release before and this tree talk to each other, both ways: what they agree on in the hello (docs/spec/extensions.md) does
 * what it does among equals. The release before is taken out of the repository's own history.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { after, before, test } from "node:test";
import { skipBecause } from "../support/skip.ts";

/** The last commit before docs/spec/extensions.md was written. */
const RELEASE_BEFORE = "75cc712";
const root = new URL("../../", import.meta.url);
const tree = new URL(`.cache/compatibility/${RELEASE_BEFORE}/`, root);
const PEER = "tests/compatibility/peer.ts";
/** A driver that hangs is ended, ms. */
const PATIENCE_MS = 120_000;

type Outcomes = Record<string, unknown>;
let among: Outcomes; // what two sides of this tree say
const missing = await unpack();

before(async () => {
  among = await played(root, root);
});

after(() => Deno.remove(new URL(PEER, tree)).catch(() => {}));

test("among equals every scenario does what its name says", () => {
  const thrown = Object.entries(among).filter(([, outcome]) => String(outcome).startsWith("threw"));
  assertEquals(thrown, []);
  assertEquals(among["a come-back after a loss"], [true, "back", 1]);
  assertEquals(among["a move by token (0xF002)"], ["success", "late", "moved"]);
  assertEquals(among["auth and model side by side (0xF003)"], "me/wished");
});

for (
  const [title, client, server] of [["this client, the server before", root, tree], [
    "the client before, this server",
    tree,
    root,
  ]] as const
) {
  test(`${title}: every scenario ends as among equals`, { skip: skipBecause(missing) }, async () => {
    assertEquals(await played(client, server), among);
  });
}

/** Takes the release before out of git; why not, if it cannot be had. */
async function unpack(): Promise<string | null> {
  const marker = new URL("deno.json", tree);
  if (await Deno.stat(marker).then(() => true, () => false) === false) {
    const archive = await run("git", [
      "archive",
      RELEASE_BEFORE,
      "packages",
      "std",
      "deno.json",
      "deno.lock",
      "package.json",
    ]);
    if (!archive.success) return `the history has no commit ${RELEASE_BEFORE} (a shallow clone?)`;
    await Deno.mkdir(tree, { recursive: true });
    const tar = new Deno.Command("tar", { args: ["-x"], cwd: tree, stdin: "piped" }).spawn();
    const writer = tar.stdin.getWriter();
    await writer.write(archive.stdout);
    await writer.close();
    if (!(await tar.status).success) return "tar cannot unpack the release before";
  }
  await Deno.mkdir(new URL("tests/compatibility/", tree), { recursive: true });
  await Deno.copyFile(new URL(PEER, root), new URL(PEER, tree));
  return null;
}

/** What the driver of one tree says of the server of another. */
async function played(client: URL, server: URL): Promise<Outcomes> {
  const serving = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", PEER, "serve"],
    cwd: server,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = serving.stdout.getReader();
  const { value } = await reader.read();
  const port = new TextDecoder().decode(value).trim();
  const patience = AbortSignal.timeout(PATIENCE_MS);
  try {
    const driver = await run(
      Deno.execPath(),
      ["run", "-A", "--quiet", "--no-check", PEER, "drive", port],
      client,
      patience,
    );
    const text = new TextDecoder().decode(driver.stdout);
    if (!driver.success) throw new Error(`the driver failed: ${new TextDecoder().decode(driver.stderr)}`);
    return JSON.parse(text);
  } finally {
    await serving.stdin.close();
    await reader.cancel();
    await serving.status;
  }
}

function run(
  program: string,
  args: string[],
  cwd: URL = root,
  signal?: AbortSignal,
): Promise<Deno.CommandOutput> {
  return new Deno.Command(program, { args, cwd, signal, stdout: "piped", stderr: "piped" }).output();
}
