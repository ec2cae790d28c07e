/**
 * The contract between session engines and whatever moves bytes: a carrier owns a connection, and of the
 * protocol it knows only packet boundaries and the lanes packets travel on (behaviour spec §1–§3).
 *
 * @module
 */
import type { NnrpError } from "./errors.ts";
import type { Host } from "./host.ts";
import type { VanishedPacket } from "./wire/borrowed_bytes.ts";
import type { Lane } from "./wire/metadata/registry.ts";
import type { Outbox } from "./wire/outbox.ts";
import type { PacketCursor } from "./wire/packet_cursor.ts";

export type { Lane };

/** How a connection ended. */
export interface CloseInfo {
  /** Application error code of carriers that have one (QUIC); 0 elsewhere. */
  readonly code: number;
  /** Human-readable reason. */
  readonly reason: string;
  /** Whether this side asked for it. */
  readonly local: boolean;
  /** What went wrong, if something did: a wire error, a reset, a time-out. */
  readonly error?: NnrpError;
}

/** What a carrier calls. All calls come from the carrier's event loop turn, never from inside a call to the carrier. */
export interface CarrierSink {
  /** Before a batch of packets: the host reads the clock once. */
  begin(): void;
  /** One whole packet; header checked. The cursor is the carrier's and moves on after the call. */
  packet(packet: PacketCursor, lane: Lane, streamId: number): void;
  /**
   * A FRAME_SUBMIT or RESULT_PUSH begins whose body is over {@linkcode CarrierLimits.maxBodyBytes}, or large and still to come; of the
   * cursor nothing behind the metadata may be read. True: its body is read past and stored nowhere, and `packet` is not called.
   * False: it is taken; one over the limit is a `fault` then. In the order of the packets of its stream. Default: false.
   */
  skips?(packet: PacketCursor, lane: Lane): boolean;
  /** After the batch: the host flushes and wakes its waiters. */
  turn(): void;
  /**
   * Bytes that cannot be decoded: the last chance to send an ERROR; the carrier then closes gracefully by
   * itself.
   */
  fault(error: NnrpError): void;
  /**
   * The peer finished sending; this side may still send (half-close). Everything it sent before was delivered, on carriers with
   * several streams too: a session that moves relies on it (behaviour spec §11).
   */
  end(): void;
  /**
   * A committed packet will not arrive, for the caller's memory that it was to be sent from is not there any more: transferred, or
   * WebAssembly memory that has grown. Mostly no byte of it has left, and the connection goes on without it: only its frame fails. If
   * a part has left, the connection is lost, and `closed` follows. Called outside of batches, `turn` behind one or several: nothing
   * came from the peer. A sink without this method loses the connection.
   */
  vanished?(packet: VanishedPacket): void;
  /** Exactly once, last: nothing is read or written any more. Everything that came whole was delivered before. */
  closed(info: CloseInfo): void;
}

/** Options of {@linkcode Carrier.close}. */
export interface CarrierCloseOptions {
  /** Application error code, where the carrier has one (QUIC). Default 0. */
  readonly code?: number;
  /** Reason for the peer's log. */
  readonly reason?: string;
  /**
   * True (default): what was written before is sent first, then this side ends its sending and waits for the peer's end.
   * False: at once.
   */
  readonly graceful?: boolean;
  /**
   * Longest time of a graceful close in all, ms, any length; Infinity = as long as bytes leave. Default 20,000
   * ({@linkcode DRAIN_MS}).
   */
  readonly drainMs?: number;
  /**
   * How long a graceful close waits while no byte leaves, for the peer's end too, ms. Default {@linkcode
   * lingerMs}: 1,000, or some round trips where these take longer: enough for a last ERROR. For a large last
   * answer, give how long the path may stall: the system accepts the last megabytes at once, and only the
   * peer's end confirms that they arrived.
   */
  readonly stallMs?: number;
  /**
   * How long to wait between the last bytes and the end of the stream, ms. Default 0; some peers lose a last
   * ERROR that FIN follows at once (behaviour spec §4).
   */
  readonly endDelayMs?: number;
}

/** Limits a carrier enforces while cutting packets; see {@linkcode WireLimits} for values. */
export interface CarrierLimits {
  /** Largest metadata a header may announce, bytes. */
  maxMetadataBytes: number;
  /** Largest body a header may announce, bytes. */
  maxBodyBytes: number;
  /** Largest body of a TRANSPORT_PROBE, bytes. */
  maxProbeBodyBytes: number;
  /** Whether {@linkcode CarrierSink.skips} is asked; the engine sets it once there is a session. Default false. */
  skipsBodies?: boolean;
  /**
   * Most memory for what is read and cannot be shown yet, all streams together, packets that are not whole included, bytes;
   * beyond it the connection ends. For carriers with several streams, whose stacks keep what is not read: a server's carrier
   * sets it, and the engine sets it to Infinity once the client is accepted. Then reading pauses instead.
   */
  maxUnshownBytes?: number;
}

/** Who the peer proved to be, by a certificate that this side verified. */
export interface PeerIdentity {
  /** Subject of the certificate, at most 1 KiB, for example `"CN=alice"`; several attributes are separated by `", "`. For people. */
  readonly subject: string;
  /** Its one common name; empty if it has none, several, or one beyond 1 KiB. */
  readonly commonName: string;
  /** SHA-256 of the certificate, upper-case hexadecimal with colons. */
  readonly fingerprint256: string;
  /** Who issued it, in the form of `subject`; undefined where the carrier does not tell. */
  readonly issuer?: string;
  /**
   * Its subject alternative names, for example `"DNS:alice.example, URI:spiffe://mesh/alice"`; undefined =
   * none, or not reported.
   */
  readonly altNames?: string;
}

/** One connection to a peer: writes packets on lanes, cuts received bytes into packets. */
export interface Carrier {
  /** Transport as the wire names it: QUIC 1 (WebTransport too), TCP 2 (TLS, WebSocket and memory too). */
  readonly transport: number;
  /** `"tcp"`, `"tls"`, `"quic"`, `"webtransport"`, `"websocket"`, `"memory"`. */
  readonly name: string;
  /** Whether bytes are encrypted on the way (or never leave the process). */
  readonly encrypted: boolean;
  /** The peer's address for logs and auth, for example `"127.0.0.1:5000"`. */
  readonly remote: string;
  /** Server side: who the client proved to be, where client certificates are asked for and this one gave one. */
  readonly peerIdentity?: PeerIdentity | undefined;
  /**
   * Client side: true if the server's certificate was not checked, as the caller asked
   * (`insecureSkipVerify`).
   */
  readonly unverified?: boolean;
  /** Whether control may overtake frames (carriers with several streams). */
  readonly multiStream: boolean;
  /** What the reader refuses; the engine changes it as the session goes on. */
  readonly limits: CarrierLimits;
  /** Starts reading. Called once. */
  start(sink: CarrierSink): void;
  /** Opens a packet on a lane: write it into the returned outbox, then call {@linkcode Carrier.commit}. */
  begin(lane: Lane, frameId: number, viewId: number): Outbox;
  /** Ends the packet. `last`: nothing more comes for this frame on this lane (FIN on QUIC). Sends at the end of the turn. */
  commit(lane: Lane, frameId: number, viewId: number, last: boolean): void;
  /** The frame ended another way (error, cancel): its stream, if it has one, can end. */
  endFrame(lane: Lane, frameId: number, viewId: number): void;
  /** Starts sending what was committed now instead of at the end of the turn. */
  flush(): void;
  /** Bytes committed and not yet accepted by the runtime. */
  readonly bufferedBytes: number;
  /**
   * Bytes accepted by the runtime, or left out, since the start: shows whether a slow peer still makes
   * progress.
   */
  readonly sentBytes: number;
  /** Memory of packets of which only a part has come, all streams together, bytes. Default: the carrier cannot tell. */
  readonly heldBytes?: number;
  /** Bytes received since the start: shows whether the peer is alive. */
  readonly receivedBytes: number;
  /**
   * How long a round trip on this path may take, ms, as the session measured it last; undefined = it did not yet. The session sets it;
   * the carrier waits for its peer accordingly when it ends, and so does the session when it leaves the path.
   */
  roundTripMs?: number | undefined;
  /**
   * Resolves when no caller's memory is needed any more for what was committed before the call; null if that is so already
   * (small payloads are copied at once). Never rejects.
   */
  released(): Promise<void> | null;
  /**
   * Resolves when everything committed before the call was accepted by the runtime, or never can be. Never
   * rejects.
   */
  drained(): Promise<void>;
  /**
   * Id of the stream that the last packet of a lane travelled on, whichever way it goes. Streams that share one byte stream have
   * made-up ids: control 0, frames 2, 6, 10, … (behaviour spec §2).
   */
  lastStreamId(lane: Lane): number;
  /** Unreliable datagrams, where the carrier has them. */
  readonly datagrams?: CarrierDatagrams;
  /** Stops reading after the present batch (receive backpressure). */
  pause(): void;
  /** Resumes reading. */
  resume(): void;
  /**
   * Ends this side's sending after what was committed (half-close); reading goes on until the peer ends too, and whoever owns the
   * carrier closes it then. Nothing may be committed after it. The old path of a session that moves ends this way.
   */
  endSending(): void;
  /** Closes; resolves when {@linkcode CarrierSink.closed} was called. */
  close(options?: CarrierCloseOptions): Promise<void>;
}

/** Datagrams of a QUIC connection: unordered, unreliable, at most a packet long (behaviour spec §3). */
export interface CarrierDatagrams {
  /** Largest datagram the path takes now, bytes; changes with its MTU. */
  readonly maxBytes: number;
  /**
   * Sends a datagram, which may get lost. Its bytes are copied. Throws NnrpValueError if it is too long, or
   * its memory has vanished.
   */
  send(bytes: Uint8Array): void;
  /** Received datagrams; the queue is bounded and drops the oldest. Ends with the connection. */
  received(): AsyncIterable<Uint8Array>;
}

/** Address to dial. */
export interface DialTarget {
  /** Host name or address. */
  readonly host: string;
  /** Port, 1…65535. */
  readonly port: number;
  /** Path on the server, for carriers that have one (WebSocket, WebTransport). Default `"/nnrp"`. */
  readonly path?: string;
  /** Whether the bytes must be encrypted; carriers that can do both (WebSocket) do so then. */
  readonly encrypted?: boolean;
}

/** Options of one dial attempt. */
export interface CarrierDialOptions {
  /** Cancels the attempt; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Provides time, timers and random numbers. Default: the machine. */
  readonly runtime?: Host;
}

/** An address scheme that means one certain carrier. */
export interface DialScheme {
  /** Without the colon, for example `"nnrp+tcp"`; small letters, digits, `+`, `-`, `.`. */
  readonly scheme: string;
  /** Whether the bytes must be encrypted. */
  readonly encrypted: boolean;
  /** Port of addresses that name none. Default 4433. */
  readonly port?: number;
  /** Whether addresses may have a path. Default false. */
  readonly hasPath?: boolean;
}

/** A carrier as a value, client side: `tcp()`, `quic()`, … */
export interface CarrierDialer {
  /** Carrier name, for example `"tcp"`. */
  readonly name: string;
  /** Transport id on the wire. */
  readonly transport: number;
  /** Whether it always encrypts. */
  readonly encrypted: boolean;
  /** Whether it can encrypt if {@linkcode DialTarget.encrypted} asks for it. Default: `encrypted`. */
  readonly canEncrypt?: boolean;
  /** Address schemes that mean this carrier, where it is among those given to a dial. Default: none. */
  readonly schemes?: readonly DialScheme[];
  /**
   * Which of the ports by transport (`ports` of a dial) it dials: the first of these that is given. Default: `["quic"]` for
   * TransportId QUIC, else `["tcp"]`.
   */
  readonly portFamilies?: readonly string[];
  /** Opens a connection. Rejects with NnrpTransportError, or NnrpUnsupportedError where the runtime lacks something. */
  dial(target: DialTarget, options?: CarrierDialOptions): Promise<Carrier>;
}

/** A bound listener. */
export interface CarrierListener {
  /** Carrier name, for example `"tcp"`. */
  readonly name: string;
  /** Host name or address it is bound to. */
  readonly host: string;
  /** Port it is bound to; never 0. */
  readonly port: number;
  /** Stops accepting; live connections go on. */
  close(): Promise<void>;
}

/** Options that a server passes to its listeners. */
export interface CarrierListenOptions {
  /** Longest time a connection may take until it is handed over (TLS, HTTP upgrade, QUIC handshake), ms. Default 10,000. */
  readonly handshakeTimeoutMs?: number;
  /** Handshakes that may run concurrently; further connections are closed. Default 1,024. */
  readonly maxHandshakes?: number;
  /** Called once for each connection that failed before it was handed over, for the log. */
  readonly failed?: (remote: string, error: NnrpError) => void;
  /** Provides time, timers and random numbers. Default: the machine. */
  readonly runtime?: Host;
}

/** A carrier as a value, server side: `tcp({ port })`, … */
export interface CarrierBinding {
  /** Carrier name, for example `"tcp"`. */
  readonly name: string;
  /** Transport id on the wire. */
  readonly transport: number;
  /** Binds and accepts; each connection is handed over unstarted. Rejects with NnrpTransportError. */
  listen(accept: (carrier: Carrier) => void, options?: CarrierListenOptions): Promise<CarrierListener>;
}
