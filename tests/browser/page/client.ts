/**
 * What runs in Chromium: a client and the things users do with it, callable from the test by name. Whatever is found wrong is
 * thrown; what comes back is small and JSON.
 *
 * @module
 */
import { type ClientSession, dialClient, NnrpError, tensorSection, TypedPayload } from "@nnrp/client";
import { webTransport } from "@nnrp/quic/webtransport";
import { webSocket } from "@nnrp/websocket";

/** Where the test's server listens. */
export interface Target {
  /** Address to dial. */
  readonly url: string;
  /** SHA-256 of its certificate, for WebTransport. */
  readonly hash: readonly number[];
}

let session: ClientSession;

// A page that is left should say so: a WebTransport connection otherwise just falls silent. Its frames are cancelled first, or
// the server would still work on them.
const leaving = new AbortController();
addEventListener("pagehide", () => {
  leaving.abort();
  void session?.close({ drainMs: 0 });
});

/** What the test calls. */
export const page = {
  async dial({ url, hash }: Target) {
    const serverCertificateHashes = [{ algorithm: "sha-256", value: Uint8Array.from(hash) }];
    session = await dialClient(url, { carriers: [webTransport({ serverCertificateHashes }), webSocket()] });
    const { carrierName, modelName, transport } = session;
    return { carrierName, modelName, transport };
  },

  /** Dials both carriers at once, as an application would: which one came through. */
  async fallBack(ports: { quic: number; websocket: number }, hash: readonly number[]) {
    const serverCertificateHashes = [{ algorithm: "sha-256", value: Uint8Array.from(hash) }];
    session = await dialClient("nnrp://127.0.0.1", {
      carriers: [webTransport({ serverCertificateHashes }), webSocket()],
      ports,
    });
    return session.carrierName;
  },

  /** The code of what dialling threw. */
  async refused({ url, hash }: Target) {
    try {
      await page.dial({ url, hash });
    } catch (error) {
      return error instanceof NnrpError ? error.code : String(error);
    }
    await session.close();
    return "connected";
  },

  async tensors() {
    const tiles = [Float32Array.of(1, 2, 3, 4), Float32Array.of(-1, 0.5, 1e9, 0)];
    const result = await session.submit({
      srcWidth: 4,
      srcHeight: 2,
      tileWidth: 2,
      tileHeight: 2,
      tileIds: [0, 1],
      sections: [tensorSection({ role: 5, dtype: "fp32", tiles })],
    });
    return [0, 1].map((id) => [...result.tensor(5)!.tile(id)!].map(Number));
  },

  async tokens(count: number) {
    const batches: number[] = [];
    let text = "";
    for await (const batch of session.submitStream(words(`count ${count}`)).batches()) {
      batches.push(batch.length);
      for (const result of batch) text += result.text();
    }
    return { text, parts: batches.reduce((a, b) => a + b, 0) };
  },

  /** Takes three parts of a stream that has no end, then cancels it. */
  async cancel() {
    let parts = 0;
    for await (const _ of session.submitStream(words("without end"))) if (++parts === 3) break;
    return parts;
  },

  /** A body of this size (a multiple of 4,000 bytes) up and down again, compared byte by byte. */
  async large(bytes: number, times: number) {
    const sent = new Uint8Array(bytes).map((_, i) => i * 31 + (i >> 11));
    for (let round = 0; round < times; round++) {
      sent[0] = round;
      const result = await session.submit({
        srcWidth: 4000,
        srcHeight: bytes / 4000,
        tileWidth: 4000,
        tileHeight: bytes / 4000,
        tileIds: [0],
        sections: [tensorSection({ role: 5, dtype: "uint8", tiles: [sent] })],
      });
      const back = result.tensor(5)!.tile(0) as Uint8Array;
      if (back.length !== sent.length) throw new Error(`${back.length} of ${sent.length} bytes came back`);
      const wrong = back.findIndex((byte, i) => byte !== sent[i]);
      if (wrong >= 0) throw new Error(`byte ${wrong} is ${back[wrong]}, not ${sent[wrong]}`);
    }
    return times * bytes;
  },

  /** Many frames at once: how many answers were right. */
  async many(count: number) {
    const answers = await Promise.all(
      Array.from({ length: count }, (_, i) => session.submit(words(`echo ${i}`))),
    );
    return answers.filter((answer, i) => answer.text() === `echo ${i}`).length;
  },

  /** Large bodies and small frames at once: the small ones must come through. */
  async mixed() {
    const [bytes, small] = await Promise.all([page.large(4_000_000, 2), page.many(200)]);
    return { bytes, small };
  },

  /** Leaves frames unanswered and closes the session. */
  async close() {
    await session.close();
    const info = await session.closed;
    return { local: info.local, error: info.error?.code ?? null };
  },

  /** How the session ends when the server closes it. */
  async ended() {
    const info = await session.closed;
    return { local: info.local, error: info.error?.code ?? null };
  },

  /** Submits something that the server never answers, and does not wait. */
  hold() {
    session.submit(words("hold"), { signal: leaving.signal }).catch(() => {});
  },

  ping: () => session.ping(),
};

function words(text: string) {
  return { typedPayloads: [TypedPayload.tokenChunk(text)] };
}

Object.assign(globalThis, { nnrpPage: page });
