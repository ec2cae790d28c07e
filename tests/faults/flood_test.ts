/**
 * Connections beyond what a server takes: whatever comes, it holds no more sockets than it said (`maxConnections`, `maxFarewells`).
 *
 * @module
 */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import {
  type Carrier,
  type CarrierBinding,
  type CarrierDialer,
  type CarrierSink,
  memoryNetwork,
  MessageType,
} from "@nnrp/core";
import { systemHost } from "@nnrp/runtime";
import { dialClient, TypedPayload } from "@nnrp/client";
import { quic } from "@nnrp/quic";
import { serve } from "@nnrp/server";
import { tcp, tls } from "@nnrp/tcp";
import { webSocket } from "@nnrp/websocket";
import { disguised } from "../support/disguise.ts";
import { until } from "../support/raw_peer.ts";
import { makeAuthority } from "../support/test_certificates.ts";

const MAX_CONNECTIONS = 10;
const FLOOD = 200;

/** How many of a server's connections are open. */
class Count {
  now = 0;
  most = 0;

  /** Counts a connection until its carrier was closed at once, or says that it is gone. */
  add(carrier: Carrier): void {
    this.now++;
    let open = true;
    const gone = () => {
      if (open) this.now--;
      open = false;
    };
    const { start, close } = carrier;
    Object.assign(carrier, {
      start: (sink: CarrierSink) => {
        start.call(carrier, {
          begin: () => sink.begin(),
          packet: (cursor, lane, streamId) => sink.packet(cursor, lane, streamId),
          turn: () => sink.turn(),
          fault: (error) => sink.fault(error),
          end: () => sink.end(),
          closed: (info) => {
            gone();
            sink.closed(info);
          },
        });
      },
      close: (options: Parameters<Carrier["close"]>[0]) => {
        if (options?.graceful === false) gone();
        return close.call(carrier, options);
      },
    });
  }

  /** The server has decided what to do with the newest. */
  look(): void {
    this.most = Math.max(this.most, this.now);
  }
}

function counted(binding: CarrierBinding, count: Count): CarrierBinding {
  const inner = disguised(binding, {}, (carrier) => count.add(carrier));
  return {
    ...inner,
    listen: (accept, options) =>
      inner.listen((carrier) => {
        accept(carrier);
        count.look();
      }, options),
  };
}

/** A client that says nothing and stays as long as it may. */
async function silent(dialer: CarrierDialer, port: number) {
  const peer = { told: false, gone: false };
  try {
    const carrier = await dialer.dial({ host: "127.0.0.1", port });
    carrier.start({
      begin: () => {},
      packet: (cursor) => peer.told ||= cursor.msgType === MessageType.ERROR,
      turn: () => {},
      fault: () => {},
      end: () => peer.gone = true, // this side stays open: the server must not wait for it
      closed: () => peer.gone = true,
    });
    return { peer, leave: () => carrier.close({ graceful: false }) };
  } catch {
    peer.gone = true; // cut before it saw that it was connected
    return { peer, leave: () => Promise.resolve() };
  }
}

const authority = await makeAuthority();
const { cert, key } = await authority.issueServer();
const caCerts = [authority.cert];
const net = () => {
  const memory = memoryNetwork({ runtime: systemHost() });
  return { listen: memory, dial: memory };
};
const NETWORKS: Record<string, () => { listen: CarrierBinding; dial: CarrierDialer }> = {
  memory: net,
  tcp: () => ({ listen: tcp({ port: 0 }), dial: tcp() }),
  tls: () => ({ listen: tls({ port: 0, cert, key }), dial: tls({ caCerts }) }),
  websocket: () => ({ listen: webSocket({ port: 0 }), dial: webSocket() }),
  ...("Deno" in globalThis
    ? { quic: () => ({ listen: quic({ port: 0, cert, key }), dial: quic({ caCerts }) }) }
    : {}),
};

for (const [name, make] of Object.entries(NETWORKS)) {
  for (const maxFarewells of [0, 5]) {
    test(`${name}: ${FLOOD} connections where ${MAX_CONNECTIONS} are allowed: ${maxFarewells} more at most`, async () => {
      const count = new Count();
      const { listen, dial } = make();
      const log = { refused: 0 };
      const server = await serve({
        listen: [counted(listen, count)],
        maxConnections: MAX_CONNECTIONS,
        maxFarewells,
        log: ({ type }) => {
          if (type === "connection-refused") log.refused++;
        },
      }, (frame) => ({ typedPayloads: frame.typedPayloads }));
      const good = await dialClient("127.0.0.1", server.port, { carriers: [dial] });
      const flood: Awaited<ReturnType<typeof silent>>[] = [];
      for (let i = 0; i < FLOOD; i += 50) {
        flood.push(...await Promise.all(Array.from({ length: 50 }, () => silent(dial, server.port))));
        const answer = await good.submit({ typedPayloads: [TypedPayload.tokenChunk("fine")] });
        assertEquals(answer.text(), "fine");
      }
      const refused = FLOOD - (MAX_CONNECTIONS - 1);
      await until(() => flood.filter(({ peer }) => peer.gone).length === refused, "the rest to be gone");
      await until(() => server.stats.farewells === 0, "the server to have said goodbye");
      const { open, refusedConnections, cutConnections } = server.stats;
      assertEquals([open, refusedConnections, log.refused], [MAX_CONNECTIONS, refused, refused]);
      assert(count.most <= MAX_CONNECTIONS + maxFarewells, `${count.most} sockets at once`);
      assertEquals(count.now, MAX_CONNECTIONS);
      const told = flood.filter(({ peer }) => peer.told).length;
      assert(refused - cutConnections >= maxFarewells, `${cutConnections} cut`);
      // A QUIC client that has sent nothing has no stream on which it could be told.
      assertEquals(told, name === "quic" ? 0 : refused - cutConnections);
      await Promise.all(flood.map(({ leave }) => leave()));
      await until(() => server.stats.open === 1, "room");
      const next = await dialClient("127.0.0.1", server.port, { carriers: [dial] });
      await Promise.all([good.close({ drainMs: 0 }), next.close({ drainMs: 0 })]);
      await server.close({ drainMs: 0 });
    });
  }
}
