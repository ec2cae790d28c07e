/**
 * FRAME_SUBMIT: what is given to submit, how it is written, how its body is read (wire spec §6, §8).
 *
 * @module
 */
export type { SubmitRequest } from "./submit_request.ts";
export { encodeFrameSubmit } from "./frame_submit_writer.ts";
export { decodeFrameSubmitBody, type FrameSubmitBody, toSubmitRequest } from "./frame_submit_reader.ts";
