/**
 * The ERRORs by which an engine itself ends its session, whatever its role, or a frame whose answer it cannot send.
 *
 * @module
 */
import { type NnrpError, NnrpWireError } from "../../errors.ts";
import { ErrorCode, ErrorScope } from "../../wire/enums.ts";
import type { ErrorFields } from "./error_exchange.ts";

/** Ends a session whose peer exceeds its rate of control packets. */
export const TOO_MUCH_CONTROL: ErrorFields = {
  errorCode: ErrorCode.LIMIT_EXCEEDED,
  errorScope: ErrorScope.SESSION,
  fatal: true,
  diagnostic: "too many control packets that bring nothing forward",
};

/** Sent for an answer that could not be sent because bytes of it had vanished. */
export const ANSWER_VANISHED: Omit<ErrorFields, "errorScope"> = {
  errorCode: ErrorCode.INTERNAL_ERROR,
  diagnostic: "bytes of the answer were gone before it was sent",
};

/** The ErrorCode for bytes that the carrier could not read. */
export function errorCodeOf(error: NnrpError): number {
  if (!(error instanceof NnrpWireError)) return ErrorCode.MALFORMED_BODY;
  if (error.limit) return ErrorCode.LIMIT_EXCEEDED;
  return error.field.startsWith("header") ? ErrorCode.MALFORMED_HEADER : ErrorCode.MALFORMED_BODY;
}

/** Fields of the ERROR for a failure that ends the connection. */
export function faultFields(error: NnrpError, errorCode: number): ErrorFields {
  return { errorCode, errorScope: ErrorScope.CONNECTION, fatal: true, diagnostic: error.message };
}
