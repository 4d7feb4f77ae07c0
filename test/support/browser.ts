/** Chromium on the world of a test: signed-in contexts, what the browser complains of, judges of the page. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { after } from "node:test";
import { promisify } from "node:util";
import type { BrowserContext, BrowserContextOptions, Browser as Chromium, Page } from "playwright-core";
import { openBrowser } from "../screens/browser.ts";
import type { World } from "./world.ts";

const requireHere = createRequire(import.meta.url);

/** One Chromium for the file, closed at its end. */
export async function startChromium(): Promise<Chromium> {
  const chromium = await openBrowser();
  after(() => chromium.close());
  return chromium;
}

/** A context whose pages are those of this person; "anonymous" for nobody. */
export async function contextOf(
  chromium: Chromium,
  world: World,
  who: string,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  const context = await chromium.newContext({
    viewport: { width: 1280, height: 900 },
    reducedMotion: "reduce",
    locale: "fr-FR",
    ...options,
  });
  context.setDefaultTimeout(10_000);
  if (who !== "anonymous") {
    const { cookie } = await world.as(who);
    const cut = cookie.indexOf("=");
    await context.addCookies([{ name: cookie.slice(0, cut), value: cookie.slice(cut + 1), url: world.origin }]);
  }
  return context;
}

/** What the browser has to complain of: console, errors, files it could not get, requests to anybody else, dialogs. */
export function listen(page: Page, origin: string): string[] {
  const complaints: string[] = [];
  page.on("console", (said) => {
    // A refused form is a 422 page: the browser says so of any status above 399.
    if (["error", "warning"].includes(said.type()) && !/status of 4\d\d/.test(said.text()))
      complaints.push(said.text());
  });
  page.on("pageerror", (error) => complaints.push(`exception : ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(origin) && !/^(?:data|blob|about):/.test(request.url()))
      complaints.push(`demande à ${request.url()}`);
  });
  page.on("requestfailed", (request) => {
    if (request.failure()?.errorText !== "net::ERR_ABORTED") complaints.push(`échec : ${request.url()}`);
  });
  page.on("response", (response) => {
    const refusedForm = response.status() === 422;
    if (response.status() >= 400 && !refusedForm && !response.request().isNavigationRequest())
      complaints.push(`${response.status()} ${response.url()}`);
  });
  page.on("dialog", (dialog) => {
    complaints.push(`boîte de dialogue : ${dialog.message()}`);
    void dialog.dismiss().catch(() => undefined);
  });
  return complaints;
}

let axe: Promise<string> | undefined;

/** Rules of axe that judge colours. */
const COLOURS = ["color-contrast", "color-contrast-enhanced", "link-in-text-block"];

/** Every rule of axe, the AAA and experimental ones too, those of colours, or the others. */
export async function axeFindings(page: Page, which: "all" | "colours" | "all but colours" = "all"): Promise<string[]> {
  axe ??= readFile(requireHere.resolve("axe-core/axe.min.js"), "utf8");
  if (!(await page.evaluate<boolean>("typeof axe === 'object'"))) await page.evaluate(await axe);
  return page.evaluate<string[]>(`(async () => {
    const colours = ${JSON.stringify(COLOURS)};
    const wanted = { all: (id) => true, colours: (id) => colours.includes(id), "all but colours": (id) => !colours.includes(id) }[${JSON.stringify(which)}];
    const rules = axe.getRules().map(({ ruleId }) => ruleId).filter(wanted);
    const { violations, incomplete, passes } = await axe.run(document, {
      runOnly: { type: "rule", values: rules }, rules: Object.fromEntries(rules.map((rule) => [rule, { enabled: true }])), resultTypes: ["violations", "incomplete"],
    });
    if (passes.length < Math.min(20, rules.length - 2)) throw new Error("axe looked at too little: " + passes.length + " rules");
    // It doubts that a text of the very colour of its ground was meant to be read: we do not.
    const invisible = incomplete.filter(({ id }) => id === "color-contrast")
      .map(({ id, nodes }) => ({ id, nodes: nodes.filter(({ any }) => any.some(({ data }) => data?.messageKey === "equalRatio")) }));
    return [...violations, ...invisible].flatMap(({ id, nodes }) => nodes.slice(0, 3).map(({ html, failureSummary }) => id + " : " + html.slice(0, 160) + " — " + failureSummary.replace(/\\s+/g, " ").slice(0, 220)));
  })()`);
}

/** How much wider than the window the page is. */
export const overflowOf = (page: Page) =>
  page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth");

/** What is wider than the window, to say where to look. */
export const widest = (page: Page) =>
  page.evaluate<string>(`[...document.querySelectorAll("body *")]
    .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .filter((element) => !element.closest(".table-scroll :not(.visually-hidden)"))
    .slice(-3).map((element) => element.outerHTML.slice(0, 100)).join(" | ")`);

/** Controls smaller than 44 px both ways allowed (UIX-3); a link inside a sentence is exempt, a box counts with its label. */
export const smallTargets = (page: Page) =>
  page.evaluate<string[]>(`
    [...document.querySelectorAll("a, button, summary, select, input:not([type=hidden]), textarea")]
      .filter((element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0)
      .filter((element) => !element.closest(".skips") && !(getComputedStyle(element).display === "inline" && element.closest("p, dd, li, td, summary")))
      .map((element) => (element.matches("[type=checkbox], [type=radio]") ? (element.closest("label") ?? element) : element))
      .map((element) => ({ html: element.outerHTML.slice(0, 110), box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.width < 43.5 || box.height < 43.5)
      .slice(0, 4)
      .map(({ html, box }) => Math.round(box.width) + " × " + Math.round(box.height) + " px : " + html)`);

/** The page as it stands now, scripts having run. */
export const domOf = async (page: Page) =>
  `<!doctype html>\n${await page.evaluate<string>("document.documentElement.outerHTML")}`;

/** The Nu HTML checker on all these documents at once; each finding begins with the name given. */
export async function nuFindings(documents: Map<string, string>): Promise<string[]> {
  const folder = await mkdtemp(path.join(tmpdir(), "opstracker-nu-"));
  try {
    const names = new Map<string, string>();
    for (const [name, html] of documents) {
      const file = path.join(folder, `${names.size}.html`);
      names.set(file, name);
      // htmx's own attributes are not HTML's; everything else has to be.
      await writeFile(file, html.replace(/ hx-[a-z-]+="[^"]*"/g, ""));
    }
    const jar = requireHere.resolve("vnu-jar/build/dist/vnu.jar");
    const { stderr } = await promisify(execFile)(
      "java",
      ["-Xss4m", "-XX:+UseSerialGC", "-jar", jar, "--format", "json", "--exit-zero-always", folder],
      { maxBuffer: 64 * 1024 * 1024 },
    );
    const { messages } = JSON.parse(stderr) as {
      messages: { type: string; url?: string; message: string; extract?: string; lastLine?: number }[];
    };
    return messages
      .filter(({ type }) => type === "error" || type === "non-document-error")
      .map(({ url = "", message, extract = "" }) => {
        const name = names.get(decodeURIComponent(url.replace(/^file:/, ""))) ?? url;
        return `${name} : ${message} ${extract.replace(/\s+/g, " ").slice(0, 160)}`;
      });
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface Stop {
  html: string;
  index: number;
  outline: boolean;
  onBody: boolean;
}

/**
 * Walks the page with Tab from its start. Faults: something never reached, reached out of order, without a visible
 * outline, or a trap.
 */
export async function tabWalk(page: Page): Promise<{ faults: string[]; first: string; stops: number }> {
  await page.evaluate(`(() => {
    getSelection()?.removeAllRanges();
    document.activeElement?.blur?.();
    const rank = (element) => {
      const group = element.type === "radio" && element.name ? "radio " + element.name + (element.form?.action ?? "") + [...document.forms].indexOf(element.form) : null;
      return group;
    };
    const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")].filter((element) => {
      if (element.matches(":disabled, [type=hidden]") || element.tabIndex < 0) return false;
      if (element.closest("[inert], dialog:not([open]), template")) return false;
      const menu = element.closest("details:not([open])");
      if (menu && !(element.localName === "summary" && element.parentElement === menu)) return false;
      return element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
    });
    const seen = new Set();
    window.walked = all.filter((element) => {
      const group = rank(element);
      if (!group) return true;
      const members = all.filter((other) => rank(other) === group);
      return (members.find((other) => other.checked) ?? members[0]) === element;
    });
  })()`);
  const expected = await page.evaluate<string[]>("walked.map((element) => element.outerHTML.slice(0, 110))");
  // What scrolls inside a frame takes a stop there, told as the frame, or as the page while the focus passes over.
  const framed = (await page.locator("iframe").count()) > 0;
  const faults: string[] = [];
  const reached = new Set<number>();
  let first = "";
  let last = -1;
  for (let press = 0; press < expected.length * 2 + 30; press++) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate<Stop>(`(() => {
      const element = document.activeElement;
      // A box or a radio shows its focus on the whole label.
      const seen = [element, element.closest("label")].some((drawn) => {
        const style = drawn && getComputedStyle(drawn);
        return style && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
      });
      return { html: element.outerHTML.slice(0, 110), index: walked.indexOf(element), outline: seen, onBody: element === document.body || element === document.documentElement };
    })()`);
    if (press === 0) first = stop.html;
    if (framed && (stop.html.startsWith("<iframe") || (stop.onBody && reached.size < expected.length))) continue;
    if (stop.onBody) break;
    // The parts of a date are one control; coming back to the start is having walked everything.
    if (stop.index === last) continue;
    if (stop.index === 0 && reached.size > 0) break;
    if (stop.index === -1) {
      faults.push(`un arrêt imprévu : ${stop.html}`);
      continue;
    }
    if (reached.has(stop.index)) {
      faults.push(`atteint deux fois : ${stop.html}`);
      if (faults.length > 5) break;
    }
    if (stop.index < last) faults.push(`hors de l’ordre : ${stop.html}`);
    if (!stop.outline) faults.push(`sans contour visible : ${stop.html}`);
    reached.add(stop.index);
    last = stop.index;
  }
  for (const [index, html] of expected.entries()) if (!reached.has(index)) faults.push(`jamais atteint : ${html}`);
  return { faults, first, stops: reached.size };
}
