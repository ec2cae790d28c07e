/**
 * QUIC as a carrier value: dials and listens where the runtime has QUIC, and states the alternative where it
 * has not.
 *
 * @module
 */
import { type CarrierBinding, type CarrierDialer, NnrpUnsupportedError, TransportId } from "@nnrp/core";
import { type QuicOptions, quicSettings } from "./quic_options.ts";
import { demandQuic } from "./runtime_support.ts";

/** A QUIC carrier that can dial and listen. */
export interface QuicCarrierValue extends CarrierDialer, CarrierBinding {
  /** `"quic"`. */
  readonly name: "quic";
  /** TransportId.QUIC. */
  readonly transport: number;
  /** True: QUIC always encrypts. */
  readonly encrypted: true;
}

/**
 * QUIC as a carrier value. Listening takes WebTransport sessions on the same port unless configured
 * otherwise. Needs Deno with `--unstable-net`.
 *
 * @param options Where to listen with which certificate, whom to trust when dialling, limits.
 * @throws NnrpValueError for options out of range. Dialling and listening reject with NnrpUnsupportedError where there is no
 *   QUIC, NnrpTransportError where it fails.
 */
export function quic(options: QuicOptions = {}): QuicCarrierValue {
  const settings = quicSettings(options);
  return {
    name: "quic",
    transport: TransportId.QUIC,
    encrypted: true,
    schemes: [{ scheme: "nnrp+quic", encrypted: true }],
    portFamilies: ["quic"],
    async dial(target, dialOptions = {}) {
      demandQuic("QUIC");
      if (settings.insecureSkipVerify) {
        throw new NnrpUnsupportedError(
          "Deno cannot skip the verification of QUIC certificates: give the server's CA in `caCerts` instead",
        );
      }
      const { dialQuic } = await import("./quic_dial.ts");
      return await dialQuic(target, dialOptions, settings);
    },
    async listen(accept, listenOptions = {}) {
      demandQuic("a QUIC listener");
      const { listenQuic } = await import("./quic_listen.ts");
      return await listenQuic(accept, listenOptions, settings);
    },
  };
}
