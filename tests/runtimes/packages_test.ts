/**
 * The packages as users get them: packed, installed into fresh projects, run on Node 20, Node 24, Bun and in a browser.
 *
 * @module
 */
import { after, before, test } from "node:test";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { bundleForBrowser } from "../../packaging/bundle.ts";
import { packageFaults } from "../../packaging/modules.ts";
import { PUBLISHED } from "../../packaging/published.ts";
import { type PackageFiles, readTarball, writeTarball } from "../../packaging/tarball.ts";
import { launchChromium } from "../browser/chromium.ts";
import { servePage } from "../browser/page_server.ts";
import { compile, type Installed, installPackages, type Project, run } from "./installed.ts";
import type { Listening } from "./programs/server.ts";

let installed: Installed;
before(async () => {
  installed = await installPackages();
});
after(() => installed?.[Symbol.asyncDispose]());

test("tarballs hold modules, declarations, licence and README, and nothing of the machine they were made on", async () => {
  assertEquals(installed.packed.map((p) => p.name), PUBLISHED.map((name) => `@nnrp/${name}`));
  const home = Deno.env.get("HOME")!;
  const here = decodeURIComponent(new URL("../../", import.meta.url).pathname);
  for (const { name, path } of installed.packed) {
    const files = await readTarball(await Deno.readFile(path));
    assertEquals(packageFaults(files, [here, `${home}/`]), [], name);
    for (const wanted of ["package.json", "LICENSE", "README.md", "mod.js", "mod.d.ts"]) {
      assert(files.has(wanted), `${name} has no ${wanted}`);
    }
    const { dependencies = {}, version } = JSON.parse(text(files, "package.json"));
    for (const [needed, range] of Object.entries(dependencies)) {
      if (needed.startsWith("@nnrp/")) assertEquals(range, `^${version}`, `${name} needs ${needed}`);
      else assertMatch(name, /tools|backends/, `${name} must have no dependencies, but needs ${needed}`);
    }
  }
});

test("the same files make the same bytes, whenever and in whatever order they come", async () => {
  const { path } = installed.packed.at(-1)!;
  const bytes = await Deno.readFile(path);
  const files = await readTarball(bytes);
  assertEquals(await writeTarball(new Map([...files].reverse())), bytes);
});

test("what must not be in a tarball is noticed", () => {
  const files: PackageFiles = new Map(
    Object.entries({
      "src/a_test.js": "",
      "src/b.ts": "",
      "src/c.js": 'import { d } from "./d.ts";\n//# sourceMappingURL=x',
      "src/e.d.ts": 'export declare const e: import("./f.ts").F; // /home/somebody/nnrp',
      "src/g.js": 'import { h } from "jsr:@std/assert";',
      "src/fine.js": '/** `import { x } from "./x.ts"` */\nimport { d } from "./d.js";',
    }).map(([path, content]) => [path, new TextEncoder().encode(content)]),
  );
  assertEquals(packageFaults(files, ["/home/somebody"]), [
    "src/a_test.js: a test",
    "src/b.ts: a source",
    "src/c.js: a source map",
    "src/c.js: imports ./d.ts",
    "src/e.d.ts: the folder /home/somebody",
    "src/e.d.ts: imports ./f.ts",
    "src/g.js: imports jsr:@std/assert",
  ]);
});

test("declarations pass the strict compiler as bundlers resolve them, too", async () => {
  const [, node24] = installed.projects;
  await compile(installed.tools, node24.runtime, node24.folder, "esnext", "bundler");
});

test("clients and servers on Node 20, Node 24 and Bun talk to each other over every carrier", async () => {
  for (const server of installed.projects) {
    await using running = await startServer(server);
    for (const client of installed.projects) {
      const { out, err } = await run(
        client.runtime.path,
        ["client.js", JSON.stringify(running.listening)],
        client.folder,
      );
      const expected = [
        ...Object.keys(running.listening.urls).map((name) => `${name} ok`),
        "default ok",
        "quic refused",
      ];
      assertEquals(out.trim().split("\n"), expected, `${client.title} towards ${server.title}: ${err}`);
    }
  }
});

test("the nnrp command runs on Node 20, Node 24 and Bun", async () => {
  for (const { title, runtime, folder } of installed.projects) {
    const program = "node_modules/@nnrp/tools/bin/nnrp.js";
    const help = await run(runtime.path, [program, "--help"], folder);
    assertEquals(help.code, 0, `${title}: ${help.err}`);
    assertStringIncludes(help.out, "serve a model");
    const flags = ["--seconds", "1", "--runtime", "wasm", "--no-open", "--out", "demo"];
    const demo = await run(runtime.path, [program, "demo", ...flags], folder);
    assertEquals(demo.code, 0, `${title}: ${demo.out}\n${demo.err}`);
    const [first] = [...Deno.readDirSync(`${folder}/demo`)].filter((entry) => entry.name.endsWith(".png"));
    assert(first !== undefined, `${title}: no picture`);
  }
});

test("a bundle for browsers runs client and server in a page, and a client against a server on Node", async () => {
  const [{ folder }, node24] = installed.projects;
  const script = await bundleForBrowser(new URL(`file://${folder}/page.ts`), { packagesIn: folder });
  assertEquals(
    script.match(/\b(from|import)\s*\(?\s*["'][^"']+["']/g),
    null,
    "nothing is left to be imported",
  );
  await using running = await startServer(node24);
  await using page = servePage({ "/page.js": script, "/": '<script type="module" src="/page.js"></script>' });
  const browser = await launchChromium();
  try {
    const tab = await browser.newPage();
    const errors: string[] = [];
    tab.on("pageerror", (error) => errors.push(String(error)));
    await tab.goto(page.url);
    const said = await tab.evaluate(async (url) => {
      const { inMemory, overWebSocket } = (globalThis as unknown as { nnrpPage: NnrpPage }).nnrpPage;
      return [await inMemory(), await overWebSocket(url)];
    }, running.listening.urls.websocket);
    assertEquals(said, ["hello, myself", "from.a.page."]);
    assertEquals(errors, []);
  } finally {
    await browser.close();
  }
});

interface NnrpPage {
  inMemory(): Promise<string>;
  overWebSocket(url: string): Promise<string>;
}

/** Starts the server program and waits for its line; the end of its standard input ends it. */
async function startServer(project: Project): Promise<AsyncDisposable & { listening: Listening }> {
  const child = new Deno.Command(project.runtime.path, {
    args: ["server.js"],
    cwd: project.folder,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let line = "";
  while (!line.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`${project.title}: the server did not start: ${await errors}`);
    line += value;
  }
  return {
    listening: JSON.parse(line),
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      const { code } = await child.status;
      await reader.cancel();
      const said = await errors;
      assertEquals([code, said], [0, ""], `${project.title}: end of the server`);
    },
  };
}

function text(files: PackageFiles, path: string): string {
  return new TextDecoder().decode(files.get(path));
}
