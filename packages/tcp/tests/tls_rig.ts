/**
 * TLS listeners and peers for tests.
 *
 * @module
 */
import type { Carrier, CarrierListener, CarrierListenOptions, NnrpError } from "@nnrp/core";
import { connect, createServer, type Server, type Socket } from "node:net";
import { connect as tlsConnect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { type IssuedCertificate, makeAuthority } from "../../../tests/support/test_certificates.ts";
import { tls, type TlsOptions } from "../mod.ts";
import { Heard } from "@nnrp/testing/carrier-suite";

/** The authority of these tests. */
export const authority = await makeAuthority();
/** Its certificate. */
export const ca: string = authority.cert;
/** A certificate for the local names. */
export const server: IssuedCertificate = await authority.issueServer();

/** A TLS listener that hands out what arrives. */
export interface Listening {
  /** The listener. */
  readonly listener: CarrierListener;
  /** Its port. */
  readonly port: number;
  /** Connections that never made it. */
  readonly failures: { readonly remote: string; readonly error: NnrpError }[];
  /** Connections that came so far. */
  readonly carriers: Carrier[];
  /** The next connection. */
  next(): Promise<Carrier>;
}

/** Listens on a free port with the certificate of these tests. */
export async function listen(
  options: TlsOptions = {},
  limits: CarrierListenOptions = {},
): Promise<Listening> {
  const waiting: ((carrier: Carrier) => void)[] = [];
  const ready: Carrier[] = [];
  const carriers: Carrier[] = [];
  const failures: { remote: string; error: NnrpError }[] = [];
  const listener = await tls({ port: 0, cert: server.cert, key: server.key, ...options }).listen(
    (carrier) => {
      carriers.push(carrier);
      const take = waiting.shift();
      if (take) take(carrier);
      else ready.push(carrier);
    },
    { ...limits, failed: (remote, error) => failures.push({ remote, error }) },
  );
  return {
    listener,
    port: listener.port,
    failures,
    carriers,
    next: () => {
      const carrier = ready.shift();
      return carrier ? Promise.resolve(carrier) : new Promise((done) => waiting.push(done));
    },
  };
}

/** Dials a local port. */
export function dial(port: number, options: TlsOptions = { caCerts: [ca] }): Promise<Carrier> {
  return tls(options).dial({ host: "127.0.0.1", port });
}

/** Two connected carriers. */
export async function pair(
  options: { server?: TlsOptions; client?: TlsOptions; keepBodies?: boolean } = {},
): Promise<{ client: Heard; server: Heard; listener: CarrierListener }> {
  const at = await listen(options.server);
  const client = await dial(at.port, options.client);
  const accepted = await at.next();
  return {
    client: new Heard(client, options.keepBodies),
    server: new Heard(accepted, options.keepBodies),
    listener: at.listener,
  };
}

/** A TLS socket of `node:tls`, connected. */
export function rawTls(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({ host: "127.0.0.1", port, ca: [ca], servername: "localhost", ...options });
    socket.on("error", reject);
    socket.once("secureConnect", () => {
      socket.allowHalfOpen = true;
      resolve(socket);
    });
  });
}

/** A plain TCP socket, connected. */
export function rawTcp(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    socket.on("error", reject);
    socket.once("connect", () => resolve(socket));
  });
}

/** A plain TCP server. */
export function plainServer(onSocket: (socket: Socket) => void): Promise<{ port: number; close(): void }> {
  return new Promise((resolve) => {
    const sockets = new Set<Socket>();
    const listening: Server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      onSocket(socket);
    });
    listening.listen(0, "127.0.0.1", () =>
      resolve({
        port: (listening.address() as { port: number }).port,
        close: () => {
          for (const socket of sockets) socket.destroy();
          listening.close();
        },
      }));
  });
}

/** A connection in the middle that passes everything on until it is cut: both ends then see the end of TCP, without TLS's. */
export async function cuttable(port: number): Promise<{ port: number; cut(): void; close(): void }> {
  const halves: Socket[] = [];
  const middle = await plainServer((near) => {
    const far = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    far.on("error", () => {});
    near.on("data", (chunk) => far.write(chunk));
    far.on("data", (chunk) => near.write(chunk));
    halves.push(near, far);
  });
  return {
    port: middle.port,
    cut: () => halves.forEach((half) => half.end()),
    close: () => {
      halves.forEach((half) => half.destroy());
      middle.close();
    },
  };
}
