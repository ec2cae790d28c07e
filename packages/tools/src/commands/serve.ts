/**
 * `nnrp serve`: a server with a model behind it.
 *
 * @module
 */
import { type Command, CommandError } from "../command.ts";

/** The command. */
export const serveCommand: Command = {
  name: "serve",
  summary: "serve a model, by default super-resolution",
  description:
    "Listens for NNRP clients and answers their frames with a model: 'super-resolution' (packaged: luma tiles in, tiles of " +
    "twice the size out), an ONNX file of the same interface, or 'echo'. Prints its address when it is ready, then one line " +
    "per event. Ctrl-C or SIGTERM lets frames in flight finish, prints what was served, and ends with exit code 0.",
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
  ],
  demonstrations: [{
    about: "A server in one terminal, a client in another:",
    server: "serve --port PORT --runtime wasm --until-eof",
    line: "submit picture.png --out big.png --server nnrp://127.0.0.1:PORT",
    changing: true,
  }],
  async run(input) {
    const { model, host, port, runtime, halo } = input.options;
    if (!Number.isInteger(port) || Number(port) < 0 || Number(port) > 65535) {
      throw new CommandError(`--port must be 0 (any free one) to 65535, not ${port}`, 2);
    }
    if (!Number.isInteger(halo) || Number(halo) < 0 || Number(halo) > 64) {
      throw new CommandError(`--halo must be 0 to 64 pixels, not ${halo}`, 2);
    }
    if (runtime !== "auto" && runtime !== "native" && runtime !== "wasm") {
      throw new CommandError(`--runtime must be auto, native or wasm, not ${runtime}`, 2);
    }
    const { serveModel } = await import("../serving/serve_model.ts");
    return await serveModel({
      model: String(model),
      host: String(host),
      port: Number(port),
      runtime,
      halo: Number(halo),
      json: input.options["json"] === true,
      untilEof: input.options["until-eof"] === true,
    }, input);
  },
};
