import { test } from "node:test";
import { assertEquals } from "@std/assert";

const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  submit: ["COMPLETE tile 7: 5 4 3 2", "100 answers, each its own"],
  results: [
    "streamed words: 6",
    "all parts as one result: frames go up, results come back",
    "dropped: true DROP",
    "DEGRADED - a smaller model's answer",
    "stats: 2 complete, 1 degraded, 1 dropped",
  ],
  testing_with_memory: ["HELLO"],
};

for (const [name, lines] of Object.entries(EXPECTED)) {
  test(`the example ${name} prints what it promises`, async () => {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", new URL(`../examples/${name}.ts`, import.meta.url).pathname],
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    assertEquals(new TextDecoder().decode(stdout).trim().split("\n"), lines);
    assertEquals(success, true);
  });
}
