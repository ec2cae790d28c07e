import { carrierSuite } from "../../../tests/support/carrier_suite.ts";
import { browserDialer, HERE, mounted } from "../tests/setups.ts";
import { webSocket } from "../mod.ts";

carrierSuite({
  name: "own framing",
  binding: () => webSocket({ port: 0 }),
  dialer: () => webSocket(),
  pauses: { client: true, server: true },
  halfClose: true,
});

carrierSuite({
  name: "browser's WebSocket, own server",
  binding: () => webSocket({ port: 0 }),
  dialer: browserDialer,
  pauses: { client: false, server: HERE !== "bun" }, // Bun's client tells nothing of what it has not sent
  halfClose: false,
});

carrierSuite({
  name: `mounted on ${HERE}`,
  binding: mounted,
  dialer: () => webSocket(),
  pauses: { client: true, server: HERE === "node" },
  halfClose: HERE === "node",
});
