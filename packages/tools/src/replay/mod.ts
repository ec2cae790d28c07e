/**
 * Replay and export: recordings become packets, packets become one-line summaries and size comparisons (behaviour spec §15).
 *
 * @module
 */
export type {
  RecordedEnhanceResult,
  RecordedFeatureTile,
  RecordedFrameFeatures,
  RecordedPosition,
  RecordedReference,
  RecordedResultTile,
  ReplayIds,
  TileCoordinate,
} from "./recorded.ts";
export {
  type FrameFeaturesOptions,
  frameFeaturesToPacket,
  frameFeaturesToWireBytes,
  frameFeaturesToWireSummary,
} from "./frame_features.ts";
export {
  type EnhanceResultOptions,
  enhanceResultToPacket,
  enhanceResultToWireBytes,
  enhanceResultToWireSummary,
} from "./enhance_result.ts";
export { renderWireSummary, summarizeWirePacket, type WireSummary } from "./wire_summary.ts";
export {
  compareEnhanceResultWireSize,
  compareFrameFeaturesWireSize,
  compareWireSize,
  type ReferencePayload,
  renderWireSizeComparison,
  type WireSizeComparison,
} from "./wire_size.ts";
export { FrameResultBuffer, type FrameWaitOptions } from "./frame_result_buffer.ts";
