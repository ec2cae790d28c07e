/**
 * `@nnrp/backends`: models behind an NNRP server. A backend turns a frame into a result; `backendHandler` makes it the
 * handler of a server. The packaged one enlarges luma tiles to twice their size with a small network on ONNX Runtime.
 *
 * @module
 */

// What a backend is, and how a server uses one
export * from "./src/backend.ts";
export * from "./src/handler.ts";

// Super-resolution: the backend, its convention on the wire, the client's side
export * from "./src/super_resolution.ts";
export * from "./src/super_resolution_frame.ts";
export * from "./src/super_resolution_tiles.ts";

// Pictures
export * from "./src/plane.ts";
export * from "./src/ycbcr.ts";
export * from "./src/bicubic.ts";
export * from "./src/psnr.ts";

// ONNX Runtime, for backends of your own
export * from "./src/cost_estimate.ts";
export * from "./src/onnx/model_file.ts";
export * from "./src/onnx/runtime.ts";
export * from "./src/onnx/session.ts";

// Types of the core that appear above
export type {
  FrameSubmitMetadata,
  ObjectReference,
  ResultFields,
  ResultHintReason,
  TensorSectionData,
  TypedPayload,
  TypedPayloadFactory,
} from "@nnrp/core";
