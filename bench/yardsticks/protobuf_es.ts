/**
 * Work F, protobuf-es: the same fields as numbered fields of one message, the body as `bytes`. The schema is put together
 * here, so that no compiler is needed. See `grpc_js.ts` for why packages are typed here.
 *
 * @module
 */
import { BODY, HEADER, META, runCodec } from "../codec/sample.ts";

/** The message as protobuf-es gives it. */
type Message = Record<string, number> & { body: Uint8Array; traceId: bigint };
interface Protobuf {
  create(schema: unknown, fields: Record<string, unknown>): Message;
  toBinary(schema: unknown, message: Message): Uint8Array;
  fromBinary(schema: unknown, bytes: Uint8Array): Message;
  createFileRegistry(
    file: unknown,
    resolve: (name: string) => undefined,
  ): { getMessage(name: string): unknown };
}
interface Wkt {
  readonly FileDescriptorProtoSchema: unknown;
}

const names: readonly string[] = ["@bufbuild/protobuf", "@bufbuild/protobuf/wkt"];
const { create, createFileRegistry, fromBinary, toBinary } = await import(names[0]) as Protobuf;
const { FileDescriptorProtoSchema } = await import(names[1]) as Wkt;

const UINT64 = 4, BYTES = 12, UINT32 = 13;
const numbers = ["version", "wireFormat", "msgType", "headerLen", "metaLen", "bodyLen", "frameId"]
  .concat(Object.keys(HEADER).filter((name) => name !== "traceId"), Object.keys(META));
const field = (name: string, number: number, type: number) => ({
  name,
  jsonName: name,
  number,
  type,
  label: 1,
});
const file = create(FileDescriptorProtoSchema, {
  name: "frame.proto",
  package: "bench",
  syntax: "proto3",
  messageType: [{
    name: "Frame",
    field: [
      ...numbers.map((name, index) => field(name, index + 1, UINT32)),
      field("traceId", numbers.length + 1, UINT64),
      field("body", numbers.length + 2, BYTES),
    ],
  }],
});
const schema = createFileRegistry(file, () => undefined).getMessage("bench.Frame");
const fixed = { version: 1, wireFormat: 0, msgType: 0x10, headerLen: 40, metaLen: 72, ...HEADER, ...META };
const traceId = BigInt(HEADER.traceId);

await runCodec((frameId) => {
  const message = create(schema, { ...fixed, traceId, frameId, bodyLen: BODY.length, body: BODY });
  const m = fromBinary(schema, toBinary(schema, message));
  return m.version + m.wireFormat + m.msgType + m.headerLen + m.flags + m.metaLen + m.bodyLen +
    m.body.length + m.sessionId +
    m.frameId + m.viewId + m.routeId + Number(m.traceId) +
    m.srcWidth + m.srcHeight + m.tileWidth + m.tileHeight + m.tileCount + m.sectionCount + m.frameClass +
    m.inputProfile + m.tileIndexMode + m.latencyBudgetMs + m.targetFpsX100 + m.retryOfFrame + m.tileBaseId +
    m.cameraBytes + m.tileIndexBytes + m.submitMode + m.budgetPolicy + m.lossTolerancePolicy +
    m.objectRefMask +
    m.dependencyFrameId + m.payloadKindBitmap + m.payloadFrameCount;
}, 0);
