/** Scenarios of the figures of a campaign, line by line, on every medium that prints them (S19, S29). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "csv-parse/sync";
import { setBaseline } from "../../src/campaigns/baseline.ts";
import { Campaign } from "../../src/campaigns/index.ts";
import { campaigns } from "../../src/campaigns/module.ts";
import type { Category } from "../../src/workflow/index.ts";
import { idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const { tenantId, id: sophieId } = await world.userOf("sophie");
const at = (moment: string) => world.clock.advance(Date.parse(moment) - world.clock.now().getTime());
const nightly = campaigns.schedules!.find(({ job }) => job === "campaigns.freeze_days")!;
const night = () => nightly.run(world.app.locals.services, { tenantId, day: "" });
const said = (text: { text: string }) => plain(text).replaceAll(/[\u00a0\u202f]/g, " ");
const change = (of: string, verb: (em: never, found: Campaign) => unknown) =>
  world.db.act(
    { tenantId, actorId: sophieId, channel: "page", code: "essai", label: "Essai", now: world.clock.now() },
    async (em) => verb(em as never, await em.findOneOrFail(Campaign, { id: idIn(of) })),
  );

const LABELS: Record<Category, string> = {
  ...{ open: "À planifier", planned: "Planifiées", running: "En cours", success: "Réalisées" },
  ...{ deferred: "Reportées", problem: "Bloquées", cancelled: "Annulées" },
};
const CODES = Object.keys(LABELS) as Category[];
type Counts = Record<Category, number>;
const STATUSES: Record<Category, string> = {
  ...{ open: "to_schedule", planned: "scheduled", running: "in_progress", success: "done" },
  ...{ deferred: "postponed", problem: "blocked", cancelled: "cancelled" },
};

/** A campaign under way with so many operations of each category, twenty of them in no segment. */
async function campaign(counts: Partial<Counts>): Promise<string> {
  const sophie = await world.as("sophie");
  const of = await makeCampaign(sophie, { startsOn: "2026-02-02", endsOn: "2026-04-30" });
  await sophie.get(`${of}/segments`);
  isAt(await sophie.post(`${of}/segments`, { name: "Bâtiment A" }));
  await change(of, async (em: never, found) => {
    const { execute } = em as { execute(sql: string, values: unknown[]): Promise<unknown> };
    const run = execute.bind(em);
    for (const [category, n] of Object.entries(counts)) {
      await run(
        `insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category, entered_at, completed_at)
         select ?, uuidv7(), ?, ? || n, '{}', '', ?, ?, app_now(), case when ? = 'success' then app_now() end from generate_series(1, ?::int) n`,
        [tenantId, idIn(of), `PC-${category}-`, STATUSES[category as Category], category, category, n],
      );
    }
    await run(
      `update operation set segment_id = (select id from segment where campaign_id = ?) where campaign_id = ?
         and id not in (select id from operation where campaign_id = ? and category = 'success' order by id limit 20)`,
      [idIn(of), idIn(of), idIn(of)],
    );
    found.state = "active";
    found.visibility = "public";
  });
  return of;
}

const inOrder = (read: (code: Category) => number): Counts =>
  Object.fromEntries(CODES.map((code) => [code, read(code)])) as Counts;
const numberOf = (text: string) => Number(text.replaceAll(/[\s\u00a0\u202f]/g, ""));

/** What a page of figures prints of each counter, after its label. */
const onDashboard = (page: { text: string }): Counts =>
  inOrder((code) => {
    const text = said({ text: page.text.slice(page.text.indexOf('class="stats"')) });
    const found =
      code === "cancelled"
        ? /([\d ]+) annulées? ?\./.exec(text)
        : new RegExp(`(?:^|\\s)${LABELS[code]} ([\\d ]+?) [\\d,]+ %`).exec(text);
    assert.ok(found, `${code} dans ${text.slice(0, 300)}`);
    return numberOf(found[1]!);
  });

async function fileOf(path: string, fields: Record<string, string>): Promise<Record<string, string>[]> {
  const sophie = await world.as("sophie");
  await sophie.get(`${path}?${new URLSearchParams(fields)}`);
  const { status, text } = await sophie.post(path, { ...fields, colonnes: "toutes" });
  assert.equal(status, 200, text.slice(0, 500));
  return parse(text, { bom: true, delimiter: ";", columns: true }) as Record<string, string>[];
}

/** The counters on every medium there is: as many times the same. */
async function everywhere(of: string): Promise<Record<string, Partial<Counts>>> {
  const sophie = await world.as("sophie");
  const list = await Promise.all(
    CODES.map(async (code) => {
      const page = await sophie.get(`${of}/operations?categorie=${code}`);
      return [code, numberOf(/id="operations-compte">([\d\s\u202f\u00a0]+)/.exec(page.text)![1]!)] as const;
    }),
  );
  const rows = await fileOf(`/exports/operations/${idIn(of)}/nouveau`, { liste: "" });
  const ONE: Record<Category, RegExp> = {
    ...{ open: /^À planifier/, planned: /^Planifiée/, running: /^En cours/, success: /^Réalisée/ },
    ...{ deferred: /^Reportée/, problem: /^Bloquée/, cancelled: /^Annulée/ },
  };
  const card = said({ text: (await sophie.get(`/campagnes?q=${encodeURIComponent(await nameOf(of))}`)).text });
  const onCard = (code: Category) => numberOf(new RegExp(` ${LABELS[code]} ([\\d ]+)(?= |$)`).exec(card)![1]!);
  return {
    "tableau de bord": onDashboard(await sophie.get(of)),
    portefeuille: Object.fromEntries(
      (["success", "planned", "deferred", "problem"] as const).map((code) => [code, onCard(code)]),
    ),
    liste: Object.fromEntries(list),
    CSV: inOrder((code) => rows.filter(({ Catégorie }) => ONE[code].test(Catégorie!)).length),
  };
}
const nameOf = async (of: string) =>
  (await world.db.read(tenantId, (em) => em.findOneOrFail(Campaign, { id: idIn(of) }))).name;
function agree(media: Record<string, Partial<Counts>>, counts: Counts): void {
  for (const [medium, seen] of Object.entries(media)) {
    for (const [code, n] of Object.entries(seen)) assert.equal(n, counts[code as Category], `${medium} : ${code}`);
  }
}

const COUNTS: Counts = { open: 40, planned: 92, running: 10, success: 619, deferred: 52, problem: 34, cancelled: 0 };

test("S19, STA-1, STA-2 : les sept compteurs sont les mêmes au tableau de bord, au portefeuille, dans la liste, le CSV et l’instantané", async () => {
  await at("2026-11-30T09:00:00Z");
  const of = await campaign({ ...COUNTS, cancelled: 0 });
  agree(await everywhere(of), COUNTS);
  const sophie = await world.as("sophie");
  const page = said(await sophie.get(of));
  assert.match(page, /73,1 %/);
  assert.match(page, /Sans segment [^A-Z]*100,0 % 20 20 /, "la ligne Sans segment complète le total");

  const first = [
    ...new Set(
      [
        ...(await sophie.get(`${of}/operations?categorie=open`)).text.matchAll(/href="\/operations\/([0-9a-f-]{36})/g),
      ].map(([, id]) => id!),
    ),
  ].slice(0, 7);
  for (const id of first) {
    await sophie.get(`/operations/${id}`);
    isAt(await sophie.post(`/operations/${id}/statut`, { to: "cancelled", kind: "cancel", reason: "Matériel rendu" }));
  }
  const after = { ...COUNTS, open: 33, cancelled: 7 };
  agree(await everywhere(of), after);
  assert.match(said(await sophie.get(of)), /73,7 %.* sur 840/);

  await at("2026-11-30T23:05:10Z"); // 00:05 in Paris
  await night();
  const by = await world.as("sophie");
  const list = await by.get(`${of}/instantanes`);
  const line = /<tr>\s*<th scope="row"><a href="([^"]+)">30\/11\/2026[\s\S]*?<\/tr>/.exec(list.text)!;
  assert.match(said({ text: line[0] }), /73,7 % .* 847 619 10 92 33 52 34 /);
  agree({ instantané: onDashboard(await by.get(line[1]!)) }, after);
  const rows = await fileOf(`/exports/instantane/${idIn(of)}/nouveau`, { liste: `instantane=${idIn(line[1]!)}` });
  const total = rows.at(-1)!;
  assert.equal(total.Segment, "Total");
  agree({ "CSV de l’instantané": inOrder((code) => Number(total[LABELS[code]])) }, after);
  assert.deepEqual(
    rows.map(({ Jour, Segment, Total }) => [Jour, Segment, Total]),
    [
      ["30/11/2026", "Bâtiment A", "827"],
      ["30/11/2026", "Sans segment", "20"],
      ["30/11/2026", "Total", "847"],
    ],
  );
});

test("S29, SNP-2, SNP-4 : un jour passé se relit sous sa bannière, quoi qu’on change ensuite ; deux jours se comparent", async () => {
  await at("2027-03-11T23:06:00Z");
  const of = await campaign({ ...COUNTS, cancelled: 0 });
  await at("2027-03-12T23:05:30Z");
  await night();
  const sophie = await world.as("sophie");
  const seen = isAt(await sophie.get(`${of}/instantanes?jour=2027-03-12`));
  const before = await sophie.get(seen);
  assert.match(said(before), /Instantané du 12\/03\/2027/);
  assert.match(said(before), /73,1 %.*619 opérations réalisées sur 847/);
  assert.doesNotMatch(said(before), /reconstitué/i);
  assert.match(said(before), /À compléter|Non prête|Prête/, "l’état de préparation se fige aussi (PRE-6)");
  assert.doesNotMatch(before.text.slice(before.text.indexOf("<main")), /data-live|hx-trigger/, "rien n’y bouge");
  assert.doesNotMatch(before.text, /\/operations\?/, "aucun lien vers des lignes, qui sont celles d’aujourd’hui");

  await at("2027-03-13T10:00:00Z");
  const later = await world.as("sophie");
  const { text } = await later.get(`${of}/operations?categorie=running`);
  const ids = [...new Set([...text.matchAll(/href="\/operations\/([0-9a-f-]{36})/g)].map(([, id]) => id!))];
  for (const id of ids.slice(0, 3)) {
    await later.get(`/operations/${id}`);
    isAt(await later.post(`/operations/${id}/statut`, { to: "done", kind: "complete" }));
  }
  assert.match(said(await later.get(of)), /622 opérations réalisées/, "le tableau de bord suit");
  assert.match(said(await later.get(seen)), /73,1 %.*619 opérations réalisées sur 847/, "l’instantané, non");

  await at("2027-03-15T08:00:00Z");
  await night();
  const back = await world.as("sophie");
  const compared = await back.get(`${of}/instantanes/comparaison?avant=2027-03-12&apres=2027-03-13`);
  const page = said(compared);
  assert.match(page, /Chiffre 12\/03\/2027 13\/03\/2027 reconstitué Différence/);
  assert.match(page, /Avancement 73,1 % 73,4 % \+0,3 pt/);
  assert.match(page, /Réalisées 619 622 \+3/);
  assert.match(page, /En cours 10 7 −3/);
  assert.match(page, /Total 847 847 =/);
  assert.match(said(await back.get(`${of}/instantanes`)), /14\/03\/2027 Reconstitué/);
});

test("SNP-7 : un instantané ne s’efface pas seul, même par qui tient la base ; il part avec sa campagne", async () => {
  const remove = (of: string) => world.owner.query("delete from campaign_snapshot where campaign_id = $1", [idIn(of)]);
  const of = await campaign({ success: 1, running: 1 });
  await at("2027-03-15T23:06:00Z");
  await night();
  await world.owner.query("select set_config('app.tenant_id', $1, false)", [tenantId]);
  await assert.rejects(remove(of), /leaves with its campaign/);
  await assert.rejects(world.owner.query("update campaign_snapshot set is_rebuilt = true"), /never changed/);
  await change(of, (_em, found) => {
    found.trashedAt = world.clock.now();
  });
  assert.ok((await remove(of)).rowCount! > 0);
});

test("SNP-5, S29 : un nouveau plan de référence, avec son motif et ce qu’il change ; il s’annule, le précédent reprend", async () => {
  const of = await campaign({ planned: 4, success: 1 });
  const plan = (day: string, n: number) =>
    change(of, (em: never) =>
      (em as { execute(sql: string, values: unknown[]): Promise<unknown> }).execute(
        `update operation set planned_at = ? where id in (select id from operation where campaign_id = ? and category = 'planned' order by id limit ?)`,
        [day, idIn(of), n],
      ),
    );
  await plan("2027-03-20T09:00:00Z", 3);
  await change(of, (em: never, found) =>
    setBaseline(em, found, "Premier plan", { by: { id: sophieId }, now: world.clock.now(), zone: "Europe/Paris" }),
  );
  await plan("2027-03-24T09:00:00Z", 4);
  await world.clock.advanceMinutes(5);
  const sophie = await world.as("sophie");
  const at = `${of}/plan-de-reference`;
  assert.match(
    said(await sophie.get(at)),
    /4 opérations ont une date aujourd’hui. Depuis le plan en vigueur : 3 dates repoussées et 1 opération ajoutée/,
  );
  assert.equal((await sophie.post(at, { reason: " " })).status, 422);
  isAt(await sophie.post(at, { reason: "Livraison décalée" }));
  const page = said(await sophie.get(at));
  assert.match(
    page,
    /En vigueur Sophie Marchand Livraison décalée 4 .*3 dates repoussées et 1 opération ajoutée.*Premier plan 3 /,
  );
  const days = () =>
    world.db.read(tenantId, (em) =>
      em.execute<{ day: string | null; n: number }[]>(
        "select baseline_on::text as day, count(*)::int as n from operation where campaign_id = ? group by 1 order by 1",
        [idIn(of)],
      ),
    );
  assert.deepEqual(await days(), [
    { day: "2027-03-24", n: 4 },
    { day: null, n: 1 },
  ]);
  const [act] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where code = 'campaign.baseline_set' order by id desc limit 1"),
  );
  await sophie.get(`/actes/${act!.id}/annulation`);
  isAt(await sophie.post(`/actes/${act!.id}/annulation`, {}));
  assert.deepEqual(await days(), [
    { day: "2027-03-20", n: 3 },
    { day: null, n: 2 },
  ]);
  assert.doesNotMatch(said(await sophie.get(at)), /Livraison décalée/);
  const helene = await world.as("helene");
  assert.match(
    said(await helene.get(at)),
    /Vous ne pouvez pas terminer, archiver, transmettre ou supprimer cette campagne/,
  );
  assert.equal((await helene.post(at, { reason: "Pour voir" })).status, 403);
});
