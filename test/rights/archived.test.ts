/** An archived campaign is read-only by every way in (CAM-8, S16, rulings 27). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { campaigns } from "../../src/campaigns/module.ts";
import type { Route } from "../../src/platform/http/route.ts";
import { changedTables, fingerprints } from "../support/fingerprints.ts";
import { sendForm } from "../support/multipart.ts";
import { nameOf, PERSONAS, report, startSweep } from "../support/sweep.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sweep = await startSweep(world);
const { root, routes } = sweep;
const denis = PERSONAS.find(({ who }) => who === "denis")!;
const { campaign } = sweep.ids.quais!;
const READ_ONLY = /Campagne archivée, lecture seule|déjà archivée/;

/** What stays possible on an archived campaign, and why: the one list of exemptions (rulings 27). */
const EXEMPT: Record<string, string> = {
  "/campagnes/:id/restauration": "c’est elle qui rouvre",
  "/campagnes/:id/reprise": "archivée, elle n’est jamais à la corbeille",
  "/campagnes/:id/vues": "une vue privée est à son auteur",
  "/campagnes/:id/vues/modification": "une vue privée est à son auteur",
  "/campagnes/:id/vues/suppression": "une vue privée est à son auteur",
  "/campagnes/:id/vues/defaut": "le goût d’une personne",
  "/campagnes/:id/epingle": "le goût d’une personne",
  "/campagnes/:id/epingle/retrait": "le goût d’une personne",
  "/campagnes/:id/epingle/deplacement": "le goût d’une personne",
  "/campagnes/:id/copie": "elle en fait une autre",
  "/campagnes/:id/champs/:code/refusees/:act": "un export",
};
/** What a request leaves that is no matter of business: its key, and that it was made. */
const NO_BUSINESS = ["public.idempotency_key", "public.session", "public.user_session"];

const isOnCampaign = ({ method, path }: Route) => method === "post" && /^\/(campagnes|operations)\/:id/.test(path);
const changing = routes.filter((route) => isOnCampaign(route) && !EXEMPT[route.path]);

/** What changes nothing of a campaign that is there, by the start of its address. */
const ELSEWHERE = ["/campagnes/nouvelle", "/admin/types-operations"];

const archive = () =>
  root.query(
    "update campaign set state_before = case when state = 'archived' then state_before else state end, state = 'archived' where id = $1",
    [campaign],
  );
const beside = async (work: () => Promise<unknown>) => {
  await root.query("set session_replication_role = replica");
  await work();
  await root.query("set session_replication_role = origin");
};
const touched = (before: Map<string, string>, now: Map<string, string>) =>
  changedTables(before, now).filter((table) => !NO_BUSINESS.includes(table));

test("S16 : toute adresse qui change une campagne dit laquelle, ou une opération d’elle : aucune n’échappe à l’essai suivant", () => {
  const own = (campaigns.routes ?? []).filter(({ method }) => method === "post");
  const escaped = own.filter(
    (route) => !isOnCampaign(route) && !ELSEWHERE.some((start) => route.path.startsWith(start)),
  );
  assert.deepEqual(escaped.map(nameOf), [], "Sous /campagnes/:id ou /operations/:id ; sinon, dites-la dans ELSEWHERE");
  const known = new Set(routes.map(({ path }) => path));
  assert.deepEqual(
    Object.keys(EXEMPT).filter((path) => !known.has(path)),
    [],
    "une exemption de trop",
  );
});

test("S16 : archivée, chaque adresse qui changerait la campagne ou ce qu’elle tient répond 409, et rien n’a bougé", async () => {
  assert.ok(changing.length > 40, `${changing.length} adresses`);
  const failures: string[] = [];
  for (const route of changing) {
    const browser = await sweep.browse(denis);
    const fields = await sweep.filled(route, denis, browser);
    const path = (await sweep.address(route, denis, "own", browser))!;
    await beside(archive);
    const before = await fingerprints(root);
    const { status, text } = await browser.post(path, fields);
    if (status !== 409 || !READ_ONLY.test(text)) failures.push(`${nameOf(route)} : ${status} au lieu de 409`);
    const changed = touched(before, await fingerprints(root));
    if (changed.length > 0) failures.push(`${nameOf(route)} : ${changed.join(", ")} a changé`);
  }
  await sweep.calm();
  report(failures, "Appelez refuseArchived() dans le verbe, ou dites dans EXEMPT pourquoi non");
});

test("S16 : ni fichier ni annulation n’y entrent ; elle se lit et s’exporte ; restaurée, avec son auteur, elle s’écrit de nouveau", async () => {
  const browser = await sweep.browse(denis);
  await beside(() => root.query("update campaign set state = 'draft' where id = $1", [campaign]));
  await browser.get(`/campagnes/${campaign}/visibilite`);
  const version = (await root.query("select version from campaign where id = $1", [campaign])).rows[0].version;
  const opened = await browser.post(`/campagnes/${campaign}/visibilite`, {
    visibility: "public",
    version: String(version),
  });
  assert.equal(opened.status, 303);
  await beside(archive);

  const before = await fingerprints(root);
  const file = { name: "o.csv", content: Buffer.from("Cible\nPC-9") };
  const sent = await sendForm(world, browser, "/imports/operations/nouveau", file, { scope: campaign });
  assert.deepEqual([sent.status, READ_ONLY.test(sent.text)], [409, true]);
  const { rows } = await root.query("select id from act where subject_id = $1 order by id desc limit 1", [campaign]);
  const undone = await browser.post(`/actes/${rows[0].id}/annulation`, {});
  assert.equal(undone.status, 422);
  assert.match((await browser.get(`/actes/${rows[0].id}/annulation`)).text, READ_ONLY);
  assert.deepEqual(
    touched(before, await fingerprints(root)).filter((table) => !table.includes("upload")),
    [],
  );

  assert.equal((await browser.get(`/campagnes/${campaign}/operations`)).status, 200);
  const exporting = routes.find(({ method, path }) => method === "post" && path === "/exports/:kind/:objet/nouveau")!;
  const fields = await sweep.filled(exporting, denis, browser);
  await beside(archive);
  const exported = await browser.post(`/exports/operations/${campaign}/nouveau`, fields);
  assert.ok([200, 303].includes(exported.status), String(exported.status));
  await browser.get(`/campagnes/${campaign}/archivage`);
  assert.equal((await browser.post(`/campagnes/${campaign}/restauration`, { reason: "Reprise" })).status, 303);
  const { rows: told } = await root.query(
    "select actor_id, reason from act where subject_id = $1 and code = 'campaign.restored' order by id desc limit 1",
    [campaign],
  );
  assert.deepEqual(told, [{ actor_id: browser.id, reason: "Reprise" }]);
  const again = await browser.post(`/campagnes/${campaign}/segments`, { name: "Après la reprise" });
  assert.equal(again.status, 303);
});
