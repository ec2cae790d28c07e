/**
 * `deno task check`: format, lint, types, docs lint, publishing (dry), and the rules of the architecture (rules.ts).
 *
 * @module
 */
import { PUBLISHED } from "../packaging/published.ts";

const root = new URL("../", import.meta.url);
let failures = 0;

await step("format", ["fmt", "--check", "--quiet"]);
await step("lint", ["lint", "--quiet"]);
await step("rules of the architecture", ["run", "-A", "--quiet", ".ci/rules.ts"]);
await step("types", [
  "check",
  "--quiet",
  ...PUBLISHED.map((p) => `packages/${p}`),
  "tests",
  "bench",
  "examples",
  "packaging",
  "docs",
  ".ci",
]);
await step("diagrams", ["run", "-A", "--quiet", "docs/diagrams.ts", "--check"]);
await step("examples in READMEs", [
  "check",
  "--quiet",
  "--doc-only",
  ...PUBLISHED.map((p) => `packages/${p}/README.md`),
]);
for (const name of PUBLISHED) {
  await step(`docs of @nnrp/${name}`, ["doc", "--lint", "--quiet", `packages/${name}/mod.ts`]);
}
for (const name of PUBLISHED) {
  const flags = ["publish", "--dry-run", "--allow-dirty", "--quiet", "--no-check"];
  await step(`publishing @nnrp/${name} (dry run)`, flags, new URL(`packages/${name}/`, root));
}
await step("docs/cli.md", ["run", "-A", "--quiet", "packages/tools/docs/cli_docs.ts", "--check"]);
console.log(failures === 0 ? "all checks passed" : `${failures} checks failed`);
Deno.exit(failures === 0 ? 0 : 1);

async function step(title: string, args: string[], cwd: URL = root): Promise<void> {
  const started = performance.now();
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    stdout: "piped",
    stderr: "piped",
  }).output();
  console.log(`${success ? "ok  " : "FAIL"} ${title} (${Math.round(performance.now() - started)} ms)`);
  if (success) return;
  failures++;
  console.log(new TextDecoder().decode(stdout), new TextDecoder().decode(stderr));
}
