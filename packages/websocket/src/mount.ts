/**
 * What the mounts into other people's HTTP servers have in common: a binding without a port of its own, to which WebSockets are
 * brought.
 *
 * @module
 */
import {
  type ByteStream,
  type CarrierBinding,
  type GuardedListening,
  guardListening,
  type Host,
  NnrpTransportError,
  NnrpValueError,
  originRules,
  TransportId,
} from "@nnrp/core";
import { Handshakes, systemHost } from "@nnrp/runtime";
import { UPGRADE } from "./handshake_kind.ts";
import { judgeUpgrade, refusal, type UpgradeRequest, type UpgradeVerdict } from "./upgrade_request.ts";
import { carrierOn, DEFAULT_PATH } from "./websocket_carrier.ts";

/** Options of the mounts. */
export interface MountOptions {
  /** Path of the endpoint. Default `"/nnrp"`. */
  readonly path?: string;
  /**
   * Origins of web pages that may connect, for example `"https://app.example"`, and no others; `"*"` = all. Default: pages of
   * {@linkcode MountOptions.hosts} on any port (`https://` ones if this HTTP server is encrypted), and pages of loopback hosts for
   * visitors on this machine. Programs send no origin and are not affected. See docs/security.md.
   */
  readonly allowedOrigins?: readonly string[];
  /**
   * Names and addresses the server is known by, without port, for example `"app.example"`. Their pages may connect unless
   * `allowedOrigins` is given. What a request says in its Host field does not count.
   */
  readonly hosts?: readonly string[];
  /** Host that `server.addresses` tells, and one of `hosts`. Default `"localhost"`. */
  readonly host?: string;
  /** Port that `server.addresses` tells, 1…65535. Default 80. */
  readonly port?: number;
}

/** The inside of a mount. */
export interface Mount {
  /** What `serve({ listen: [ … ] })` takes. */
  readonly binding: CarrierBinding;
  /** Whose time, timers and random numbers its connections use: the server's, once one uses it. */
  readonly host: Host;
  /**
   * Judges a request, and whether there is room for it. A refused handshake is reported to the server, once.
   */
  judge(request: UpgradeRequest): UpgradeVerdict;
  /**
   * A handshake began for a request that was accepted: call the result with what became of it. After `late` the connection is to be
   * cut.
   */
  shaking(
    remote: string,
    late: () => void,
  ): (outcome: { stream: ByteStream; encrypted: boolean } | Error) => void;
}

/** Answers to what was no handshake: other paths and methods, or no wish to upgrade. */
const ORDINARY: ReadonlySet<number> = new Set([404, 405, 426]);

/** Makes a mount. */
export function mount(options: MountOptions): Mount {
  const { path = DEFAULT_PATH, host = "localhost", port = 80 } = options;
  if (!path.startsWith("/")) {
    throw new NnrpValueError("is no path", { field: "path", expected: "a leading /", actual: path });
  }
  const origins = originRules(options, host, "mount.");
  let server: Server | null = null;
  const machine = systemHost();
  const binding: CarrierBinding = {
    name: "websocket",
    transport: TransportId.TCP,
    listen(onCarrier, listenOptions = {}) {
      if (server !== null) {
        return Promise.reject(new NnrpTransportError("websocket", "a server uses this mount already"));
      }
      const { runtime = machine } = listenOptions;
      const { accept, failed } = guardListening(onCarrier, listenOptions);
      const handshakes = new Handshakes(UPGRADE, runtime, { ...listenOptions, failed });
      server = { host: runtime, accept, failed, handshakes };
      const close = () => {
        server = null;
        return Promise.resolve();
      };
      return Promise.resolve({ name: "websocket", host, port, close });
    },
  };
  const judged = (request: UpgradeRequest): UpgradeVerdict => {
    const verdict = judgeUpgrade(request, { path, origins });
    if (!verdict.accepted) return verdict;
    if (server === null) return refusal(503, "no NNRP server listens behind this path");
    if (server.handshakes.isFull) {
      return refusal(503, "too many connections are shaking hands", { "retry-after": "1" });
    }
    return verdict;
  };
  return {
    binding,
    get host() {
      return server?.host ?? machine;
    },
    judge(request) {
      const verdict = judged(request);
      if (!verdict.accepted && server !== null && !ORDINARY.has(verdict.status)) {
        const words = `refused with HTTP ${verdict.status}: ${verdict.body}`;
        server.failed(request.remote, new NnrpTransportError("websocket", words));
      }
      return verdict;
    },
    shaking(remote, late) {
      // Who accepted the request takes the connection, unless it has closed meanwhile.
      const by = server!;
      const handshake = by.handshakes.begin(remote, late)!;
      return (outcome) => {
        if (outcome instanceof Error) handshake.failed(outcome);
        else if (!handshake.succeeded()) return; // it is being cut
        else if (server !== by) outcome.stream.destroy();
        else by.accept(carrierOn(outcome.stream, by.host, { remote, encrypted: outcome.encrypted }));
      };
    },
  };
}

/** The server that uses a mount. */
interface Server extends GuardedListening {
  readonly host: Host;
  readonly handshakes: Handshakes;
}
