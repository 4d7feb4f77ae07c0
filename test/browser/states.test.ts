/** Pages that change with what they show: each state once, where the sweep of routes sees each address in one state alone. */
import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { test } from "node:test";
import {
  axeFindings,
  contextOf,
  domOf,
  nuFindings,
  overflowOf,
  smallTargets,
  startChromium,
  widest,
} from "../support/browser.ts";
import { addField, addOperation, idIn, isAt, makeCampaign } from "../support/campaigns.ts";
import { sendForm } from "../support/multipart.ts";
import { csvText } from "../support/sheets.ts";
import { report } from "../support/sweep.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const sophie = await world.as("sophie");
const [karim, yann] = await Promise.all(["karim", "yann"].map((who) => world.userOf(who)));

const at = await makeCampaign(sophie);
const list = `${at}/operations`;
await addField(sophie, at, "Système", { type: "single_choice", options: "Windows\r\nLinux" });
await sophie.get(`${at}/segments`);
isAt(await sophie.post(`${at}/segments`, { name: "Bâtiment A" }));
const segment = /\/segments\/([0-9a-f-]{36})"/.exec((await sophie.get(`${at}/segments`)).text)![1]!;
const ids: string[] = [];
for (const [cible, more] of [
  ["PC-0001", { plannedOn: "2026-12-08", segment, technician: karim!.id, c_systeme: "windows" }],
  ["PC-0002", { plannedOn: "2026-12-09", technician: yann!.id }],
  ["PC-0003", { segment }],
  ["PC-0004", {}],
] as const)
  ids.push(idIn(await addOperation(sophie, at, { c_cible: cible, ...more })));
const [one] = ids;

/** A file of operations brought as far as asked: a column mapped, checked with errors and differences, then run. */
async function importOf(until: "analysed" | "checked" | "running" | "completed"): Promise<string> {
  const lines = [
    ["PC-0001", "Linux", "10/12/2026"],
    ["PC-0005", "Windows", "31/02/2026"],
    ["PC-0006", "BeOS", "11/12/2026"],
    ["PC-0007", "Linux", ""],
  ];
  const content = Buffer.from(csvText([["Cible", "Système", "Date prévue"], ...lines]));
  const sent = { name: "postes.csv", content };
  await sophie.get(`/imports/operations/nouveau?objet=${idIn(at)}`);
  const file = isAt(await sendForm(world, sophie, "/imports/operations/nouveau", sent, { scope: idIn(at) }));
  if (until === "analysed") return file;
  isAt(
    await sophie.post(`${file}/verification`, {
      column: ["cible", "systeme", "prevue_le"],
      key: "Cible",
      mode: "both",
      empty: "keep",
      missing: "flag",
      threshold: "90",
      decimal: "",
    }),
  );
  if (until === "running")
    await world.db.note(sophie.tenantId, (em) =>
      em.execute("update import set state = 'running', act_id = ?, started_at = app_now(), done = 2 where id = ?", [
        randomUUIDv7(),
        idIn(file),
      ]),
    );
  if (until === "completed") isAt(await sophie.post(`${file}/execution`, { errors: "valid" }));
  return file;
}

async function bulk(action: string, settings?: Record<string, string | string[]>): Promise<string> {
  await sophie.get(list);
  const lot = isAt(await sophie.post(`${list}/lots`, { action, scope: "ticked", row: ids }));
  await sophie.get(lot);
  if (settings) isAt(await sophie.post(`${lot}/apercu`, settings));
  return lot;
}

const balanced = { technicians: [karim!.id, yann!.id], minutes: "60" };
const applied = await bulk("segment", { segment });
isAt(await sophie.post(`${applied}/execution`));

const STATES: Record<string, string> = {
  "import d’opérations, envoi du fichier": `/imports/operations/nouveau?objet=${idIn(at)}`,
  "import analysé": await importOf("analysed"),
  "import vérifié, erreurs et cellules changées": await importOf("checked"),
  "import terminé": await importOf("completed"),
  "import en cours": await importOf("running"),
  ...Object.fromEntries(
    ["statut", "technicien", "segment", "c.systeme"].map((code) => [
      `cellule ${code}`,
      `/operations/${one}/cellules/${code}?retour=${encodeURIComponent(list)}`,
    ]),
  ),
  "action groupée, réglages": await bulk("step"),
  "action groupée, charge des techniciens": await bulk("balance", balanced),
  "action groupée, résultat": applied,
  "liste d’un statut, choisi parmi les autres": `${list}?statut=scheduled`,
};
/** Of the list, judged narrow, where little room is left. */
const NARROW: Record<string, string> = {
  "liste groupée": `${list}?groupe=segment`,
  "liste en cartes": `${list}?forme=cartes`,
  "liste filtrée, avec ses puces": `${list}?q=pc&technicien=${karim!.id}&statut=scheduled&statut=to_schedule`,
  "liste, deux lignes cochées": list,
};

test("UIX-2, UIX-4 : chaque état d’un import, d’une cellule, d’une action groupée et de la liste, jugé une fois", async () => {
  const context = await contextOf(await startChromium(), world, "sophie");
  const page = await context.newPage();
  assert.match((await sophie.get(STATES["import en cours"]!)).text, /Arrêter/);
  const failures: string[] = [];
  const documents = new Map<string, string>();
  for (const [name, address] of Object.entries({ ...STATES, ...NARROW })) {
    const isNarrow = name in NARROW;
    await page.setViewportSize({ width: isNarrow ? 320 : 1280, height: 900 });
    const answer = await page.goto(world.origin + address);
    assert.equal(answer?.status(), 200, `${name} : ${address}`);
    if (name.endsWith("cochées"))
      for (const rank of [0, 1]) await page.locator("input.tick[name=row]").nth(rank).check();
    for (const finding of await axeFindings(page)) failures.push(`${name} : ${finding}`);
    if (isNarrow) {
      const overflow = await overflowOf(page);
      if (overflow > 0) failures.push(`${name} déborde de ${overflow} px : ${await widest(page)}`);
      for (const small of await smallTargets(page)) failures.push(`${name}, cible de ${small}`);
    }
    documents.set(name, await domOf(page));
  }
  await context.close();
  report(failures, "Infractions relevées");
  report(await nuFindings(documents), "Erreurs HTML");
});
