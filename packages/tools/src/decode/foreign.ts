/**
 * What an input is that is no NNRP, and what to do about it.
 *
 * @module
 */
import { looksLikeHex } from "./hex_text.ts";
import { findMagic } from "./stream.ts";

/** First bytes of what people mistake for packets, and what to do with it. */
const KNOWN: readonly (readonly [hex: string, what: string, todo: string])[] = [
  ["89504e47", "a PNG picture", "send it with nnrp submit"],
  ["ffd8ff", "a JPEG picture", ""],
  ["1f8b", "gzip data", "unpack it first: gunzip"],
  ["28b52ffd", "zstd data", "unpack it first: zstd -d"],
  ["504b0304", "a zip archive", "unpack it first"],
  ["d4c3b2a1", "a packet capture (pcap)", "export the TCP stream's bytes from it first"],
  ["a1b2c3d4", "a packet capture (pcap)", "export the TCP stream's bytes from it first"],
  ["0a0d0d0a", "a packet capture (pcapng)", "export the TCP stream's bytes from it first"],
  ["48545450", "HTTP", ""],
  ["474554", "HTTP", ""],
  ["1603", "TLS", "what is encrypted cannot be decoded; capture it at one of the ends"],
  ["7b", "JSON", "vectors are checked with nnrp vectors check"],
  ["5b", "JSON", "vectors are checked with nnrp vectors check"],
];

/**
 * Says what an input is that does not begin with a packet, and in a second line what to do.
 *
 * @param bytes The input, not empty.
 * @param name What to call it, for example its file name.
 * @param offset Where in it a packet was expected.
 * @param command How the user may call again, for example `nnrp decode FILE`.
 */
export function foreignInput(
  bytes: Uint8Array,
  name: string,
  offset: number,
  command: string,
): readonly [what: string, todo?: string] {
  const first = bytes.subarray(offset, offset + 4);
  const hex = [...first].map((byte) => byte.toString(16).padStart(2, "0"));
  const shown = `${name} is no NNRP: ${offset === 0 ? "it begins with" : `byte ${offset} is followed by`} ${
    hex.join(" ")
  }`;
  if (looksLikeHex(bytes.subarray(offset))) {
    return [`${shown}, which is hex text of NNRP`, `read it with: ${command} --hex`];
  }
  const magic = findMagic(bytes, offset);
  const packets = `, packets begin with 4e 4e 52 50 ("NNRP")`;
  if (magic !== null) {
    return [`${shown}${packets}`, `a packet may begin at byte ${magic}: ${command} --skip ${magic}`];
  }
  const known = KNOWN.find(([start]) => hex.join("").startsWith(start));
  if (known !== undefined) {
    const what = `${shown}, which looks like ${known[1]}${packets}`;
    return known[2] === "" ? [what] : [what, known[2]];
  }
  return [
    `${shown}${packets}`,
    "give bytes as they are on the connection, from the start of a packet; hex text needs --hex",
  ];
}
