/**
 * Why a test is skipped, told so that the runner hears it: Deno and Bun keep the `skip` of `node:test` to themselves.
 *
 * @module
 */

/**
 * For `{ skip: skipBecause(reason) }`: prints the reason, which holds for all skipped tests of the file.
 *
 * @param reason Why; nothing = not skipped.
 */
export function skipBecause(reason: string | null | undefined | false): string | false {
  if (!reason) return false;
  console.warn(`skipped: ${reason.replace(/\s+/g, " ")}`);
  return reason;
}
