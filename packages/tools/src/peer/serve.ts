/**
 * `nnrp peer serve`: binds, serves every session as the flags say, prints events and totals.
 *
 * @module
 */
import process from "node:process";
import { NnrpServer } from "@nnrp/server";
import type { CarrierBinding } from "@nnrp/core";
import { quic } from "@nnrp/quic";
import { tcp } from "@nnrp/tcp";
import type { CommandInput } from "../command.ts";
import { sleep } from "./check.ts";
import { type Emit, jsonLines } from "./json_lines.ts";
import { refusePatch } from "./patch_policy.ts";
import { type ServerCertificates, serverCertificates } from "./server_certificates.ts";
import type { ServeFlags } from "./serve_flags.ts";
import { helloLine, ServedSession } from "./served_session.ts";

/** The reference clients ignore the advertised limit on purpose, so the enforced one is out of reach. */
const MAX_IN_FLIGHT_FRAMES = 65_536;

/**
 * Serves until a signal, the number of sessions or the lifetime ends it.
 *
 * @param flags Flags of the server.
 * @param io Where lines go, and the signal that ends it.
 * @returns Exit code.
 */
export async function servePeer(
  flags: ServeFlags,
  io: Pick<CommandInput, "print" | "warn" | "signal">,
): Promise<number> {
  const print = jsonLines(io.print);
  // A fault of this program is what someone looks for when a scenario hangs, so it goes to standard error as well.
  const emit: Emit = (line) => {
    print(line);
    if (line["event"] === "peer-bug") io.warn(String(line["error"]));
  };
  const certificates = flags.transport === "tcp" ? undefined : await serverCertificates(flags);
  const server = await bind(flags, certificates, emit);
  const port = (name: string) => server.addresses.find((address) => address.name === name)?.port;
  emit({
    event: "listening",
    host: flags.host,
    pid: process.pid,
    tcp_port: port("tcp"),
    quic_port: port("quic"),
    cafile: certificates?.caFile,
  });
  const open = new Set<ServedSession>();
  let finished = 0;
  await new Promise<void>((stop) => {
    const lifetime = setTimeout(stop, flags.lifetimeMs);
    const end = () => {
      clearTimeout(lifetime);
      stop();
    };
    if (io.signal.aborted) end();
    io.signal.addEventListener("abort", end, { once: true });
    const serve = async (session: ServedSession) => {
      open.add(session);
      await session.run();
      open.delete(session);
      finished += 1;
      if (flags.sessions > 0 && finished >= flags.sessions) end();
    };
    const accept = async () => {
      for await (const session of server) {
        serve(new ServedSession(session, flags, emit)).catch((error) =>
          emit({ event: "peer-bug", error: String(error) })
        );
      }
    };
    accept().catch((error) => emit({ event: "peer-bug", error: String(error) }));
  });
  for (const session of open) session.finish("server-stop");
  emit({ event: "stopped", sessions: finished, ...totals(server) });
  await server.close({ drainMs: 0 });
  return 0;
}

function bind(
  flags: ServeFlags,
  certificates: ServerCertificates | undefined,
  emit: Emit,
): Promise<NnrpServer> {
  const { host, port, quicPort } = flags;
  const listen: CarrierBinding[] = flags.transport === "quic" ? [] : [tcp({ host, port })];
  if (certificates !== undefined) {
    const { cert, key } = certificates;
    const idleTimeoutMs = flags.idleTimeoutMs;
    listen.push(quic({ host, port: quicPort, cert, key, idleTimeoutMs, webTransport: false }));
  }
  return NnrpServer.bind({
    listen,
    profile: {
      modelName: flags.modelName,
      maxConcurrentFrames: flags.maxConcurrentFrames,
      maxInFlightFrames: MAX_IN_FLIGHT_FRAMES,
      maxBodyBytes: flags.maxBodyBytes,
      enableCache: flags.cache,
      maxCacheObjectBytes: flags.cacheMaxObject,
    },
    migration: {
      enabled: flags.migrate,
      allowWithoutToken: true, // the reference clients have none
      graceWindowMs: flags.graceMs,
      resumeWindowMs: 0,
    },
    acknowledgeInvalidate: flags.ackInvalidate,
    answerProbes: !flags.noProbe,
    handshakeTimeoutMs: flags.helloTimeoutMs,
    idleTimeoutMs: flags.idleTimeoutMs,
    keepAliveMs: flags.idlePingMs,
    sessionId: flags.sessionId === 0 ? undefined : () => flags.sessionId,
    authValidator: async ({ authBlock, move }) => {
      if (flags.helloDelayMs > 0 && move === undefined) await sleep(flags.helloDelayMs);
      if (flags.requireAuth === undefined || sameText(authBlock, flags.requireAuth)) return true;
      return { refuse: flags.authReject };
    },
    patchPolicy: ({ mask }, session) => refusePatch(flags.patch, mask, session.stats.patches),
    log: ({ type, carrier, message, hello }) => {
      if (type === "auth-refused") emit({ event: type, transport: carrier, ...(hello && helloLine(hello)) });
      if (type === "handshake-refused") emit({ event: "refused", transport: carrier, reason: message });
    },
  });
}

function totals(server: NnrpServer) {
  const { stats } = server;
  return {
    connections: stats.connections,
    probes: stats.probes,
    probes_refused: stats.probesRefused,
    refused: stats.handshakesRefused - stats.authRefused,
    auth_refused: stats.authRefused,
    migrated: stats.migrated,
    migrations_refused: stats.migrationsRefused,
  };
}

function sameText(bytes: Uint8Array, text: string): boolean {
  const want = new TextEncoder().encode(text);
  return want.length === bytes.length && want.every((byte, i) => byte === bytes[i]);
}
