/**
 * The rule that no test waits for milliseconds finds them in every shape in which they were written here, and nothing else.
 */
import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { fixedWaits } from "../.ci/rules.ts";

const call = "set" + "Timeout"; // the rule reads this file too

const WAITS = [
  `await new Promise((done) => ${call}(done, 20));`,
  `await new Promise<void>((done) => ${call}(done, 1));`,
  `await new Promise(done => ${call}(done, 0.5));`,
  `await new Promise<void>((done) => { ${call}(done, MS); });`,
  `await new Promise((done) => {\n  ${call}(done, 2 * 50);\n});`,
  `return new Promise((done) => ${call}(() => done(say("late")), 300));`,
  `const late = new Promise<false>((done) => ${call}(() => done(false), 150));`,
  `const pause = (ms: number) => new Promise<void>((done) => ${call}(done, ms));`,
  `timer = new Promise((_, reject) => 0), new Promise((done, fail) => ${call}(done, 7));`,
  `await ${"sl" + "eep"}(100);`,
  `await ${"de" + "lay"}(5);`,
  `await ${"pa" + "use"}(30);`,
  `await Deno.${"sl" + "eep"}Sync(30);`,
  `import { ${call} as later } from "node:timers${"/"}promises";`,
];
const OTHERS = [
  `await new Promise((done) => ${call}(done, 0));`,
  `await new Promise<void>((done) => ${call}(done, 0),);`,
  `const timer = ${call}(() => child.kill("SIGKILL"), 20_000);`,
  `const late = new Promise<never>((_, reject) => ${call}(() => reject(new Error("late")), LIMIT_MS));`,
  `await world.sleep(60_000); await host.sleep(5); await this.#sleep(3);`,
  `await until(() => seen, "it");`,
  `at.client.carrier.pause();`,
  `// await new Promise((done) => ${call}(done, 20));`,
];

test("a fixed wait is found, whatever it looks like, and where it is", () => {
  for (const wait of WAITS) {
    const found = fixedWaits("a_test.ts", `const x = 1;\n${wait}\n`);
    assertEquals([found.length, found[0]?.startsWith("a_test.ts:2: ")], [1, true], wait);
  }
});

test("turns of the event loop, limits, virtual time and comments are none", () => {
  for (const other of OTHERS) assertEquals(fixedWaits("a_test.ts", other), [], other);
});

test("a wait that gives its reason may stay", () => {
  for (const wait of WAITS) {
    const reason = "// fixed wait: between two looks";
    assertEquals(fixedWaits("a_test.ts", `${reason}\n${wait}`), [], wait);
    assertEquals(fixedWaits("a_test.ts", `// fixed wait:\n${wait}`).length, 1, wait);
    assertEquals(fixedWaits("a_test.ts", `${reason}\n\n${wait}`).length, 1, wait);
  }
});
