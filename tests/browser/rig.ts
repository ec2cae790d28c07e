/**
 * A server on Deno that listens on WebSocket and WebTransport, and a Chromium tab with the client in it.
 *
 * @module
 */
import { quic } from "@nnrp/quic";
import { type NnrpServer, serve, type ServerSession, TypedPayload } from "@nnrp/server";
import { makeDevCertificates } from "@nnrp/tools/cert";
import { webSocket } from "@nnrp/websocket";
import { bundleForBrowser } from "../../packaging/bundle.ts";
import { type Browser, launchChromium, type Page } from "./chromium.ts";
import type { page, Target } from "./page/client.ts";
import { type PageServer, servePage } from "./page_server.ts";
import { turn } from "../support/turns.ts";

/** Functions of the page. */
export type PageCalls = typeof page;

/** A tab with a client in it. */
export interface Tab {
  /** The tab itself. */
  readonly page: Page;
  /** Calls a function of the page. */
  call<K extends keyof PageCalls>(
    name: K,
    ...args: Parameters<PageCalls[K]>
  ): Promise<Awaited<ReturnType<PageCalls[K]>>>;
}

/** See the module. */
export class BrowserRig implements AsyncDisposable {
  /** The server. */
  readonly server: NnrpServer;
  /** The browser. */
  readonly browser: Browser;
  /** What the pages reported as uncaught. */
  readonly errors: string[] = [];
  /** Sessions that submitted something, the last one at the end. */
  readonly sessions: ServerSession[];
  /** Frames whose handler was told to stop. */
  readonly stopped: number[];
  readonly #pages: PageServer;
  readonly #hash: number[];

  private constructor(
    server: NnrpServer,
    browser: Browser,
    pages: PageServer,
    hash: number[],
    seen: Pick<BrowserRig, "sessions" | "stopped">,
  ) {
    this.server = server;
    this.browser = browser;
    this.#pages = pages;
    this.#hash = hash;
    this.sessions = seen.sessions;
    this.stopped = seen.stopped;
  }

  /** Starts all of it. */
  static async start(): Promise<BrowserRig> {
    const { cert, key, sha256 } = await makeDevCertificates();
    const sessions: ServerSession[] = [];
    const stopped: number[] = [];
    const server = await serve({
      listen: [webSocket({ port: 0 }), quic({ port: 0, cert, key })],
      profile: { modelName: "browser-test", maxConcurrentFrames: 1024 },
      concurrency: 1024,
      maxQueuedFrames: 1024,
    }, (frame, { session }) => {
      if (sessions.at(-1) !== session) sessions.push(session);
      frame.signal.addEventListener("abort", () => stopped.push(frame.frameId));
      if (frame.sections.length > 0) return { tileIds: frame.tileIds, sections: frame.sections };
      const text = frame.text();
      if (text.startsWith("echo ")) return { typedPayloads: frame.typedPayloads };
      if (text === "hold") return new Promise(() => {});
      return parts(text === "without end" ? Infinity : Number(text.slice("count ".length)), frame.signal);
    });
    const script = await bundleForBrowser(new URL("page/client.ts", import.meta.url));
    const pages = servePage({
      "/": '<script type="module" src="/client.js"></script>',
      "/client.js": script,
    });
    return new BrowserRig(server, await launchChromium(), pages, [...sha256], { sessions, stopped });
  }

  /** Where a carrier listens. */
  target(carrier: string): Target {
    const address = this.server.addresses.find(({ name }) =>
      name === (carrier === "webtransport" ? "quic" : carrier)
    );
    if (address === undefined) throw new Error(`no ${carrier}`);
    const scheme = carrier === "webtransport" ? "https" : "ws";
    return { url: `${scheme}://127.0.0.1:${address.port}/nnrp`, hash: this.#hash };
  }

  /** Opens a tab. */
  async tab(): Promise<Tab> {
    const page = await this.browser.newPage();
    page.on("pageerror", (error) => this.errors.push(String(error)));
    page.on("console", (message) => this.errors.push(message.text()));
    await page.goto(this.#pages.url);
    return {
      page,
      call: (name, ...args) =>
        page.evaluate(
          (name, args) =>
            (globalThis as unknown as { nnrpPage: Record<string, (...a: unknown[]) => unknown> })
              .nnrpPage[name](...args),
          name as string,
          args as unknown[],
          // deno-lint-ignore no-explicit-any
        ) as any,
    };
  }

  /** The session of the last frame. */
  get lastSession(): ServerSession {
    return this.sessions.at(-1)!;
  }

  /** Ends all of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    await this.server.close({ drainMs: 0 });
    await this.#pages[Symbol.asyncDispose]();
  }
}

async function* parts(count: number, signal: AbortSignal) {
  for (let i = 0; i < count && !signal.aborted; i++) {
    yield { typedPayloads: [TypedPayload.tokenChunk(`${i},`)] };
    if (i % 16 === 15 || count === Infinity) await turn();
  }
}
