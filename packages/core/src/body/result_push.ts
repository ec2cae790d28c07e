/**
 * RESULT_PUSH: what is given to answer, how it is written, how its body is read (wire spec §7, §8).
 *
 * @module
 */
export type { ResultFields, ResultTarget } from "./result_fields.ts";
export { encodeResultPush } from "./result_push_writer.ts";
export {
  decodeResultPushBody,
  decodeResultPushBodyLenient,
  type ResultPushBody,
} from "./result_push_reader.ts";
