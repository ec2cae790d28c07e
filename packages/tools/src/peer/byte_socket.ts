/**
 * A bare TCP socket for scenarios about bytes that are no packets, or come in odd pieces.
 *
 * @module
 */
import { connect, type Socket } from "node:net";
import { decodePacket, HEADER_SIZE, type NnrpPacket } from "@nnrp/core";
import { within } from "./check.ts";

/** A connected socket and what it has received. */
export class ByteSocket {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  #received: Uint8Array = new Uint8Array(0);
  #ended: "closed" | "reset" | undefined;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    const end = (how: "closed" | "reset") => {
      this.#ended ??= how;
      this.#wake?.();
    };
    socket.on("data", (chunk: Uint8Array) => {
      const all = new Uint8Array(this.#received.length + chunk.length);
      all.set(this.#received);
      all.set(chunk, this.#received.length);
      this.#received = all;
      this.#wake?.();
    });
    socket.on("end", () => end("closed"));
    socket.on("close", () => end("closed"));
    socket.on("error", () => end("reset"));
  }

  /**
   * Connects.
   *
   * @param host Server.
   * @param port Its TCP port.
   * @param timeoutMs Limit of every wait.
   */
  static async connect(host: string, port: number, timeoutMs: number): Promise<ByteSocket> {
    const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
    const opened = new Promise<void>((resolve, reject) => {
      socket.once("connect", () => resolve());
      socket.once("error", reject);
    });
    await within(opened, timeoutMs, "TCP connect");
    return new ByteSocket(socket, timeoutMs);
  }

  /**
   * Writes bytes in one call; resolves when the runtime took them.
   *
   * @param bytes What to write.
   */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => error ? reject(error) : resolve());
    });
  }

  /** Says that nothing more will be written (FIN). */
  finish(): void {
    this.#socket.end();
  }

  /** The next whole packet. */
  async readPacket(): Promise<NnrpPacket> {
    await this.#wait(() => this.#received.length >= HEADER_SIZE, "a packet header");
    const head = new DataView(this.#received.buffer, this.#received.byteOffset, HEADER_SIZE);
    const length = HEADER_SIZE + head.getUint32(12, true) + head.getUint32(16, true);
    await this.#wait(() => this.#received.length >= length, "a whole packet");
    const packet = decodePacket(this.#received.slice(0, length));
    this.#received = this.#received.slice(length);
    return packet;
  }

  /**
   * What the other side does: answers with bytes, closes, resets, or leaves the connection open.
   *
   * @param ms How long to watch.
   */
  async outcome(ms: number): Promise<string> {
    try {
      await this.#wait(() => this.#received.length > 6 || this.#ended !== undefined, "an outcome", ms);
    } catch {
      return "left open";
    }
    return this.#received.length > 6
      ? `answered type 0x${this.#received[6].toString(16)}`
      : this.#ended ?? "";
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  async #wait(ready: () => boolean, what: string, ms = this.#timeoutMs): Promise<void> {
    const until = Date.now() + ms;
    while (!ready()) {
      if (this.#ended !== undefined) throw new Error(`connection ${this.#ended} while waiting for ${what}`);
      const woken = new Promise<void>((wake) => this.#wake = wake);
      await within(woken, Math.max(1, until - Date.now()), what);
    }
  }
}
