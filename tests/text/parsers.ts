/**
 * Every parser that reads bytes of a peer.
 *
 * @module
 */
import { coreParsers } from "./core_parsers.ts";
import type { Parser } from "./parser.ts";
import { toolParsers } from "./tool_parsers.ts";
import { webParsers } from "./web_parsers.ts";

/** All of them, in the order in which they are tried. */
export const ALL_PARSERS: readonly Parser[] = [...coreParsers, ...webParsers, ...toolParsers];
