/**
 * Folders of pinned npm packages below the git-ignored `.cache/`, filled by Deno's own npm client, so that a machine needs
 * nothing else. Install scripts are not run.
 *
 * @module
 */

const cache = new URL("../../.cache/runtimes/", import.meta.url);

/**
 * Makes sure that packages are there.
 *
 * @param name Folder below `.cache/runtimes/`.
 * @param dependencies Package → exact version.
 * @returns The folder's `node_modules/`.
 * @throws Error with Deno's words if they cannot be fetched.
 */
export async function npmFolder(name: string, dependencies: Readonly<Record<string, string>>): Promise<URL> {
  const folder = new URL(`${name}/`, cache);
  const modules = new URL("node_modules/", folder);
  const done = new URL("installed.json", folder);
  const wanted = JSON.stringify(dependencies);
  if (await readText(done) === wanted && await readText(modules) === "") return modules;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    new URL("package.json", folder),
    JSON.stringify({ name: "runtime", private: true, dependencies }),
  );
  // A deno.json of its own keeps the folder out of the workspace above.
  await Deno.writeTextFile(
    new URL("deno.json", folder),
    JSON.stringify({ nodeModulesDir: "auto", workspace: [] }),
  );
  await runDeno(["install", "--quiet"], folder);
  await Deno.writeTextFile(done, wanted);
  return modules;
}

/** Runs Deno and waits for it. */
export async function runDeno(args: readonly string[], cwd: URL): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`deno ${args[0]} failed: ${new TextDecoder().decode(stderr).trim()}`);
}

/** A file's text, `""` for a folder, null if there is nothing. */
async function readText(url: URL): Promise<string | null> {
  try {
    return (await Deno.stat(url)).isDirectory ? "" : await Deno.readTextFile(url);
  } catch {
    return null;
  }
}
