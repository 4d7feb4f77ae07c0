import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { addOperation, idIn, makeCampaign } from "../support/campaigns.ts";
import { explain } from "../support/explain.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sophie = await world.as("sophie");
const { tenantId } = sophie;
const sophies = (await world.userOf("sophie")).id;
const karims = (await world.userOf("karim")).id;

const at = await makeCampaign(sophie);
const campaignId = idIn(at);
const list = `${at}/operations`;
const segments: string[] = [];
for (const name of ["Bâtiment A", "Bâtiment B"]) {
  await sophie.get(`${at}/segments`);
  await sophie.post(`${at}/segments`, { name });
}
const said = { tenantId, actorId: sophies, channel: "page", code: "operation.added", label: "Essai" } as const;
await world.db.act({ ...said, now: world.clock.now() }, async (em) => {
  const rows = await em.execute<{ id: string }[]>("select id from segment where campaign_id = ? order by position", [
    campaignId,
  ]);
  segments.push(...rows.map(({ id }) => id));
  // 60 in A, 40 in B, 20 in none; a third done, a tenth cancelled.
  await em.execute(
    `insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category, planned_at, segment_id, technician_id)
       select ?, uuidv7(), ?, 'PC-' || lpad(n::text, 4, '0'), '{}', 'pc',
         case when n % 10 = 0 then 'cancelled' when n % 3 = 0 then 'done' else 'scheduled' end,
         case when n % 10 = 0 then 'cancelled' when n % 3 = 0 then 'success' else 'planned' end,
         timestamptz '2026-12-01 09:00+01' + (n % 4) * interval '1 day',
         case when n <= 60 then ?::uuid when n <= 100 then ?::uuid end, case when n % 2 = 0 then ?::uuid end
       from generate_series(1, 120) n`,
    [tenantId, campaignId, segments[0], segments[1], karims],
  );
});

const titlesOf = (text: string) =>
  [...text.matchAll(/<th scope="row"[^>]*><a href="\/operations\/[^"]+">([^<]+)</g)].map(([, title]) => title!);
const linkTo = (text: string, rel: string) =>
  new RegExp(`href="([^"]+)" rel="${rel}"`).exec(text)?.[1]?.replaceAll("&amp;", "&");

test("OPS-7 : groupée par segment, chaque groupe a son compte et son avancement, les annulées hors du calcul", async () => {
  const { text } = await sophie.get(`${list}?groupe=segment&lignes=100`);
  assert.match(text, /<strong>Bâtiment A<\/strong> \(60\) – 33,3\u00a0%/);
  assert.match(text, /<strong>Bâtiment B<\/strong> \(40\) – /);
  const last = await sophie.get(linkTo(text, "next")!);
  assert.match(last.text, /<strong>Sans segment<\/strong> \(20\)/);
});

test("OPS-7 : d’une page à l’autre, les groupes se suivent sans perte ni doublon, et se remontent", async () => {
  for (const groupe of ["segment", "statut", "technicien", "jour"]) {
    const pages: string[][] = [];
    let last = "";
    for (let next: string | undefined = `${list}?groupe=${groupe}&tri=cible&lignes=25`; next; ) {
      last = next;
      const { text } = await sophie.get(next);
      pages.push(titlesOf(text));
      next = linkTo(text, "next");
    }
    assert.deepEqual(
      pages.map(({ length }) => length),
      [25, 25, 25, 25, 20],
      groupe,
    );
    assert.equal(new Set(pages.flat()).size, 120, groupe);
    const back: string[][] = [];
    for (let page: string | undefined = last; page; ) {
      const { text } = await sophie.get(page);
      back.unshift(titlesOf(text));
      page = linkTo(text, "prev");
    }
    assert.deepEqual(back, pages, `${groupe}, en revenant`);
  }
});

test("OPS-7 : un groupe se replie par son adresse, et mène à la liste qu’il filtre", async () => {
  const { text } = await sophie.get(`${list}?groupe=segment&plie=${segments[0]}`);
  assert.match(text, /Déplier Bâtiment A/);
  assert.equal(titlesOf(text).length, 50);
  assert.equal(titlesOf(text)[0], "PC-0064", "les rangées du premier groupe ouvert");
  const { text: narrowed } = await sophie.get(`${list}?segment=${segments[1]}`);
  assert.match(narrowed, /40 résultats <span class="soft">\(sur 120\)/);
  assert.match(text, new RegExp(`href="[^"]+segment=${segments[1]}"`));
});

test("OPS-4 : la page dit les rangs qu’elle montre", async () => {
  const first = await sophie.get(list);
  assert.match(first.text, /1–50 sur 120/);
  const second = await sophie.get(linkTo(first.text, "next")!);
  assert.match(second.text, /51–100 sur 120/);
  assert.match((await sophie.get(linkTo(second.text, "prev")!)).text, /1–50 sur 120/);
});

test("OPS-5 : chaque statut se compte et se filtre d’un geste", async () => {
  const { text } = await sophie.get(list);
  const done =
    /<a href="([^"]+statut=done)"><span class="badge[\s\S]{0,200}?Réalisée<\/span> <span class="disc outline">36</.exec(
      text,
    );
  assert.ok(done, "le compte des réalisées");
  assert.match((await sophie.get(done[1]!)).text, /36 résultats/);
});

test("OPS-9 : les cartes montrent la même sélection, au ton du statut", async () => {
  const { text } = await sophie.get(`${list}?forme=cartes&statut=done&lignes=100`);
  assert.equal(text.match(/class="op-card tone-success"/g)?.length, 36);
  assert.match(text, /36 résultats <span class="soft">\(sur 120\)/);
});

test("OPS-8 : monter, descendre, masquer et montrer une colonne sont des liens, sans perdre les filtres", async () => {
  const { text } = await sophie.get(`${list}/colonnes?statut=done&colonnes=date,statut,segment`);
  const href = (words: string) =>
    new RegExp(`href="([^"]+)"[^>]*><svg[^>]*><use[^>]*></svg>${words}<span class="visually-hidden">`)
      .exec(text)?.[1]
      ?.replaceAll("&amp;", "&");
  assert.match(href("Monter")!, /statut=done&colonnes=statut%2Cdate%2Csegment$/);
  const { text: after } = await sophie.get(href("Masquer")!);
  assert.match(after, /Voir la liste avec ces colonnes/);
  assert.match(after, /operations\?statut=done&amp;colonnes=statut%2Csegment"/);
  const part = await sophie.get(href("Monter")!, { part: true });
  assert.match(part.text, /^\s*<section id="colonnes"/);
});

test("OPS-5 : tous les filtres ont leur page, remplie de ceux en place ; un filtre illisible y revient avec sa phrase", async () => {
  const { text } = await sophie.get(`${list}/filtres?statut=done&tri=cible`);
  assert.match(text, /name="statut" value="done" checked/);
  assert.match(text, /type="hidden" name="tri" value="cible"/);
  const refused = await sophie.get(`${list}?du=hier`);
  assert.equal(refused.status, 422);
  assert.match(refused.text, /Filtrer les opérations[\s\S]+pas la forme attendue/);
});

test("OPS-5 : l’adresse gardée dit seulement ce qui filtre", async () => {
  const { status, location } = await sophie.get(`${list}?q=&statut=done&statut=&du=&groupe=`);
  assert.equal(status, 302);
  assert.equal(location, `${list}?statut=done`);
});

/** Where each status leads above the list, and how many it says. */
const statusesIn = (text: string) =>
  [.../<nav class="quick"[\s\S]+?<\/nav>/.exec(text)![0].matchAll(/href="([^"]+)"[\s\S]+?disc outline">(\d+)</g)].map(
    ([, href, n]) => [href!.replaceAll("&amp;", "&"), Number(n)] as const,
  );

test("OPS-5 : sous un autre filtre, chaque statut dit combien de lignes il ouvre, groupées ou non ; seul, il les dit toutes", async () => {
  for (const query of [
    `segment=${segments[0]}`,
    `segment=${segments[0]}&groupe=technicien`,
    "du=2026-12-02&au=2026-12-02",
  ]) {
    const { text } = await sophie.get(`${list}?${query}`);
    const said = statusesIn(text);
    const total = Number(/operations-compte">(\d+) résultat/.exec(text)![1]);
    assert.equal(
      said.reduce((sum, [, n]) => sum + n, 0),
      total,
      query,
    );
    for (const [href, n] of said) {
      const opened = (await sophie.get(href)).text;
      assert.match(opened, new RegExp(`operations-compte">${n} résultat`), href);
      assert.deepEqual(
        statusesIn(opened).map(([, count]) => count),
        said.map(([, count]) => count),
        "un autre statut reste à portée",
      );
    }
  }
  const whole = statusesIn((await sophie.get(list)).text).map(([, n]) => n);
  assert.deepEqual(
    statusesIn((await sophie.get(`${list}?statut=done`)).text).map(([, n]) => n),
    whole,
  );
});

test("OPS-8 : la vue « En retard » dit combien le sont, closes et corbeille à part, quels que soient les filtres", async () => {
  const of = await makeCampaign(sophie);
  const past = [];
  for (const n of [1, 2, 3, 4, 5]) {
    past.push(await addOperation(sophie, of, { c_cible: `PC-${n}`, ...(n < 5 && { plannedOn: "2026-11-02" }) }));
  }
  await sophie.post(`${past[2]}/statut`, { to: "cancelled", kind: "cancel", reason: "Doublon" });
  await sophie.post(`${past[3]}/corbeille`);
  for (const query of ["", "?statut=cancelled", "?q=PC-5"]) {
    assert.match((await sophie.get(`${of}/operations${query}`)).text, /En retard <span class="disc outline">2</, query);
  }
  assert.match((await sophie.get(`${of}/operations?quand=en-retard`)).text, /operations-compte">2 résultats/);
});

test("OPS-8 : le compte des retards passe par son index, qui ne tient que ce qui n’est pas clos", async () => {
  const of = idIn(await makeCampaign(sophie));
  await world.db.act({ ...said, now: world.clock.now() }, (em) =>
    em.execute(
      `insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category, planned_at)
       select ?, uuidv7(), ?, 'PC-' || n, '{}', 'pc', case when n % 100 = 0 then 'scheduled' else 'done' end,
         case when n % 100 = 0 then 'planned' else 'success' end, timestamptz '2026-11-02 09:00+01' + n * interval '1 minute'
       from generate_series(1, 20000) n`,
      [tenantId, of],
    ),
  );
  const root = new pg.Client({ connectionString: world.superUrl });
  await root.connect();
  await root.query("analyze operation");
  await root.end();
  const { indexes } = await explain(
    world.databaseUrl,
    tenantId,
    `select count(*) from operation o where o.campaign_id = '${of}' and o.trashed_at is null
       and o.planned_at < date_trunc('day', app_now() at time zone 'Europe/Paris') at time zone 'Europe/Paris'
       and o.category not in ('success', 'cancelled')`,
  );
  assert.deepEqual(indexes, ["operation_late"]);
});
