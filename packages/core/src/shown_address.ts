/**
 * Addresses without what may be secret in them.
 *
 * @module
 */

/**
 * An address as errors and reports show it: without user name, password, query and fragment, which often hold secrets.
 *
 * @param address Any text that may be an address.
 */
export function shownAddress(address: string | URL): string {
  const text = String(address);
  const scheme = text.indexOf("://");
  const start = scheme < 0 ? 0 : scheme + 3;
  let end = firstOf(text, "?#", start);
  let user = text.lastIndexOf("@", end - 1);
  // A password may hold what else begins a path or a query: then the last @ counts, wherever it stands.
  if (user < start && firstOf(text, "/", start) >= end) user = text.lastIndexOf("@");
  if (user > end) end = firstOf(text, "?#", user);
  const head = text.slice(0, start) +
    (user < start ? text.slice(start, end) : `…@${text.slice(user + 1, end)}`);
  return end === text.length ? head : `${head}${text[end]}…`;
}

/** Where one of the characters stands first; the length if none does. */
function firstOf(text: string, characters: string, start: number): number {
  for (let at = start; at < text.length; at++) if (characters.includes(text[at])) return at;
  return text.length;
}
