/**
 * Bundles a program for browsers with esbuild: from the workspace's sources, or from packages installed in a folder.
 *
 * @module
 */
import { build, type Plugin, stop } from "npm:esbuild@0.28.2";

/** Options of {@linkcode bundleForBrowser}. */
export interface BundleOptions {
  /** Where packages are looked up. Default: the workspace's own sources. */
  readonly packagesIn?: string;
  /** Whether to make it small. Default false. */
  readonly minify?: boolean;
}

const root = new URL("../", import.meta.url);

/**
 * One ES module of a program and everything it imports.
 *
 * @param entry The program.
 * @throws Error with esbuild's words, for example if something needs a `node:` module.
 */
export async function bundleForBrowser(entry: URL, options: BundleOptions = {}): Promise<string> {
  const fromSources = options.packagesIn === undefined;
  try {
    const { outputFiles } = await build({
      entryPoints: [decodeURIComponent(entry.pathname)],
      absWorkingDir: options.packagesIn ?? decodeURIComponent(root.pathname),
      bundle: true,
      write: false,
      format: "esm",
      platform: "browser",
      target: "es2022",
      minify: options.minify === true,
      logLevel: "silent",
      plugins: fromSources ? [workspaceSources] : [],
      tsconfigRaw: "{}",
    });
    return outputFiles[0].text;
  } finally {
    await stop();
  }
}

/**
 * Finds packages in the workspace, and leaves out what a browser does not have (the packed packages say so in the `browser` field
 * of their `package.json`), and ONNX Runtime, which is large and loaded at run time where it is wanted.
 */
const workspaceSources: Plugin = {
  name: "workspace",
  setup(bundle) {
    bundle.onResolve(
      { filter: /^(node:|@nnrp\/tcp$|@nnrp\/runtime\/sockets$|onnxruntime-)/ },
      ({ path }) => ({ path, namespace: "absent" }),
    );
    bundle.onLoad({ filter: /.*/, namespace: "absent" }, () => ({ contents: "module.exports = {}" }));
    bundle.onResolve({ filter: /^@nnrp\// }, async ({ path }) => {
      const [, name, ...rest] = path.split("/");
      const member = new URL(`packages/${name}/`, root);
      try {
        const { exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", member)));
        const file = exports[[".", ...rest].join("/")];
        if (file !== undefined) return { path: decodeURIComponent(new URL(file, member).pathname) };
      } catch {
        // Told below: there is no such member.
      }
      return { errors: [{ text: `no package ${path}` }] };
    });
  },
};
