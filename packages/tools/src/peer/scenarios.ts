/**
 * The scenarios of the reference interop peer: names, order and server flags are those of `nnrp_peer.py list`.
 *
 * @module
 */
import type { ScenarioPlay } from "./environment.ts";
import * as handshake from "./scenarios/handshake.ts";
import * as echo from "./scenarios/echo.ts";
import * as order from "./scenarios/order.ts";
import * as outcomes from "./scenarios/outcomes.ts";
import * as control from "./scenarios/control.ts";
import * as flow from "./scenarios/flow.ts";
import * as cache from "./scenarios/cache.ts";
import * as ending from "./scenarios/ending.ts";
import * as bytes from "./scenarios/bytes.ts";
import * as monitor from "./scenarios/monitor.ts";
import * as moving from "./scenarios/moving.ts";
import * as quicScenarios from "./scenarios/quic.ts";

/** One scenario. */
export interface Scenario {
  /** Flags the server must run with; empty = any server. */
  readonly flags?: string;
  /** The only carrier it is about. */
  readonly only?: "tcp" | "quic";
  /** Whether it needs a QUIC and a TCP port. */
  readonly both?: boolean;
  /** Plays it. */
  readonly play: ScenarioPlay;
}

/** All scenarios by name, in the order of the reference peer. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  hello: { play: handshake.hello },
  "hello-allocate": { play: handshake.helloAllocate },
  "hello-extensions": { play: handshake.helloExtensions },
  "hello-no-cache": { play: handshake.helloNoCache },
  "echo-tensor": { play: echo.echoTensor },
  "echo-dense": { play: echo.echoDense },
  "echo-index-modes": { play: echo.echoIndexModes },
  "echo-headers": { play: echo.echoHeaders },
  "echo-typed": { play: echo.echoTyped },
  "echo-mixed": { play: echo.echoMixed },
  big: { play: echo.big },
  pipeline: { play: order.pipeline },
  "out-of-order": { flags: "--reorder 8", play: order.outOfOrder },
  views: { flags: "--reorder 3", play: order.views },
  drop: { flags: "--drop-every 3", play: outcomes.drop },
  "result-classes": {
    flags: "--partial-every 2 --stale-every 3 --degraded-every 5",
    play: outcomes.resultClasses,
  },
  hints: { flags: "--hint-every 2", play: control.hints },
  flow: { flags: "--pause-after 2 --resume-after-ms 300", play: flow.flow },
  "flow-hold": {
    flags: "--pause-after 2 --resume-after-ms 400 --delay-ms 60 --max-concurrent-frames 2",
    play: flow.flowHold,
  },
  "patch-accept": { flags: "--patch accept", play: control.patchAccept },
  "patch-partial": { flags: "--patch partial", play: control.patchPartial },
  "patch-rate-limit": { flags: "--patch rate-limit", play: control.patchRateLimit },
  cache: { flags: "--cache", play: cache.cache },
  "cache-limit": { flags: "--cache --cache-max-object 64", play: cache.cacheLimit },
  ping: { play: control.ping },
  "auth-accept": { flags: "--require-auth sesame", play: handshake.authAccept },
  "auth-refuse": { flags: "--require-auth sesame", play: handshake.authRefuse },
  migrate: { flags: "--migrate accept", both: true, play: moving.migrate },
  "migrate-reject": { flags: "--migrate reject", both: true, play: moving.migrateReject },
  probe: { both: true, play: moving.probe },
  "probe-fallback": { flags: "--no-probe", both: true, play: moving.probeFallback },
  cancel: { flags: "--delay-ms 400", play: outcomes.cancel },
  "cancel-early": { flags: "--delay-ms 400", play: outcomes.cancelEarly },
  late: { flags: "--delay-ms 500", play: order.late },
  close: { play: ending.close },
  "server-close": { flags: "--close-after 2", play: ending.serverClose },
  "frame-error": { flags: "--error-every 2", play: outcomes.frameError },
  "bad-packets": { play: bytes.badPackets },
  "many-clients": { play: order.manyClients },
  "silent-client": { play: handshake.silentClient },
  "before-hello": { play: handshake.beforeHello },
  "split-writes": { only: "tcp", play: bytes.splitWrites },
  garbage: { only: "tcp", play: bytes.garbage },
  alpn: { only: "quic", play: quicScenarios.alpn },
  streams: { only: "quic", play: quicScenarios.streams },
  idle: { flags: "--idle-timeout 30", play: ending.idle },
  monitor: { play: monitor.monitor },
};
