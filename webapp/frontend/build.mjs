// Builds the browser's side of Kartabl: `node build.mjs [target folder]`, by default webapp/static/dist.
// Needs what `npm ci --ignore-scripts` installs and nothing from the network.
import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const target = resolve(process.argv[2] ?? join(here, "../static/dist"));

const SCRIPTS = ["app.js", "viewer.js", "api-docs.js"];
const SHEETS = ["app.css", "app.ltr.css"];

const COPIES = [
  ["vazirmatn/fonts/webfonts/Vazirmatn[wght].woff2", "fonts/Vazirmatn.woff2"],
  ["vazirmatn/fonts/ttf/Vazirmatn-Regular.ttf", "fonts/Vazirmatn-Regular.ttf"], // the PDF maker wants static faces
  ["vazirmatn/fonts/ttf/Vazirmatn-Bold.ttf", "fonts/Vazirmatn-Bold.ttf"],
  ["vazirmatn/OFL.txt", "fonts/OFL.txt"],
  ["swagger-ui-dist/swagger-ui-bundle.js", "swagger/swagger-ui-bundle.js"],
  ["swagger-ui-dist/swagger-ui.css", "swagger/swagger-ui.css"],
  ["swagger-ui-dist/LICENSE", "swagger/LICENSE"],
];

/** One file with a <symbol> for each icon named in src/icons.txt; pages show them with <use href="icons.svg#name">. */
async function iconSprite() {
  const list = await readFile(join(here, "src/icons.txt"), "utf8");
  const names = list.split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
  const symbols = await Promise.all(
    names.map(async (name) => {
      const svg = await readFile(join(modules, "@tabler/icons/icons/outline", `${name}.svg`), "utf8");
      const shapes = svg.replace(/<!--[^]*?-->/g, "").match(/<svg[^>]*>([^]*)<\/svg>/)[1];
      return `<symbol id="${name}" viewBox="0 0 24 24">${shapes.replace(/\s*\n\s*/g, "")}</symbol>`;
    }),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`;
}

/** Changes when any built file changes: pages put it behind the addresses, so browsers may keep files for long. */
async function fingerprint(folder) {
  const hash = createHash("sha256");
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  for (const file of files.sort()) hash.update(await readFile(file));
  return hash.digest("hex").slice(0, 12);
}

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });

await build({
  absWorkingDir: here,
  entryPoints: [...SCRIPTS, ...SHEETS].map((name) => join("src", name)),
  outdir: target,
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["chrome100", "firefox100", "safari15.4"],
  charset: "utf8",
  minify: true,
  sourcemap: false,
  legalComments: "linked",
  external: ["./fonts/*"],
  logLevel: "warning",
});

for (const [from, to] of COPIES) await cp(join(modules, from), join(target, to), { recursive: true });
await cp(join(here, "src/logo.svg"), join(target, "logo.svg"));
await writeFile(join(target, "icons.svg"), await iconSprite());
await writeFile(join(target, "version.txt"), await fingerprint(target));
