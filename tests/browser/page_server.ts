/**
 * A web server for test pages: texts by path, on a free port of 127.0.0.1 (a secure context for browsers).
 *
 * @module
 */

/** A page server that runs. */
export interface PageServer extends AsyncDisposable {
  /** Address of `/`. */
  readonly url: string;
}

const TYPES: Record<string, string> = { js: "text/javascript", css: "text/css", svg: "image/svg+xml" };

/**
 * Serves texts.
 *
 * @param files Path → text; paths without a known ending are HTML.
 */
export function servePage(files: Readonly<Record<string, string>>): PageServer {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const path = new URL(request.url).pathname;
    const body = files[path];
    if (body === undefined) return new Response(null, { status: path === "/favicon.ico" ? 204 : 404 });
    const type = TYPES[path.split(".").at(-1)!] ?? "text/html";
    return new Response(body, { headers: { "content-type": `${type}; charset=utf-8` } });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
