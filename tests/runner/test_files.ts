/**
 * The test files below files and folders.
 *
 * @module
 */
import { UsageError } from "./options.ts";

/**
 * Test files in order of their names, each once.
 *
 * @param root The folder to which everything is relative, with a slash at its end.
 * @param paths Files and folders.
 * @throws {UsageError} If there is no such file or folder, or no test in it.
 */
export async function testFiles(root: string, paths: readonly string[]): Promise<string[]> {
  const files = new Set<string>();
  for (const given of paths) {
    const path = given.startsWith(root) ? given.slice(root.length) : given;
    const info = await Deno.stat(`${root}${path}`).catch(() => null);
    if (info === null) throw new UsageError(`no file or folder ${given}`);
    const before = files.size;
    if (info.isFile) files.add(path);
    else await collect(root, path, files);
    if (files.size === before && ![...files].some((file) => file.startsWith(path))) {
      throw new UsageError(`no tests in ${given}`);
    }
  }
  return [...files].sort();
}

async function collect(root: string, folder: string, files: Set<string>): Promise<void> {
  for await (const entry of Deno.readDir(`${root}${folder}`)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory && entry.name !== "node_modules" && !entry.name.startsWith(".")) {
      await collect(root, path, files);
    } else if (entry.isFile && entry.name.endsWith("_test.ts")) files.add(path);
  }
}
