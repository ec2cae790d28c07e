import { type Carrier, NnrpTransportError, NnrpValueError } from "@nnrp/core";
import { dialClient, TypedPayload } from "@nnrp/client";
import { serve } from "@nnrp/server";
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { test } from "node:test";
import { Heard } from "../../../tests/support/carrier_suite.ts";
import { until } from "../../../tests/support/raw_peer.ts";
import { mountOnBun, mountOnDeno, mountOnNode, webSocket } from "../mod.ts";
import { RawWebSocket, upgradeRequest } from "../tests/raw_web_socket.ts";
import { mounted, startHttp } from "../tests/setups.ts";

test("a mount leaves the rest of the HTTP server alone, and tells the address it was given", async () => {
  const binding = mounted({ path: "/models/nnrp" });
  const server = await serve({ listen: [binding] }, (f) => ({ typedPayloads: f.typedPayloads }));
  const hello = await fetch(`http://127.0.0.1:${server.port}/hello`);
  assertEquals(await hello.text(), "hello");
  const session = await dialClient(`nnrp://127.0.0.1:${server.port}`, {
    carriers: [webSocket({ path: "/models/nnrp" })],
  });
  const result = await session.submit({ typedPayloads: [TypedPayload.tokenChunk("x")] });
  assertEquals(result.text(), "x");
  await assertRejects(
    () => dialClient(`nnrp://127.0.0.1:${server.port}`, { carriers: [webSocket()] }),
    Error,
    "404",
  );
  await session.close();
  await server.close();
});

test("without a server behind it a mount answers 503, before and after", async () => {
  const { binding, http } = await startHttp({});
  const dial = () => webSocket().dial({ host: "127.0.0.1", port: http.port });
  await assertRejects(dial, NnrpTransportError, "503");
  const carriers: Carrier[] = [];
  const listener = await binding.listen((carrier) => carriers.push(carrier));
  await assertRejects(() => binding.listen(() => {}), NnrpTransportError, "uses this mount already");
  const client = new Heard(await dial());
  await until(() => carriers.length === 1, "the connection");
  const server = new Heard(carriers[0]);
  await listener.close();
  await assertRejects(dial, NnrpTransportError, "no NNRP server listens behind this path");
  client.send(1);
  await until(() => server.frames.length === 1, "a packet of a connection that was there before");
  await Promise.all([client.carrier.close(), server.carrier.close()]);
  await http.close();
});

test("a mount without room for handshakes answers 503", async () => {
  const { binding, http } = await startHttp({});
  const listener = await binding.listen((carrier) => new Heard(carrier), { maxHandshakes: 0 });
  const peer = await RawWebSocket.connect(http.port);
  peer.send(upgradeRequest());
  const head = await peer.head();
  assert(head.startsWith("HTTP/1.1 503 "), head);
  assertStringIncludes(head.toLowerCase(), "retry-after: 1");
  peer.destroy();
  await listener.close();
  await http.close();
});

test("many upgrades at once all arrive, and those that vanish meanwhile harm nobody", async () => {
  const { binding, http } = await startHttp({});
  const carriers: Heard[] = [];
  const listener = await binding.listen((carrier) => carriers.push(new Heard(carrier)));
  const dialled = await Promise.all(Array.from({ length: 40 }, async (_, i) => {
    if (i % 4 === 0) {
      const peer = await RawWebSocket.connect(http.port);
      peer.send(upgradeRequest());
      peer.destroy();
      return null;
    }
    return new Heard(await webSocket().dial({ host: "127.0.0.1", port: http.port }));
  }));
  const clients = dialled.filter((heard) => heard !== null);
  for (const client of clients) client.send(7);
  await until(() => carriers.filter((c) => c.frames.length === 1).length === clients.length, "all of them");
  await Promise.all(clients.map((client) => client.carrier.close()));
  await until(() => carriers.every((c) => c.events.length > 0), "their ends");
  await Promise.all(carriers.map((c) => c.carrier.close()));
  await listener.close();
  await http.close();
});

test("a path without a leading slash is refused when the mount is made", () => {
  for (const make of [mountOnDeno, mountOnNode, mountOnBun]) {
    assertThrows(() => make({ path: "nnrp" }), NnrpValueError, "path");
  }
});
