// Opens every page of the built site in Chromium, light and wide, dark and as narrow as a phone, and searches it for a word.
// Prints, as JSON, requests to the outside, console messages, missing pictures, axe-core's violations, and what the search found.
// usage: node site.mjs CHROMIUM NODE_MODULES SITE [page.html ...]
import { createRequire } from "node:module";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [chromium, modules, site, ...chosen] = process.argv.slice(2);
const require = createRequire(modules + "/");
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--allow-file-access-from-files"];
const browser = await puppeteer.launch({ executablePath: chromium, headless: true, args });

async function opened(address, width, scheme, problems) {
  const page = await browser.newPage();
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.setViewport({ width, height: 900 });
  page.on("request", (r) => { if (!/^(file|data|blob):/.test(r.url())) problems.push("asks for " + r.url()); });
  page.on("requestfailed", (r) => problems.push("has not " + r.url()));
  page.on("console", (m) => { // the theme says once that nothing was chosen yet
    if (["error", "warn"].includes(m.type()) && !m.text().startsWith("Got invalid theme mode")) problems.push(m.text());
  });
  page.on("pageerror", (e) => problems.push(String(e)));
  await page.goto(address, { waitUntil: "networkidle0" });
  return page;
}

const files = chosen.length ? chosen : readdirSync(site, { recursive: true }).filter((f) => f.endsWith(".html") && !f.startsWith("_")).sort();
const pages = [];
for (const file of files) {
  for (const [width, scheme] of [[1280, "light"], [400, "dark"]]) {
    const problems = [];
    const page = await opened(pathToFileURL(join(site, file)).href, width, scheme, problems);
    const images = await page.evaluate(async () => {
      for (const i of document.images) i.loading = "eager";
      await Promise.all([...document.images].map((i) => i.decode().catch(() => {})));
      return [...document.images].filter((i) => !i.naturalWidth).map((i) => i.src);
    });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    await page.evaluate(axe);
    const result = await page.evaluate(async () => await globalThis.axe.run(document, { resultTypes: ["violations"] }));
    const violations = result.violations.map((v) => ({ id: v.id, nodes: v.nodes.length, first: v.nodes[0].html.slice(0, 300), why: v.nodes[0].failureSummary }));
    pages.push({ file, width, scheme, problems, images, overflow, violations });
    await page.close();
  }
}
const problems = [];
const search = await opened(pathToFileURL(join(site, "search.html")).href + "?q=regression+to+the+mean", 1280, "light", problems);
await search.waitForSelector("#search-results li a", { timeout: 20000 });
const found = await search.evaluate(() => [...document.querySelectorAll("#search-results li a")].map((a) => a.getAttribute("href")));
await browser.close();
console.log(JSON.stringify({ pages, search: { found, problems } }));
