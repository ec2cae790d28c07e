/**
 * A client in a process of its own, to be killed: dials what standard input says, sends one packet, waits.
 *
 * @module
 */
import { quic, webTransport } from "../mod.ts";
import { Heard } from "./raw_quic.ts";

const { how, port, ca, sha256 } = await new Response(Deno.stdin.readable).json();
const dialler = how === "quic"
  ? quic({ caCerts: [ca], keepAliveMs: 0 })
  : webTransport({ serverCertificateHashes: [Uint8Array.from(sha256)] });
new Heard(await dialler.dial({ host: "127.0.0.1", port })).send("control", 1);
await new Promise(() => setTimeout(() => {}, 60_000));
