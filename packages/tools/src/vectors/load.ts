/**
 * Finding vector files below a folder, on every runtime (`node:fs`).
 *
 * @module
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { asVectorFile, type Json, type VectorFile } from "./format.ts";

/** A vector file and where it lies. */
export interface LoadedVectors {
  /** Path below the folder, with `/`. */
  readonly path: string;
  /** What it holds. */
  readonly file: VectorFile;
}

/** What was found below a folder. */
export interface VectorFolder {
  /** Vector files, in the order of their paths. */
  readonly files: readonly LoadedVectors[];
  /** JSON files that hold no vectors. */
  readonly skipped: readonly string[];
}

/** A folder that cannot be checked: missing, unreadable, without vectors. The message is for the user, one line. */
export class VectorFolderError extends Error {
  /** Name of the class. */
  override readonly name = "VectorFolderError";
}

/**
 * Reads all vector files in a folder and the folders below it.
 *
 * @param folder Path of the folder; a single JSON file is fine too.
 * @throws VectorFolderError if it is missing, holds no vectors, or a JSON file cannot be read.
 */
export function loadVectors(folder: string): VectorFolder {
  let stat;
  try {
    stat = statSync(folder);
  } catch (error) {
    const missing = (error as { code?: string }).code === "ENOENT";
    throw new VectorFolderError(
      `cannot read ${folder}: ${missing ? "there is no such folder or file" : wordsOf(error)}`,
    );
  }
  const paths = stat.isDirectory() ? jsonFiles(folder, "") : [""];
  const files: LoadedVectors[] = [];
  const skipped: string[] = [];
  for (const path of paths) {
    const full = path === "" ? folder : `${folder}/${path}`;
    const file = readVectorFile(full);
    if (file === null) skipped.push(path);
    else files.push({ path: path === "" ? folder : path, file });
  }
  if (files.length === 0) {
    throw new VectorFolderError(
      `${folder} holds no vectors (${
        paths.length === 0 ? "no JSON file" : `${paths.length} JSON files, none of the format`
      })`,
    );
  }
  return { files, skipped };
}

/** All JSON files below a folder, sorted; links to folders are not followed twice. */
function jsonFiles(folder: string, below: string): string[] {
  const found: string[] = [];
  const here = below === "" ? folder : `${folder}/${below}`;
  let entries;
  try {
    entries = readdirSync(here, { withFileTypes: true });
  } catch (error) {
    throw new VectorFolderError(`cannot read ${here}: ${wordsOf(error)}`);
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) found.push(...jsonFiles(folder, path));
    else if (entry.name.endsWith(".json") && !entry.name.startsWith(".")) found.push(path);
  }
  return found;
}

/** A vector file, or null for JSON that holds no vectors. */
export function readVectorFile(path: string): VectorFile | null {
  let json: Json;
  try {
    json = JSON.parse(readFileSync(path, "utf8")) as Json;
  } catch (error) {
    throw new VectorFolderError(`cannot read ${path}: ${wordsOf(error)}`);
  }
  try {
    return asVectorFile(json);
  } catch (error) {
    throw new VectorFolderError(`${path} is no vector file: ${wordsOf(error)}`);
  }
}

/** The first line of what an error says. */
function wordsOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0];
}
