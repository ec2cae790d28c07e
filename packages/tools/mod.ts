/**
 * The libraries behind the `nnrp` command: run it from a program, add a command of your own to its table, or check vectors.
 *
 * @module
 */
export { type CliOutput, runCli } from "./src/cli.ts";
export {
  type Command,
  type CommandArgument,
  CommandError,
  type CommandInput,
  type CommandOption,
} from "./src/command.ts";
export { COMMANDS } from "./src/commands.ts";
export { type LoadedVectors, loadVectors, type VectorFolder, VectorFolderError } from "./src/vectors/load.ts";
export type {
  DecodeCase,
  EncodeCase,
  GoldenVector,
  Json,
  JsonObject,
  MutationCase,
  VectorFile,
  VectorGroup,
} from "./src/vectors/format.ts";
export { checkVectorFile, type VectorFailure, type VectorReport } from "./src/vectors/check.ts";
