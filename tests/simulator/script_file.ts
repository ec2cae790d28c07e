/**
 * Scripts as text, to be kept and played again.
 *
 * @module
 */
import type { Script } from "./script.ts";

/** The script as JSON; `Infinity`, which JSON has not, as a string. */
export function scriptToText(script: Script): string {
  return JSON.stringify(script, (_, value) => value === Infinity ? "Infinity" : value, 2);
}

/**
 * Reads what {@linkcode scriptToText} wrote.
 *
 * @throws SyntaxError if it is no JSON, TypeError if it is no script.
 */
export function scriptFromText(text: string): Script {
  const script = JSON.parse(text, (_, value) => value === "Infinity" ? Infinity : value) as Script;
  const isScript = Number.isSafeInteger(script?.seed) && script.stormMs > 0 &&
    [script.servers, script.clients, script.faults, script.without].every(Array.isArray);
  if (!isScript) throw new TypeError("this is no script of the simulator");
  return script;
}
