/** The dashboard of a campaign: what it shows, how each figure is told, what it costs (DSH-1 to DSH-9, DSH-18). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Campaign } from "../../src/campaigns/index.ts";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { sent } from "../support/sent.ts";
import { type Answer, type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
/** A Friday at ten in Paris, no holiday near; the next working day is Monday the 15th. */
await world.clock.advance(Date.parse("2027-03-12T09:00:00Z") - world.clock.now().getTime());
const [sophie, helene, karim] = (await Promise.all(["sophie", "helene", "karim"].map((who) => world.as(who)))) as [
  Browser,
  Browser,
  Browser,
];
const { tenantId } = sophie;

const campaign = (more: Record<string, string> = {}) =>
  makeCampaign(sophie, { startsOn: "2027-01-04", endsOn: "2027-04-30", ...more });
const actOn = (at: string, verb: (em: never, found: Campaign) => unknown) =>
  world.db.act(
    { tenantId, actorId: sophie.id, channel: "page", code: "essai", label: "Essai", now: world.clock.now() },
    async (em) => void (await verb(em as never, await em.findOneOrFail(Campaign, { id: idIn(at) }))),
  );
type Sql = { execute<T>(sql: string, values?: unknown[]): Promise<T> };
const CATEGORIES: Record<string, string> = {
  ...{ to_schedule: "open", scheduled: "planned", in_progress: "running", done: "success" },
  ...{ postponed: "deferred", blocked: "problem", cancelled: "cancelled" },
};
/** Writes operations at once: so many of a status, with the columns given in SQL, `n` being their rank. */
const fill = (at: string, status: string, count: number, columns: Record<string, string> = {}) =>
  actOn(at, (em: Sql) => {
    const names = Object.keys(columns);
    return em.execute(
      `insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category, entered_at${names.map((name) => `, ${name}`).join("")})
       select ?, uuidv7(), ?, ?::text || ' ' || n, '{}', '', ?, ?, app_now() - n * interval '1 day'${names.map((name) => `, ${columns[name]}`).join("")}
       from generate_series(1, ?::int) n`,
      [tenantId, idIn(at), status, status, CATEGORIES[status], count],
    );
  });

const KARIM = `'${karim.id}'::uuid`;
const at = await campaign({ name: "Migration" });
await sophie.get(`${at}/segments`);
for (const name of ["Nord", "Sud"]) isAt(await sophie.post(`${at}/segments`, { name }));
const NORD = `(select id from segment where campaign_id = '${idIn(at)}' and name = 'Nord')`;
const SUD = `(select id from segment where campaign_id = '${idIn(at)}' and name = 'Sud')`;
const LAST_WEEK = "timestamptz '2027-03-05 10:00Z' - n * interval '1 day'";
await fill(at, "done", 12, {
  ...{ segment_id: NORD, technician_id: KARIM, planned_at: LAST_WEEK, completed_at: LAST_WEEK },
  ...{ is_completed_by_technician: "n <= 9", is_on_first_date: "n <= 7", baseline_on: "date '2027-02-01'" },
});
await fill(at, "done", 2, { completed_at: "app_now()", segment_id: SUD, is_on_first_date: "false" });
await fill(at, "scheduled", 8, {
  ...{ segment_id: SUD, planned_at: "timestamptz '2027-03-15 09:00Z'", baseline_on: "date '2027-03-15'" },
  technician_id: `case when n <= 6 then ${KARIM} end`,
});
await fill(at, "scheduled", 3, { planned_at: LAST_WEEK, baseline_on: "date '2027-03-01'", technician_id: KARIM });
await fill(at, "scheduled", 2, { planned_at: LAST_WEEK, baseline_on: "date '2027-03-01'" });
await fill(at, "in_progress", 2, { technician_id: KARIM, baseline_on: "date '2027-03-01'" });
await fill(at, "to_schedule", 4, { baseline_on: "case when n = 1 then date '2027-03-01' end" });
await fill(at, "postponed", 5, {
  ...{ reason: "'Agent en congé'", baseline_on: "date '2027-03-02'", postpone_count: "1" },
  postponed_on: `'["2027-03-10"]'::jsonb`,
});
await fill(at, "blocked", 4, { reason: "case when n = 1 then 'Disque' else 'Prise réseau absente' end" });
await fill(at, "blocked", 2, { baseline_on: "date '2027-03-02'" });
await fill(at, "cancelled", 3, { baseline_on: "date '2027-03-02'" });
/** The days above are those of a baseline frozen before. */
await actOn(at, (em: Sql) =>
  em.execute(
    `insert into baseline (tenant_id, id, campaign_id, frozen_at, operations, days)
     select ?, uuidv7(), ?, '2027-01-04', array_agg(id), array_agg(baseline_on) from operation where campaign_id = ? and baseline_on is not null`,
    [tenantId, idIn(at), idIn(at)],
  ),
);

const spaced = (text: string) => text.replaceAll(/[\u00a0\u202f]/g, " ");
const number = (text: string) => Number(/\d[\d ]*/.exec(spaced(text))?.[0].replaceAll(" ", ""));
/** How many operations a list says it shows. */
async function listed(href: string): Promise<number> {
  const page = await sophie.get(href.replaceAll("&amp;", "&"));
  assert.equal(page.status, 200, `${href} : ${plain(page).slice(0, 300)}`);
  return number(/id="operations-compte">([^<]+)/.exec(page.text)![1]!);
}
const linksIn = (text: string) =>
  [...text.matchAll(/<a [^>]*?href="([^"]+)"[^>]*>([\s\S]*?)<\/a>/g)].map(
    ([, href, words]) => [href!, spaced(plain({ text: words! })).trim()] as const,
  );
const section = ({ text }: Answer, id: string) =>
  new RegExp(`<section[^>]* aria-labelledby="${id}">[\\s\\S]*?</section>`).exec(text)?.[0] ?? "";

test("DSH-1, DSH-5, DSH-6, DSH-8 : qui suit un chiffre trouve dans la liste autant d’opérations qu’il en dit", async () => {
  const page = await sophie.get(at);
  const folded = [...page.text.matchAll(/<details class="detail how"[\s\S]*?<\/details>/g)].map(([one]) => one);
  assert.equal(folded.length, 7, "avancement, segments, deux graphiques, causes, équipe, santé");
  let followed = 0;
  for (const [href, words] of folded.flatMap(linksIn)) {
    if (!href.includes("/operations?")) continue;
    followed += 1;
    // A report is no operation: one put off twice counts twice.
    if (!words.includes("report")) assert.equal(await listed(href), number(words), `${words} : ${href}`);
  }
  assert.ok(followed >= 18, `${followed} chiffres suivis`);
  assert.equal(await listed(`${at}/operations?reportee_du=2027-03-08`), 5);

  for (const [id, least] of [
    ["blocages", 3],
    ["causes", 5],
  ] as const) {
    const links = linksIn(section(page, id)).filter(([href]) => href.includes("/operations?"));
    assert.ok(links.length >= least, `${id} : ${links.length}`);
    for (const [href, words] of links) assert.equal(await listed(href), number(words), `${words} : ${href}`);
  }
  const widgets = /<ul class="stats"[\s\S]*?<\/ul>/.exec(page.text)![0];
  for (const [href, words] of linksIn(widgets)) {
    assert.equal(await listed(href), number(words.replace(/^\D+/, "").split(" ")[0]!), words);
  }
});

test("DSH-6 : chaque opération attendue et non réalisée est dans une cause, et une seule", async () => {
  const text = section(await sophie.get(at), "causes");
  const rows = [...text.matchAll(/<tr><th scope="row">([^<]+)[\s\S]*?<a [^>]+>([\d\u202f]+)/g)].map(([, cause, n]) => [
    cause,
    number(n!),
  ]);
  assert.deepEqual(rows, [
    ["Reportées", 5],
    ["Bloquées", 2],
    ["Non planifiées", 1],
    ["Non affectées", 2],
    ["Commencées, ou prévues plus tard", 5],
  ]);
  assert.match(spaced(text), /15 opérations attendues ne sont pas réalisées/);
  assert.match(spaced(text), /surtout « Agent en congé » \(5\)/);
});

test("DSH-5, OPS-20 : les motifs de blocage du plus fréquent au moins fréquent, avec leur cumul", async () => {
  const text = spaced(plain({ text: section(await sophie.get(at), "blocages") }));
  assert.match(
    text,
    /6 opérations .*Prise réseau absente 3 bloquées, Prise réseau absente 50,0 % Sans motif 2 .*83,3 % Disque 1 .*100,0 %/,
  );
  assert.match(text, /Un seul motif fait 50,0 % des blocages/);
});

test("DSH-3, STA-4 : sept compteurs à chaque ligne, qui font son total", async () => {
  const rows = section(await sophie.get(at), "segments").match(/<tr><th scope="row">[\s\S]*?<\/tr>/g)!;
  for (const row of rows) {
    const cells = [...row.matchAll(/<td class="num" data-label="[^"]+">([\d\u202f]+)</g)].map(([, n]) => number(n!));
    const [total, ...counters] = cells;
    assert.equal(counters.length, 7, spaced(plain({ text: row })));
    assert.equal(
      counters.reduce((sum, n) => sum + n, 0),
      total,
      spaced(plain({ text: row })),
    );
  }
  assert.equal(rows.length, 4, "Nord, Sud, Sans segment et le total");
});

test("DSH-3, DSH-4 : chaque colonne trie, dans les deux sens, et le dit ; sans nom reste en dernier", async () => {
  for (const [table, sort, way] of [
    ["segments", "tri", "sens"],
    ["equipe", "equipe", "sens_equipe"],
  ] as const) {
    const headsOf = (page: Answer) => [
      ...section(page, table).matchAll(/<th [^>]*aria-sort="([a-z]+)"[^>]*><a class="sort" href="([^"]+)">([^<]+)/g),
    ];
    const heads = headsOf(await sophie.get(at));
    assert.equal(heads.length, table === "segments" ? 10 : 5);
    for (const [, , href, label] of heads.slice(1)) {
      const once = await sophie.get(href!.replaceAll("&amp;", "&"));
      const [, order, again] = headsOf(once).find(([, , , one]) => one === label)!;
      assert.equal(order, "ascending", `${table} : ${label}`);
      assert.match(again!, new RegExp(`${sort}=.*${way}=decroissant`));
      const twice = await sophie.get(again!.replaceAll("&amp;", "&"));
      assert.equal(headsOf(twice).find(([, , , one]) => one === label)![1], "descending");
      const names = [...section(twice, table).matchAll(/<tr><th scope="row"><a [^>]+>([^<]+)/g)].map(
        ([, name]) => name,
      );
      assert.equal(names.at(-1), table === "segments" ? "Sans segment" : "Non affectées");
    }
  }
  const names = async (query: string) =>
    [...section(await sophie.get(`${at}?${query}`), "segments").matchAll(/<tr><th scope="row"><a [^>]+>([^<]+)/g)].map(
      ([, name]) => name,
    );
  assert.deepEqual(await names("tri=avancement"), ["Sud", "Nord", "Sans segment"]);
  assert.deepEqual(await names("tri=total&sens=decroissant"), ["Nord", "Sud", "Sans segment"]);
});

test("DSH-4 : la charge des cinq prochains jours ouvrés contre les heures de chacun, un jour trop plein dit", async () => {
  const team = async () => spaced(section(await sophie.get(at), "equipe").replaceAll("&#39;", "’"));
  assert.match(
    await team(),
    /aria-label="Karim [^"]*, lundi 15 mars : 6 opérations, 3 h sur 7 h[^"]* ; mardi 16 mars : 0 opération, 0 min sur/,
  );
  assert.match(await team(), />15 au 19 mars</);
  assert.doesNotMatch(await team(), /trop plein/);
  const other = await campaign();
  await fill(other, "scheduled", 4, { planned_at: "timestamptz '2027-03-15 08:00Z'", technician_id: KARIM });
  assert.match(await team(), /lundi 15 mars : 6 opérations/, "celles d’une autre campagne n’y sont pas");
  await fill(at, "scheduled", 12, { planned_at: "timestamptz '2027-03-15 08:00Z'", technician_id: KARIM });
  assert.match(await team(), /lundi 15 mars : 18 opérations, 9 h sur 7 h/);
  assert.match(await team(), /1 jour trop plein/);
  assert.match(plain({ text: await team() }), /Affecter \d+ opérations/);
});

test("DSH-9 : cinq actions visibles au plus, les autres dans un menu ; qui lit n’a que les siennes", async () => {
  const actions = ({ text }: Answer) => {
    const buttons = /<div class="title">[\s\S]*?<div class="buttons">([\s\S]*?)<div class="menu-list/.exec(text)![1]!;
    return [
      ...buttons.matchAll(/<(?:a|button|summary)[^>]* class="button[^"]*"[^>]*>(?:<svg[\s\S]*?<\/svg>)?([^<]+)/g),
    ].map(([, label]) => label!.trim());
  };
  const visible = actions(await sophie.get(at));
  assert.ok(visible.length <= 5 && visible.includes("Exporter"), visible.join(" ; "));
  await actOn(at, (_em, found) => {
    found.visibility = "public";
  });
  assert.ok(!actions(await helene.get(at)).includes("Exporter"));
  assert.match(plain(await helene.get(at)), /Voir les 6\u00a0?blocages|Voir les 6 blocages/);
  assert.doesNotMatch((await helene.get(at)).text, /\/exports\/graphiques/);
});

test("DSH-5, EXP-12 : les chiffres d’un graphique en CSV, son dessin en PNG, inscrits aux deux journaux, à qui peut exporter", async () => {
  const page = await sophie.get(at);
  const [csvAt, pngAt] = linksIn(section(page, "blocages"))
    .map(([href]) => href.replaceAll("&amp;", "&"))
    .filter((href) => href.startsWith("/exports/graphiques/")) as [string, string];
  await fill(at, "blocked", 1, { reason: "'=1+1'" });
  const take = async (address: string, format: string) => {
    await sophie.get(address);
    const [path, query] = address.split("?") as [string, string];
    const liste = new URLSearchParams(query).get("liste")!;
    return sophie.post(path, { liste, colonnes: "ecran", format });
  };
  assert.match(plain(await sophie.get(csvAt)), /Pareto des blocages, 4 lignes/);
  const csv = await take(csvAt, "csv");
  assert.equal(csv.status, 200);
  assert.match(csv.headers.get("content-disposition")!, /pareto-des-blocages-migration-2027-03-12\.csv/);
  assert.match(spaced(csv.text), /Motif;Bloquées;Part cumulée\r?\nPrise réseau absente;3;/);
  assert.match(csv.text, /'=1\+1;1/, "une formule reste un texte");
  const png = await take(pngAt, "png");
  assert.equal(
    png.headers.get("content-type"),
    "image/png",
    world.logged
      .filter((l) => /error/i.test(l))
      .at(-1)
      ?.slice(0, 1500),
  );
  assert.match(png.headers.get("content-disposition")!, /pareto-des-blocages-migration-2027-03-12\.png/);
  const acts = await world.db.read(tenantId, (em) =>
    em.execute<{ label: string }[]>("select label from act where code = 'rows.exported' and subject_id = ?", [
      idIn(at),
    ]),
  );
  assert.equal(acts.length, 2);
  assert.match(acts[0]!.label, /Exporter un graphique \(4 lignes.*Pareto des blocages\)/);
  const noted = await world.db.read(tenantId, (em) =>
    em.execute<unknown[]>("select 1 from security_event where kind = 'export' and detail ->> 'what' = 'graphiques'"),
  );
  assert.equal(noted.length, 2);
  assert.equal((await helene.get(csvAt)).status, 403);
  assert.equal((await sophie.get(csvAt.replace("blocages", "inconnu"))).status, 404);
});

test("DSH-2, STA-9 : la campagne en retard dit son plus ancien blocage, et où commencer", async () => {
  const text = spaced(plain(await sophie.get(at)));
  assert.match(
    text,
    /Campagne en retard : .*7 opérations sont bloquées, la plus ancienne depuis le lundi 8 mars \(blocked 4, Prise réseau absente\)/,
  );
});

test("DSH-18 : la page coûte les mêmes questions, peu d’opérations ou beaucoup, un segment ou trente", async () => {
  const one = await campaign();
  const cost = async (address: string) => {
    await sophie.get(address);
    // Nothing kept from the time before: an act on it makes every count anew.
    await actOn(one, (em: Sql) =>
      em.execute("update campaign set description = description || '.' where id = ?", [idIn(one)]),
    );
    const before = sent.statements;
    assert.equal((await sophie.get(address)).status, 200);
    return sent.statements - before;
  };
  await fill(one, "blocked", 2, { technician_id: KARIM, reason: "'Disque'" });
  const few = await cost(one);
  await sophie.get(`${one}/segments`);
  for (let n = 1; n <= 12; n++) isAt(await sophie.post(`${one}/segments`, { name: `Segment ${n}` }));
  await fill(one, "scheduled", 300, {
    technician_id: KARIM,
    planned_at: "app_now() + n * interval '1 hour'",
    segment_id: `(select id from segment where campaign_id = '${idIn(one)}' and name = 'Segment ' || (1 + n % 12))`,
  });
  assert.equal(await cost(one), few);
  assert.ok(few > 0 && few <= 50, `${few} questions`);
});

test("STA-2, STA-13 : le tableau ne dit aucun temps passé, et le temps suivi ou non ses lecteurs aux mêmes droits partagent un calcul", async (t) => {
  const one = await campaign();
  const readers = await Promise.all(["karim", "yann"].map((who) => world.as(who)));
  await fill(one, "done", 2, { technician_id: KARIM, minutes: "30" });
  await actOn(one, (em: Sql) =>
    em.execute("update campaign set is_time_tracked = true, state = 'active' where id = ?", [idIn(one)]),
  );
  await sophie.get(`${one}/acces`);
  for (const { id } of readers) isAt(await sophie.post(`${one}/acces`, { grantee: `u.${id}`, letters: "see" }));
  const reading = t.mock.method(world.db, "read").mock;
  const cost = async (by: Browser) => {
    const before = reading.callCount();
    const { status } = await by.get(one, { part: true, headers: { "live-refresh": "poll" } });
    assert.equal(status, 200);
    return reading.callCount() - before;
  };
  const [first, second] = readers as [Browser, Browser];
  const counted = await cost(first);
  const shared = await cost(second);
  assert.equal(shared, await cost(first));
  assert.ok(shared < counted);
});

test("DSH-5 : un tableau dit les chiffres de chaque graphique, au pas demandé", async () => {
  const head = async (pas: string) =>
    /id="graphique-prevues-tableau"[\s\S]*?<th scope="col">([^<]+)/.exec(
      (await sophie.get(`${at}?pas=${pas}`)).text,
    )?.[1];
  assert.deepEqual(await Promise.all(["jour", "semaine", "mois"].map(head)), ["Jour", "Semaine", "Mois"]);
  assert.equal((await sophie.get(`${at}?pas=heure`)).status, 422);
});

test("DSH-7 : un technicien est actif quand il a agi ces sept jours dans cette campagne", async () => {
  const health = async (by: Browser) => spaced(plain({ text: section(await by.get(one), "sante") }));
  const one = await campaign();
  const operation = await addOperation(sophie, one, { c_cible: "PC-1", technician: karim.id });
  assert.match(await health(sophie), /Techniciens actifs sur 7 jours 0 sur 1, cible 80 %/);
  isAt(await sophie.get(`${one}/publication`).then(() => sophie.post(`${one}/publication`, {})));
  await karim.get(operation);
  isAt(await karim.post(`${operation}/statut`, { to: "in_progress", kind: "start" }));
  assert.match(await health(sophie), /1 sur 1, cible 80 %/);
  await world.clock.advanceMinutes(8 * 24 * 60);
  assert.match(await health(await world.as("sophie")), /0 sur 1, cible 80 %/);
});
