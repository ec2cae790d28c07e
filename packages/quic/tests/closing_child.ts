/**
 * A server and its clients in a process of their own: opens, uses and closes all of them, and must end then.
 *
 * @module
 */
import { quic, webTransport } from "../mod.ts";
import { certificates, Heard, listening } from "./raw_quic.ts";

const { ca, sha256 } = await certificates();
const { port, next, listener } = await listening();
const names: string[] = [];
for (const dialler of [quic({ caCerts: [ca] }), webTransport({ serverCertificateHashes: [sha256] })]) {
  const client = new Heard(await dialler.dial({ host: "127.0.0.1", port }));
  client.send("control", 1);
  const server = new Heard(await next());
  await Promise.all([client.carrier.close(), server.carrier.close()]);
  names.push(server.carrier.name);
}
await listener.close();
console.log(names.join(" "));
