import { dialClient, TypedPayload } from "@nnrp/client";
import { quic, webTransport } from "@nnrp/quic";
import { serve } from "@nnrp/server";
import { makeDevCertificates } from "./support/test_certificates.ts";
const { ca, cert, key, sha256 } = await makeDevCertificates();
const server = await serve({ listen: [quic({ port: 0, cert, key })] }, (f) => ({ typedPayloads: f.typedPayloads }));
const c = Deno.args[0] === "quic" ? quic({ caCerts: [ca] }) : webTransport({ serverCertificateHashes: [sha256] });
if (Deno.args[0] !== "none") {
const s = await dialClient("127.0.0.1", server.port, { carriers: [c] });
await s.submit({ typedPayloads: [TypedPayload.tokenChunk("x")] });
if (Deno.args[1] === "s") { await server.close(); await s.close(); } else { await s.close(); await server.close(); }
} else await server.close();
console.log("done", performance.now());
