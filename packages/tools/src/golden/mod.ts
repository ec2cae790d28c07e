/**
 * Golden vectors: writing, reading and comparing what every implementation must write the same (behaviour spec §15).
 *
 * @module
 */
export { exportGoldenVectors } from "./export.ts";
export { parseGoldenVectorsJson, renderGoldenVectorsJson } from "./manifest.ts";
export {
  compareGoldenVectors,
  type GoldenDifference,
  type GoldenReport,
  renderGoldenDifference,
} from "./compare.ts";
