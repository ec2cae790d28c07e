/**
 * A carrier that writes down what it hears, for tests.
 *
 * @module
 */
import {
  type Carrier,
  type CarrierSink,
  type CloseInfo,
  encodePacket,
  makePacket,
  MessageType,
} from "@nnrp/core";

const MIB = 1024 * 1024;

/** A started carrier and what it heard. */
export class Heard implements CarrierSink {
  /** The carrier. */
  readonly carrier: Carrier;
  /** Frame ids of its packets. */
  readonly frames: number[] = [];
  /** Their bodies, if they are kept. */
  readonly bodies: Uint8Array[] = [];
  /** `"end"`, `"fault NAME"`, `"closed"`. */
  readonly events: string[] = [];
  /** How it closed. */
  info: CloseInfo | null = null;
  /** Called for every packet. */
  onPacket: ((frameId: number) => void) | null = null;

  readonly #keepBodies: boolean;

  /** Starts a carrier. */
  constructor(carrier: Carrier, keepBodies = false) {
    this.carrier = carrier;
    carrier.limits.maxBodyBytes = 64 * MIB;
    this.#keepBodies = keepBodies;
    carrier.start(this);
  }
  /** Nothing to do. */
  begin(): void {}
  /** Writes it down. */
  packet(cursor: Parameters<CarrierSink["packet"]>[0]): void {
    this.frames.push(cursor.frameId);
    if (this.#keepBodies) this.bodies.push(cursor.body());
    this.onPacket?.(cursor.frameId);
  }
  /** Nothing to do. */
  turn(): void {}
  /** Writes it down. */
  fault(error: Error): void {
    this.events.push(`fault ${error.name}`);
  }
  /** Writes it down. */
  end(): void {
    this.events.push("end");
  }
  /** Writes it down. */
  closed(info: CloseInfo): void {
    this.info = info;
    this.events.push("closed");
  }
  /** Sends a packet. */
  send(frameId: number, body: Uint8Array = new Uint8Array(0)): void {
    const out = this.carrier.begin("control", frameId, 0);
    const head = encodePacket(makePacket({ msgType: MessageType.CLOSE, frameId, body })).subarray(0, 40);
    const at = out.reserve(40);
    out.bytes.set(head, at);
    out.append(body);
    this.carrier.commit("control", frameId, 0, true);
  }
}
