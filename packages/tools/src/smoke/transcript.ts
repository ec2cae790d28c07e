/**
 * What a smoke test saw, and its nine lines (behaviour spec §15, "CLI").
 *
 * @module
 */

/** What one side of a smoke test saw. */
export interface SmokeTranscript {
  /** Which side it was. */
  readonly role: "client" | "server";
  /** Session that the client asked for. */
  readonly requestedSessionId: number;
  /** Session that the server opened. */
  readonly negotiatedSessionId: number;
  /** The frame. */
  readonly frameId: number;
  /** Stream of the control packets. */
  readonly controlStreamId: number;
  /** Stream of the submit. */
  readonly submitStreamId: number;
  /** Stream of the result. */
  readonly resultStreamId: number;
  /** Tiles of the submit. */
  readonly submitTileCount: number;
  /** Tiles of the result. */
  readonly resultTileCount: number;
}

/** The transcript under the names of its lines, in their order. */
export function smokeTranscriptFields(transcript: SmokeTranscript): Record<string, string | number> {
  return {
    role: transcript.role,
    requested_session_id: transcript.requestedSessionId,
    negotiated_session_id: transcript.negotiatedSessionId,
    frame_id: transcript.frameId,
    control_stream_id: transcript.controlStreamId,
    submit_stream_id: transcript.submitStreamId,
    result_stream_id: transcript.resultStreamId,
    submit_tile_count: transcript.submitTileCount,
    result_tile_count: transcript.resultTileCount,
  };
}

/** The transcript as nine `key=value` lines, without a line end after the last one. */
export function renderSmokeTranscript(transcript: SmokeTranscript): string {
  return Object.entries(smokeTranscriptFields(transcript)).map(([key, value]) => `${key}=${value}`).join(
    "\n",
  );
}
