import assert from "node:assert/strict";
import { test } from "node:test";
import { contrast } from "../../../src/accounts/colour.ts";
import { THEMES, TOKENS } from "../../../src/accounts/tokens.ts";
import { cleanSvg } from "../../../src/platform/charts/clean.ts";
import { type Chart, chartPicture, drawChart, planOfChart, tableOf } from "../../../src/platform/charts/index.ts";
import { MARKS } from "../../../src/platform/charts/options.ts";
import { render } from "../../../src/platform/charts/render.ts";
import { fr } from "../../../src/platform/text/index.ts";
import { part } from "../../screens/page.ts";
import { findAll, parseHtml, tagsOf, textOf } from "../../support/html.ts";
import { BLOCKED, BURN_UP, CHARTS, WEEKS } from "./samples.ts";

test("un dessin ne porte ni style, ni script, ni adresse, et chaque identifiant y est défini une fois", async () => {
  for (const chart of CHARTS) {
    const { wide, narrow } = await drawChart(chart);
    for (const svg of [wide, narrow]) {
      assert.match(svg, /^<svg [^>]*viewBox="[\d. ]+"/);
      assert.doesNotMatch(svg, /style|script|class=|href|data-|:\/\/|\son\w+=|NaN|undefined/);
      const ids = [...svg.matchAll(/\bid="([^"]+)"/g)].map(([, id]) => id);
      assert.equal(new Set(ids).size, ids.length);
      for (const [, used] of svg.matchAll(/url\(#([^)]+)\)/g)) assert.ok(ids.includes(used), used);
    }
    assert.notEqual(wide, narrow);
  }
});

test("les mêmes chiffres donnent le même dessin, d’autres un autre", async () => {
  for (const chart of CHARTS) assert.equal(cleanSvg(render(chart, 640), "a"), cleanSvg(render(chart, 640), "a"));
  const other = { ...BLOCKED, values: [12, 8, 6, 4, 2, 1] };
  assert.notEqual((await drawChart(BLOCKED)).wide, (await drawChart(other)).wide);
  assert.equal(await drawChart({ ...BLOCKED }), await drawChart(BLOCKED));
});

test("un libellé hostile reste un texte", async () => {
  const hostile: Chart = {
    ...BLOCKED,
    labels: ['<script>alert("1")</script>', "a & b", "http://ailleurs.example", "d", "e", "f"],
  };
  const { wide } = await drawChart(hostile);
  assert.doesNotMatch(wide, /<script/);
  assert.match(wide, /&lt;script/);
  assert.throws(() => cleanSvg('<svg><use href="#a"/></svg>', "a"), /<use>/);
  assert.throws(() => cleanSvg('<svg><rect fill="url(http://ailleurs.example)"/></svg>', "a"), /not of it/);
  assert.equal(
    cleanSvg('<svg onload="x()"><style>a{}</style><rect style="fill:red;cursor:pointer"/></svg>', "a"),
    '<svg><rect fill="red"/></svg>',
  );
});

test("les couleurs sont celles des thèmes, et chaque trait tient à 3 pour 1 sur son fond (UIX-2)", async () => {
  for (const theme of THEMES) {
    for (const mark of MARKS) {
      const ratio = contrast(TOKENS[theme].get(mark)!, TOKENS[theme].get("card")!);
      assert.ok(ratio >= 3, `${theme} : --${mark} sur --card = ${ratio.toFixed(2)}`);
    }
  }
  /** Grounds and the lines of the grid, which say nothing by themselves. */
  const quiet = ["card", "rule-soft", "success-field"];
  for (const chart of CHARTS) {
    const { wide, narrow } = await drawChart(chart);
    for (const [, colour] of (wide + narrow).matchAll(/(?:fill|stroke)="([^"]+)"/g)) {
      const token = /^var\(--([\w-]+)\)$/.exec(colour!)?.[1];
      assert.ok(
        colour === "none" || /^url\(#/.test(colour!) || [...MARKS, ...quiet].some((name) => name === token),
        `${chart.title} : ${colour}`,
      );
    }
  }
});

test("une série se reconnaît à son motif ou à son trait, sans la couleur (UIX-1)", async () => {
  const [weeks, burnUp, blocked] = await Promise.all(CHARTS.map(drawChart));
  assert.match(weeks!.wide, /<pattern /);
  assert.match(blocked!.wide, /<pattern /);
  const dashes = new Set([...burnUp!.wide.matchAll(/stroke-dasharray="([^"]+)"/g)].map(([, dash]) => dash));
  assert.ok(dashes.size >= 2, [...dashes].join(" ; "));
});

test("le tableau dit les chiffres des séries, et le fichier ceux du tableau (UIX-9)", async () => {
  const { heads, rows } = tableOf(WEEKS);
  assert.deepEqual(heads, ["Semaine du", "Prévues", "Réalisées"]);
  assert.deepEqual(
    rows.map(([label]) => label),
    WEEKS.labels,
  );
  for (const [rank, { values }] of WEEKS.series.entries())
    assert.deepEqual(
      rows.map((row) => row[rank + 1]),
      values,
    );

  assert.deepEqual(tableOf(BURN_UP).heads, [
    "Jour",
    "Intervalle, au plus bas",
    "Intervalle, au plus haut",
    "Plan initial",
    "Plan actuel",
    "Réalisées",
    "Projection",
  ]);
  assert.deepEqual(
    tableOf(BLOCKED).rows.map((row) => row[2]),
    ["38,2", "61,8", "79,4", "91,2", "97,1", "100,0"].map((share) => `${share}\u00a0%`),
  );
  assert.deepEqual(tableOf({ ...BLOCKED, values: [0, 0, 0, 0, 0, 0] }).rows[5]![2], "—");

  for (const chart of CHARTS) {
    const table = tableOf(chart);
    const html = part("chart", {
      id: "essai",
      chart: await drawChart(chart),
      csvAt: "/essai.csv",
      pngAt: "/essai.png",
    });
    const [body] = findAll(parseHtml(html), "tbody");
    const cells = findAll(body!, "tr").map((row) =>
      [...tagsOf(row)].filter(({ name }) => name === "td" || name === "th").map((cell) => textOf(cell)),
    );
    assert.deepEqual(
      cells,
      table.rows.map((row) =>
        row.map((cell) => (cell === null ? "—" : typeof cell === "number" ? fr.number(cell) : cell)),
      ),
    );

    const plan = planOfChart(chart, { place: { label: "Campagne", path: "/" }, name: "essai" });
    assert.deepEqual(plan.heads, table.heads);
    assert.deepEqual((await Array.fromAsync(plan.rows())).flat(), table.rows);
  }
});

test("un dessin impossible se dit, et n’empêche pas le suivant", async () => {
  const impossible = { ...WEEKS, series: [{ name: "Prévues", ink: "doré", values: [1] }] } as unknown as Chart;
  await assert.rejects(drawChart({ ...impossible, labels: null } as unknown as Chart));
  assert.match((await drawChart({ ...WEEKS, title: "Le suivant" })).wide, /^<svg/);
});

test("l’image est un PNG lisible seul, au double de sa taille", async () => {
  const { default: sharp } = await import("sharp");
  for (const chart of CHARTS) {
    const png = await chartPicture(await drawChart(chart), TOKENS.light);
    const { format, width, height } = await sharp(png).metadata();
    assert.deepEqual([format, width], ["png", 1376]);
    assert.ok(height! > 400);
  }
  await assert.rejects(chartPicture(await drawChart(WEEKS), new Map()), /is not a token/);
});
