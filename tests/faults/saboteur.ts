/**
 * Makes one call between a carrier and its host throw, on chosen connections: what a defect in either would do.
 *
 * @module
 */
import type { Carrier, CarrierBinding, CarrierDialer, CarrierSink } from "@nnrp/core";

/** Calls of the carrier to its host. */
const SINK = ["begin", "packet", "turn", "end", "closed"] as const;
/** Calls of the host to its carrier. */
const CARRIER = ["start", "begin", "commit", "endFrame", "pause", "resume", "released"] as const;

/** What can be made to throw. */
export type Target = `sink.${typeof SINK[number]}` | `carrier.${typeof CARRIER[number]}`;

/** All of it. */
export const SABOTAGE: readonly Target[] = [
  ...SINK.map((name) => `sink.${name}` as const),
  ...CARRIER.map((name) => `carrier.${name}` as const),
];

class Sabotage extends TypeError {}

/** Whether an error was thrown here. */
export function isSabotage(error: unknown): boolean {
  return error instanceof Sabotage;
}

/** Spoils carriers. */
export class Saboteur {
  /** What throws on connections that are accepted from now on; null = nothing. */
  target: Target | null = null;
  /** Whether anything threw since the last connection was spoiled. */
  struck = false;

  /** A binding whose connections are spoiled while there is a target. */
  binding(binding: CarrierBinding): CarrierBinding {
    return {
      ...binding,
      listen: (accept, options) =>
        binding.listen((carrier) => {
          if (this.target !== null) this.#spoil(carrier, this.target);
          accept(carrier);
        }, options),
    };
  }

  /** A dialer whose connections are spoiled. */
  dialer(dialer: CarrierDialer, target: Target): CarrierDialer {
    return {
      ...dialer,
      dial: async (...args) => {
        const carrier = await dialer.dial(...args);
        this.#spoil(carrier, target);
        return carrier;
      },
    };
  }

  #spoil(carrier: Carrier, target: Target): void {
    this.struck = false;
    const [side, name] = target.split(".");
    const strike = (): never => {
      this.struck = true;
      throw new Sabotage(`${target} was sabotaged`);
    };
    if (side === "carrier") {
      Object.defineProperty(carrier, name, { value: strike });
      return;
    }
    const start = carrier.start.bind(carrier);
    carrier.start = (sink) => {
      const spoiled: CarrierSink = {
        begin: () => sink.begin(),
        packet: (...args) => sink.packet(...args),
        turn: () => sink.turn(),
        fault: (error) => sink.fault(error),
        end: () => sink.end(),
        closed: (info) => sink.closed(info),
      };
      const call = spoiled[name as typeof SINK[number]] as (...args: unknown[]) => void;
      Object.assign(spoiled, {
        [name]: (...args: unknown[]) => {
          if (name === "closed") call(...args); // the host must hear of it somehow
          strike();
        },
      });
      start(spoiled);
    };
  }
}
