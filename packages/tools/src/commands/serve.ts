/**
 * `nnrp serve`: a server with a model behind it.
 *
 * @module
 */
import { NnrpValueError, originRules } from "@nnrp/core";
import { type Command, CommandError, type CommandInput } from "../command.ts";
import type { ListenChoice } from "../serving/bindings.ts";

/** The command. */
export const serveCommand: Command = {
  name: "serve",
  summary: "serve a model, by default super-resolution",
  description:
    "Listens for NNRP clients and answers their frames with a model: 'super-resolution' (packaged: luma tiles in, tiles of " +
    "twice the size out), an ONNX file of the same interface, or 'echo'. Prints its address when it is ready, then one line " +
    "per event. Beside plain TCP it listens on TLS, QUIC (with WebTransport on the same UDP port) and WebSocket where their ports " +
    "are given; with a certificate WebSocket is wss://. Web pages may connect if they come from this machine or from a --server-name, or " +
    "are listed by --allow-origin, which leaves WebTransport out (Deno does not show the origin of its sessions) unless it is *. Ctrl-C or SIGTERM lets frames in flight finish, prints what was served, and ends with exit code 0.",
  options: [
    {
      name: "model",
      short: "m",
      type: "string",
      placeholder: "super-resolution|echo|FILE.onnx",
      help: "what to serve",
      default: "super-resolution",
    },
    { name: "host", type: "string", placeholder: "HOST", help: "address to listen on", default: "127.0.0.1" },
    {
      name: "port",
      short: "p",
      type: "number",
      placeholder: "PORT",
      help: "port to listen on, 0 = any free one",
      default: 4433,
    },
    { name: "tls-port", type: "number", placeholder: "PORT", help: "also listen on TLS" },
    {
      name: "quic-port",
      type: "number",
      placeholder: "PORT",
      help: "also listen on QUIC and WebTransport (Deno only)",
    },
    { name: "websocket-port", type: "number", placeholder: "PORT", help: "also listen on WebSocket" },
    {
      name: "server-name",
      type: "list",
      placeholder: "HOST",
      help: "name the server is known by, which pages may dial; pages of it may connect",
    },
    {
      name: "allow-origin",
      type: "list",
      placeholder: "ORIGIN",
      help: "web pages that may connect, and no others, for example https://app.example; * = all",
    },
    { name: "no-tcp", type: "boolean", help: "not on plain TCP, only on what is given beside it" },
    {
      name: "cert",
      type: "string",
      placeholder: "FILE",
      help: "certificate, PEM; for example cert.pem of nnrp cert",
    },
    { name: "key", type: "string", placeholder: "FILE", help: "its private key, PEM" },
    {
      name: "dev-cert",
      type: "boolean",
      help: "make a certificate for this run; prints what clients and browsers need to trust it",
    },
    {
      name: "runtime",
      type: "string",
      placeholder: "auto|native|wasm",
      help: "ONNX Runtime to use; auto = native where onnxruntime-node is installed",
      default: "auto",
    },
    {
      name: "halo",
      type: "number",
      placeholder: "PIXELS",
      help: "how far the network of FILE.onnx looks beyond a tile",
      default: 4,
    },
    {
      name: "json",
      type: "boolean",
      help: "one JSON object per line; the first tells address, port and model",
    },
    {
      name: "until-eof",
      type: "boolean",
      help: "also stop when standard input ends, for programs that start a server",
    },
  ],
  examples: [
    "serve --model super-resolution",
    "serve --model echo --port 0 --json",
    "serve --model my_x2.onnx --halo 6",
    "serve --dev-cert --tls-port 4434 --quic-port 4433 --websocket-port 4435",
    "serve --host 0.0.0.0 --websocket-port 4435 --allow-origin https://app.example",
  ],
  demonstrations: [{
    about: "A server in one terminal, a client in another:",
    server: "serve --port PORT --runtime wasm --until-eof",
    line: "submit picture.png --out big.png --server nnrp://127.0.0.1:PORT",
    changing: true,
  }, {
    about: "Encrypted, with a certificate that nobody had to make first:",
    server: "serve --model echo --no-tcp --tls-port PORT --dev-cert --until-eof",
    line: "ping nnrps://127.0.0.1:PORT --insecure --count 2",
    changing: true,
  }, {
    line: "serve --tls-port 4434",
    about: "Encryption without a certificate:",
    exitCode: 2,
  }],
  async run(input) {
    const { model, host, runtime, halo } = input.options;
    const listen = readListenChoice(String(host), input.options);
    if (!Number.isInteger(halo) || Number(halo) < 0 || Number(halo) > 64) {
      throw new CommandError(`--halo must be 0 to 64 pixels, not ${halo}`, 2);
    }
    if (runtime !== "auto" && runtime !== "native" && runtime !== "wasm") {
      throw new CommandError(`--runtime must be auto, native or wasm, not ${runtime}`, 2);
    }
    const { serveModel } = await import("../serving/serve_model.ts");
    return await serveModel({
      model: String(model),
      ...listen,
      runtime,
      halo: Number(halo),
      json: input.options["json"] === true,
      untilEof: input.options["until-eof"] === true,
    }, input);
  },
};

function readListenChoice(host: string, options: CommandInput["options"]): ListenChoice {
  const { cert, key } = options;
  const dev = options["dev-cert"] === true;
  const port = options["no-tcp"] === true ? undefined : portOf(options, "port");
  const tlsPort = portOf(options, "tls-port");
  const quicPort = portOf(options, "quic-port");
  const webSocketPort = portOf(options, "websocket-port");
  const others = [tlsPort, quicPort, webSocketPort].some((other) => other !== undefined);
  if (port === undefined && !others) {
    throw new CommandError("--no-tcp leaves nothing: give --tls-port, --quic-port or --websocket-port", 2);
  }
  const overTcp = [port, tlsPort, webSocketPort].filter((other) => other !== undefined && other !== 0);
  const twice = overTcp.find((other, i) => overTcp.indexOf(other) < i);
  if (twice !== undefined) {
    throw new CommandError(
      `--port, --tls-port and --websocket-port must differ, ${twice} is given twice (--port is 4433 by default; ` +
        "--no-tcp leaves it out)",
      2,
    );
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new CommandError(
      `--${cert === undefined ? "cert" : "key"} is missing: --cert and --key go together`,
      2,
    );
  }
  if (dev && cert !== undefined) {
    throw new CommandError("--dev-cert makes a certificate: leave it out, or leave out --cert and --key", 2);
  }
  const certificate = dev ? "dev" : cert === undefined ? undefined : { cert: String(cert), key: String(key) };
  const encrypted = tlsPort === undefined ? quicPort === undefined ? null : "--quic-port" : "--tls-port";
  if (certificate === undefined && encrypted !== null) {
    throw new CommandError(
      `${encrypted} needs a certificate: --dev-cert makes one for this run; or give --cert FILE --key FILE (nnrp cert makes them)`,
      2,
    );
  }
  if (certificate !== undefined && !others) {
    throw new CommandError(
      `${
        dev ? "--dev-cert" : "--cert"
      } is of no use to plain TCP: give --tls-port, --quic-port or --websocket-port`,
      2,
    );
  }
  return {
    host,
    port,
    tlsPort,
    quicPort,
    webSocketPort,
    certificate,
    ...readPages(options, quicPort !== undefined || webSocketPort !== undefined),
  };
}

/** Which web pages; an entry that is none is named by its option here, not by a field of the library. */
function readPages(
  options: CommandInput["options"],
  forPages: boolean,
): Pick<ListenChoice, "hosts" | "allowedOrigins"> {
  const listOf = (name: string) => {
    const list = options[name] as readonly string[] | undefined;
    return list === undefined || list.length === 0 ? undefined : list;
  };
  const hosts = listOf("server-name");
  const allowedOrigins = listOf("allow-origin");
  for (const [option, given] of [["server-name", { hosts }], ["allow-origin", { allowedOrigins }]] as const) {
    if (listOf(option) === undefined) continue;
    if (!forPages) {
      throw new CommandError(`--${option} is of no use without --websocket-port or --quic-port`, 2);
    }
    try {
      originRules(given, "", "");
    } catch (error) {
      if (!(error instanceof NnrpValueError)) throw error;
      throw new CommandError(`--${option} ${error.actual} is not ${error.expected}`, 2);
    }
  }
  return { hosts, allowedOrigins };
}

function portOf(options: CommandInput["options"], name: string): number | undefined {
  const port = options[name];
  if (port === undefined) return undefined;
  if (Number.isInteger(port) && Number(port) >= 0 && Number(port) <= 65535) return Number(port);
  throw new CommandError(`--${name} must be 0 (any free one) to 65535, not ${port}`, 2);
}
