/**
 * The core of NNRP/1: wire codec, session engines, and the contract that carriers fulfil. No I/O, no timers, no runtime API:
 * it runs in any JavaScript engine. Applications usually want `@nnrp/client` and `@nnrp/server`, which re-export what their
 * users need of this.
 *
 * @module
 */
export * from "./src/errors.ts";
export * from "./src/failures.ts";
export * from "./src/host.ts";
export * from "./src/linger.ts";
export * from "./src/memory_account.ts";
export * from "./src/callbacks.ts";
export * from "./src/contained_abort.ts";
export * from "./src/credential.ts";
export * from "./src/deadline_heap.ts";
export * from "./src/peer_text.ts";
export * from "./src/shown_address.ts";
export * from "./src/wire/mod.ts";
export * from "./src/body/mod.ts";
export * from "./src/session/mod.ts";
export * from "./src/carrier.ts";
export * from "./src/byte_stream.ts";
export * from "./src/byte_stream_carrier.ts";
export * from "./src/memory_carrier.ts";
export * from "./src/page_origin.ts";
export * from "./src/pull_byte_stream.ts";
export * from "./src/wire/borrowed_bytes.ts";
export * from "./src/wire/byte_arguments.ts";
export * from "./src/wire/limits.ts";
export * from "./src/wire/outbox.ts";
export * from "./src/wire/packet_cursor.ts";
export * from "./src/wire/packet_reader.ts";
export * from "./src/wire/write_queue.ts";
