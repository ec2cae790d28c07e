/**
 * The bare peer on Deno: `Deno.listen`, `Deno.connect`, one read loop and one write loop per connection.
 * `server` prints its port; `client PORT` measures; `tls server`, `tls client PORT`: the same over TLS.
 *
 * @module
 */
import { Cutter } from "./bare_cutter.ts";
import type { OnFrame } from "./bare_frame.ts";
import { answer, Client } from "./bare_load.ts";
import { Writer } from "./bare_writer.ts";
import { benchCertificates } from "./certificates.ts";
import { control } from "./control.ts";

/** Sends what `out` collects; while a write is under way the next batch collects. */
function sender(conn: Deno.Conn, out: Writer): () => void {
  let writing = false;
  const send = async (): Promise<void> => {
    writing = true;
    while (out.waiting) {
      for (const part of out.take()) {
        let sent = await conn.write(part);
        while (sent < part.length) sent += await conn.write(part.subarray(sent));
      }
      out.done();
    }
    writing = false;
  };
  return () => {
    if (!writing && out.waiting) send().catch(() => {});
  };
}

/** Reads until the peer is gone; `flush` runs after the frames of each read. */
async function receive(conn: Deno.Conn, onFrame: OnFrame, flush: () => void): Promise<void> {
  const cutter = new Cutter(onFrame);
  while (true) {
    const n = await conn.read(cutter.room);
    if (n === null) return;
    cutter.read(n);
    flush();
  }
}

const secure = Deno.args[0] === "tls";
const [role, port] = Deno.args.slice(secure ? 1 : 0);
const certificates = secure ? await benchCertificates() : null;

if (role === "server") {
  const address = { hostname: "127.0.0.1", port: 0 };
  const listener = certificates ? Deno.listenTls({ ...address, ...certificates }) : Deno.listen(address);
  (async () => {
    for await (const conn of listener as Deno.Listener) {
      if (!secure) (conn as Deno.TcpConn).setNoDelay(true); // Deno's TLS cannot
      const out = new Writer();
      receive(conn, answer(out), sender(conn, out)).catch(() => {});
    }
  })();
  await control(
    { port: (listener.addr as Deno.NetAddr).port },
    () => Promise.reject(new Error("a server takes no jobs")),
  );
} else {
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  tcp.setNoDelay(true);
  const conn = certificates
    ? await Deno.startTls(tcp, { hostname: "127.0.0.1", caCerts: [certificates.ca] })
    : tcp;
  const out = new Writer();
  const flush = sender(conn, out);
  const client = new Client(out, flush);
  receive(conn, client.onFrame, flush).catch(() => {});
  await control({ ready: true }, (job) => client.run(job));
}
