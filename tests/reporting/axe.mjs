// Opens report files in Chromium and prints, as JSON, requests to the outside, console messages and axe-core's violations.
// usage: node axe.mjs CHROMIUM NODE_MODULES file.html [file.html ...]
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [chromium, modules, ...files] = process.argv.slice(2);
const require = createRequire(modules + "/");
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
const browser = await puppeteer.launch({ executablePath: chromium, headless: true, args });
const found = [];
for (const file of files) {
  for (const [width, media, scheme] of [[1280, "screen", "light"], [400, "screen", "dark"], [680, "print", "dark"]]) { // 680: A4 without its margins
    const page = await browser.newPage();
    await page.emulateMediaType(media);
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.setViewport({ width, height: 900 });
    const requests = [], messages = [];
    const url = pathToFileURL(file).href;
    page.on("request", (r) => { if (r.url() !== url && !r.url().startsWith("data:")) requests.push(r.url()); });
    page.on("console", (m) => messages.push(m.text()));
    page.on("pageerror", (e) => messages.push(String(e)));
    await page.goto(url, { waitUntil: "networkidle0" });
    const images = await page.evaluate(() => [...document.images].filter((i) => !i.naturalWidth).length);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (media === "print") await page.pdf({ format: "A4" });
    const quiet = messages.length; // axe itself may be refused by the page's policy and is put in by the debugger
    await page.evaluate(axe);
    for (const d of await page.$$("details")) await d.evaluate((e) => { e.open = true; });
    const result = await page.evaluate(async () => await globalThis.axe.run(document, { resultTypes: ["violations"] }));
    found.push({ file, width, media, requests, messages: messages.slice(0, quiet), images, overflow,
      violations: result.violations.map((v) => ({ id: v.id, nodes: v.nodes.length, first: v.nodes[0].html.slice(0, 160) })) });
    await page.close();
  }
}
await browser.close();
console.log(JSON.stringify(found));
