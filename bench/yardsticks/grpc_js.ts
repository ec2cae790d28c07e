/**
 * grpc-js on Node: unary calls for the echo, server streaming for results. `server` prints its port; `client PORT`
 * measures. Packages come from this folder; they are typed here as far as they are used, so that checking the sources
 * needs no installation.
 *
 * @module
 */
import { args, control } from "../peers/control.ts";
import { type Caller, load } from "../peers/load.ts";

/** One message each way. */
interface Frame {
  readonly id: number;
  readonly wanted: number;
  readonly body: Uint8Array;
}
type Reply = (error: Error | null, frame?: Frame) => void;
interface Call {
  readonly request: Frame;
  write(frame: Frame): boolean;
  end(): void;
  once(event: "drain", then: () => void): void;
}
interface ClientCall extends AsyncIterable<Frame> {
  on(event: "data", take: (frame: Frame) => void): void;
  on(event: "end", then: () => void): void;
  on(event: "error", then: (error: Error) => void): void;
}
interface EchoClient {
  Echo(frame: Frame, reply: Reply): void;
  Tokens(frame: Frame): ClientCall;
}
interface Server {
  addService(service: unknown, handlers: Record<string, unknown>): void;
  bindAsync(address: string, credentials: unknown, then: (error: Error | null, port: number) => void): void;
}
interface Grpc {
  readonly Server: new (options: Record<string, number>) => Server;
  readonly ServerCredentials: { createInsecure(): unknown };
  readonly credentials: { createInsecure(): unknown };
  loadPackageDefinition(definition: unknown): {
    bench: {
      Bench: (new (address: string, credentials: unknown, options: Record<string, number>) => EchoClient) & {
        readonly service: unknown;
      };
    };
  };
}
interface ProtoLoader {
  loadSync(file: string, options: Record<string, unknown>): unknown;
}

const names: readonly string[] = ["@grpc/grpc-js", "@grpc/proto-loader"];
const grpc = (await import(names[0])).default as Grpc;
const loader = (await import(names[1])).default as ProtoLoader;
const proto = decodeURIComponent(new URL("./frame.proto", import.meta.url).pathname);
const { Bench } =
  grpc.loadPackageDefinition(loader.loadSync(proto, { keepCase: true, defaults: true })).bench;
const options = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

const [role, port] = await args();

if (role === "server") {
  const server = new grpc.Server(options);
  server.addService(Bench.service, {
    Echo: (call: Call, reply: Reply) =>
      reply(null, { id: call.request.id, wanted: 0, body: call.request.body }),
    Tokens: async (call: Call) => {
      const { id, wanted, body } = call.request;
      for (let i = 0; i < wanted; i++) {
        if (!call.write({ id, wanted: wanted - i, body })) {
          await new Promise<void>((resolve) => call.once("drain", resolve));
        }
      }
      call.end();
    },
  });
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => {
    if (error) throw error;
    control({ port: bound }, () => Promise.reject(new Error("a server takes no jobs")));
  });
} else {
  const client = new Bench(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), options);
  let id = 0;
  const caller: Caller<Frame> = {
    echo: (body) =>
      new Promise((resolve, reject) => {
        client.Echo({ id: ++id, wanted: 0, body }, (error, frame) => error ? reject(error) : resolve(frame!));
      }),
    size: (frame) => frame.body.length,
    stream: (body, results) =>
      new Promise((resolve, reject) => {
        let bytes = 0;
        const call = client.Tokens({ id: ++id, wanted: results, body });
        call.on("data", (frame) => bytes += frame.body.length);
        call.on("error", reject);
        call.on("end", () => resolve(bytes));
      }),
  };
  await control({ ready: true }, (job) => load(caller, job));
}
