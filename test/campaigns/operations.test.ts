import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { addField as addCampaignField, addOperation, idIn, makeCampaign, plain } from "../support/campaigns.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
const [denis, sophie, hugo, karim, yann] = await Promise.all(
  ["denis", "sophie", "hugo", "karim", "yann"].map((who) => world.as(who)),
);
const { tenantId } = denis!;
const idOf = async (who: string) => (await world.userOf(who)).id;

const campaign = () => makeCampaign(sophie!);
const addField = (at: string, label: string, type = "short_text", switches: string[] = ["isListed", "isSearchable"]) =>
  addCampaignField(sophie!, at, label, { type, switches });
const add = (at: string, fields: Record<string, string>, by: Browser = sophie!) => addOperation(by, at, fields);
async function act(by: Browser, at: string, to: string, fields: Record<string, string | string[]> = {}) {
  await by.get(at);
  return by.post(`${at}/${to}`, fields);
}
const step = (by: Browser, at: string, to: string, kind: string, more: Record<string, string> = {}) =>
  act(by, at, "statut", { to, kind, ...more });

interface Stored {
  title: string;
  status: string;
  category: string;
  planned: string | null;
  first: string | null;
  postponed: number;
  completed: boolean;
  values: Record<string, unknown>;
  reason: string | null;
}
async function stored(at: string): Promise<Stored> {
  const [row] = await world.db.read(tenantId, (em) =>
    em.execute<Stored[]>(
      `select title, status, category, to_char(planned_at at time zone 'Europe/Paris', 'YYYY-MM-DD HH24:MI') as planned,
         to_char(first_planned_at at time zone 'Europe/Paris', 'YYYY-MM-DD HH24:MI') as first, postpone_count as postponed,
         completed_at is not null as completed, "values", reason from operation where id = ?`,
      [at.split("/").at(-1)!],
    ),
  );
  return row!;
}
/** Many operations at once, as one act. */
async function fill(at: string, rows: number, sql: string): Promise<void> {
  const [id] = [at.split("/").at(-1)!];
  const said = {
    tenantId,
    actorId: await idOf("sophie"),
    channel: "page" as const,
    code: "operation.added",
    now: world.clock.now(),
  };
  await world.db.act({ ...said, label: "Essai" }, (em) =>
    em.execute(
      `insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category, planned_at)
       select ?, uuidv7(), ?, ${sql} from generate_series(1, ${rows}) n`,
      [tenantId, id],
    ),
  );
}
const titlesOf = (text: string) =>
  [...text.matchAll(/<th scope="row"[^>]*><a href="\/operations\/[^"]+">([^<]+)</g)].map(([, title]) => title!);
const linkTo = (text: string, rel: string) =>
  new RegExp(`href="([^"]+)" rel="${rel}"`).exec(text)?.[1]?.replaceAll("&amp;", "&");

test("OPS-2 : une opération naît dans le statut initial, et planifiée quand elle a une date, à l’heure par défaut", async () => {
  const at = await campaign();
  const without = await stored(await add(at, { c_cible: "PC-0001" }));
  assert.deepEqual([without.title, without.status, without.planned], ["PC-0001", "to_schedule", null]);
  const dated = await stored(await add(at, { c_cible: "PC-0002", plannedOn: "2026-12-03" }));
  assert.deepEqual([dated.status, dated.planned, dated.first], ["scheduled", "2026-12-03 09:00", "2026-12-03 09:00"]);
});

test("FLD-3, FLD-5 : obligatoire, typé, unique ; chaque refus est à son champ et rien de tapé n’est perdu", async () => {
  const at = await campaign();
  await addField(at, "Série", "short_text", ["isUnique", "isListed"]);
  await addField(at, "Achat", "date");
  await add(at, { c_cible: "PC-1", c_serie: "A42" });
  await sophie!.get(`${at}/operations/nouvelle`);
  const bad = await sophie!.post(`${at}/operations/nouvelle`, { c_cible: "", c_serie: "A43", c_achat: "31/02/2026" });
  assert.equal(bad.status, 422);
  assert.match(bad.text, /«\u00a0Cible\u00a0» est obligatoire/);
  assert.match(bad.text, /value="A43"[\s\S]+31\/02\/2026/);
  const twice = await sophie!.post(`${at}/operations/nouvelle`, { c_cible: "PC-2", c_serie: "A42" });
  assert.equal(twice.status, 422);
  assert.match(twice.text, /«\u00a0PC-1\u00a0» a déjà cette valeur, et «\u00a0Série\u00a0» est unique/);
});

test("FLD-3 : une valeur unique écrite deux fois au même instant ne l’est qu’une", async () => {
  const at = await campaign();
  await addField(at, "Série", "short_text", ["isUnique"]);
  await Promise.all([sophie!, denis!].map((one) => one.get(`${at}/operations/nouvelle`)));
  const answers = await Promise.all(
    [sophie!, denis!].map((one, i) => one.post(`${at}/operations/nouvelle`, { c_cible: `PC-${i}`, c_serie: "B7" })),
  );
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [303, 422]);
});

test("WFL-3 : une flèche absente 409, pas la sienne 403, un motif ou une date qui manque 422", async () => {
  const at = await campaign();
  const one = await add(at, { c_cible: "PC-1", technician: await idOf("karim") });
  assert.equal((await step(sophie!, one, "done", "complete")).status, 409);
  const silent = await step(sophie!, one, "cancelled", "cancel");
  assert.equal(silent.status, 422);
  assert.match(silent.text, /Donnez le motif/);
  assert.equal((await step(sophie!, one, "scheduled", "schedule")).status, 422, "sans date");
  assert.equal((await step(sophie!, one, "cancelled", "cancel", { reason: "Poste volé" })).status, 303);
  assert.deepEqual([(await stored(one)).status, (await stored(one)).reason], ["cancelled", "Poste volé"]);
});

test("CAM-10, CAM-25 : le technicien ne voit que ses opérations, hors préparation, jamais leur campagne ; il n’annule pas", async () => {
  const at = await campaign();
  const one = await add(at, { c_cible: "PC-1", technician: await idOf("karim"), plannedOn: "2026-12-03" });
  assert.equal((await karim!.get(one)).status, 404, "en préparation");
  await activate(at);
  assert.equal((await karim!.get(one)).status, 200);
  assert.deepEqual(
    [(await karim!.get(at)).status, (await karim!.get(`${at}/operations`)).status, (await yann!.get(one)).status],
    [403, 403, 404],
    "il la connaît par son opération (S17) ; Yann n’y a rien",
  );
  assert.equal((await step(karim!, one, "cancelled", "cancel", { reason: "Non" })).status, 403);
  assert.equal((await act(karim!, one, "affectation", { technician: "" })).status, 403);
  assert.equal((await step(karim!, one, "in_progress", "start")).status, 303);
  assert.equal((await step(karim!, one, "done", "complete")).status, 303);
  assert.equal((await stored(one)).completed, true);
  assert.equal((await hugo!.get(one)).status, 404);
});

async function activate(at: string): Promise<void> {
  const root = new pg.Client({ connectionString: world.superUrl });
  await root.connect();
  await root.query("set session_replication_role = replica");
  await root.query("update campaign set state = 'active' where id = $1", [at.split("/").at(-1)]);
  await root.end();
}

test("OPS-11, rulings 31 : donner une date planifie, l’ôter déplanifie, la changer garde le statut ; reportée, elle replanifie ; close, elle se refuse", async () => {
  const at = await campaign();
  const one = await add(at, { c_cible: "PC-1" });
  const date = (plannedOn: string, plannedHour = "") => act(sophie!, one, "date", { plannedOn, plannedHour });
  await date("2026-12-03", "14:00");
  assert.deepEqual([(await stored(one)).status, (await stored(one)).planned], ["scheduled", "2026-12-03 14:00"]);
  await date("2026-12-04");
  assert.deepEqual([(await stored(one)).status, (await stored(one)).planned], ["scheduled", "2026-12-04 09:00"]);
  await date("");
  assert.deepEqual([(await stored(one)).status, (await stored(one)).planned], ["to_schedule", null]);
  await step(sophie!, one, "postponed", "postpone", { reason: "Absente" });
  await date("2026-12-10");
  assert.deepEqual([(await stored(one)).status, (await stored(one)).first], ["scheduled", "2026-12-03 14:00"]);
  await step(sophie!, one, "cancelled", "cancel", { reason: "Doublon" });
  const closed = await date("2026-12-11");
  assert.equal(closed.status, 422);
  assert.match(closed.text, /close\u00a0: rouvrez-la/);
});

test("OPS-19, OPS-21 : chaque report compte ; terminer date et signe, rouvrir efface la fin", async () => {
  const at = await campaign();
  const one = await add(at, { c_cible: "PC-1", plannedOn: "2026-12-03" });
  await step(sophie!, one, "postponed", "postpone", { plannedOn: "2026-12-08", plannedHour: "10:30" });
  assert.deepEqual(
    [(await stored(one)).postponed, (await stored(one)).planned, (await stored(one)).first],
    [1, "2026-12-08 10:30", "2026-12-03 09:00"],
  );
  await step(sophie!, one, "scheduled", "reschedule", { plannedOn: "2026-12-09" });
  await step(sophie!, one, "in_progress", "start");
  await step(sophie!, one, "done", "complete");
  assert.equal((await stored(one)).completed, true);
  await step(sophie!, one, "in_progress", "reopen", { reason: "Mauvais poste" });
  assert.deepEqual([(await stored(one)).completed, (await stored(one)).status], [false, "in_progress"]);
});

test("OPS-17, OPS-18, OPS-20 : l’historique d’une opération dit qui, quand, pourquoi, d’une valeur à l’autre, à qui la voit", async () => {
  const at = await campaign();
  await addField(at, "Salle", "short_text", ["isListed", "isForTechnicians"]);
  await addField(at, "Prix", "number", ["isListed"]);
  const one = await add(at, { c_cible: "PC-1", c_salle: "B12", c_prix: "900", technician: await idOf("karim") });
  const said = { tenantId, actorId: sophie!.id, channel: "page", code: "essai", label: "Essai" } as const;
  await world.db.act({ ...said, now: world.clock.now() }, (em) =>
    em.execute("update campaign set state = 'active' where id = ?", [idIn(at)]),
  );
  const version = /name="version" value="(\d+)"/.exec((await sophie!.get(`${one}/modifier`)).text)![1]!;
  const edited = await sophie!.post(`${one}/modifier`, {
    c_cible: "PC-1",
    c_salle: "C3",
    c_prix: "950",
    notes: "Badge",
    version,
  });
  assert.equal(edited.status, 303);
  await step(karim!, one, "blocked", "flag_problem", { reason: "Pas de prise réseau" });
  await step(karim!, one, "in_progress", "unblock", { reason: "Prise posée" });
  const card = await sophie!.get(one);
  assert.match(card.text, /C3[\s\S]+Badge[\s\S]+Dernier motif[\s\S]+Prise posée/);
  const page = `/historique/operation/${idIn(one)}`;
  for (const by of [sophie!, karim!]) {
    const words = plain(await by.get(page));
    assert.match(words, /Karim Daoudi/);
    assert.match(words, /Prise posée[\s\S]+Pas de prise réseau/, "chaque motif, le dernier d’abord");
    assert.match(words, /Salle.: avant.: B12 après.: C3/);
    assert.match(words, /Statut.: avant.: Bloquée après.: En cours/);
    assert.match(words, /\d{2}\/\d{2}\/\d{4}|aujourd’hui|à \d{2}:\d{2}/);
  }
  assert.match(plain(await sophie!.get(page)), /Prix.: avant.: 900 après.: 950/);
  assert.doesNotMatch(plain(await karim!.get(page)), /Prix/, "pas pour les techniciens (FLD-3)");
  assert.doesNotMatch(plain(await karim!.get(one)), /Prix/);
  assert.equal((await hugo!.get(page)).status, 404);
  assert.equal((await yann!.get(page)).status, 404);
});

test("FLD-3 : ce qui n’est pas pour les techniciens ne leur est dit ni en sous-titre, ni par l’histoire d’un champ retiré", async () => {
  const at = await campaign();
  await addField(at, "Prix", "number", ["isListed"]);
  await addField(at, "Salle", "short_text", ["isListed", "isForTechnicians"]);
  const one = await add(at, { c_cible: "PC-1", c_prix: "900", c_salle: "B12", technician: await idOf("karim") });
  await activate(at);
  await sophie!.get(`${at}/champs`);
  await sophie!.post(`${at}/champs/nom`, { title: "cible", subtitles: ["prix", "salle"] });
  assert.match(plain(await sophie!.get(one)), /900, B12/);
  assert.match(plain(await karim!.get(one)), /B12/);
  assert.doesNotMatch(plain(await karim!.get(one)), /900/);
  const version = /name="version" value="(\d+)"/.exec((await sophie!.get(`${one}/modifier`)).text)![1]!;
  await sophie!.post(`${one}/modifier`, { c_cible: "PC-1", c_prix: "950", c_salle: "C3", version });
  await sophie!.get(`${at}/champs`);
  for (const code of ["prix", "salle"]) await sophie!.post(`${at}/champs/${code}/retrait`);
  const page = `/historique/operation/${idIn(one)}`;
  assert.match(plain(await sophie!.get(page)), /Prix.: avant.: 900 après.: 950/);
  assert.doesNotMatch(plain(await karim!.get(page)), /prix|950|salle|C3/i);
});

test("OPS-4, OPS-7 : trois pages d’une liste triée par date, les vides en dernier, sans perte ni doublon, dans les deux sens", async () => {
  const at = await campaign();
  await fill(
    at,
    120,
    `'PC-' || lpad(n::text, 4, '0'), '{}', 'pc', case when n % 3 = 0 then 'to_schedule' else 'scheduled' end,
     case when n % 3 = 0 then 'open' else 'planned' end,
     case when n % 3 <> 0 then timestamptz '2026-12-01 09:00+01' + (n % 7) * interval '1 day' end`,
  );
  for (const sens of ["croissant", "decroissant"]) {
    const pages: string[][] = [];
    let next: string | undefined = `${at}/operations?tri=date&sens=${sens}`;
    let last = "";
    while (next) {
      last = next;
      const { text } = await sophie!.get(next);
      pages.push(titlesOf(text));
      next = linkTo(text, "next");
    }
    assert.deepEqual(
      pages.map(({ length }) => length),
      [50, 50, 20],
      sens,
    );
    assert.equal(new Set(pages.flat()).size, 120, sens);
    assert.ok(
      pages
        .flat()
        .slice(80)
        .every((title) => Number(title.slice(3)) % 3 === 0),
      "les sans date en dernier",
    );
    const back: string[][] = [];
    for (let page: string | undefined = last; page; ) {
      const { text } = await sophie!.get(page);
      back.unshift(titlesOf(text));
      page = linkTo(text, "prev");
    }
    assert.deepEqual(back, pages, `${sens}, en revenant`);
  }
});

test("OPS-5, OPS-6 : les filtres s’ajoutent, le texte ignore casse et accents, % et _ sont des signes comme les autres", async () => {
  const at = await campaign();
  await addField(at, "Bureau");
  const karims = await idOf("karim");
  await add(at, { c_cible: "Écran 100%", c_bureau: "B_12", technician: karims, plannedOn: "2026-11-02" });
  await add(at, { c_cible: "Écran 1000", c_bureau: "B112", technician: karims });
  await add(at, { c_cible: "Clavier", c_bureau: "B_12" });
  const found = async (query: string) => titlesOf((await sophie!.get(`${at}/operations?${query}`)).text).toSorted();
  assert.deepEqual(await found("q=ecran"), ["Écran 100%", "Écran 1000"]);
  assert.deepEqual(await found("q=100%25"), ["Écran 100%"]);
  assert.deepEqual(await found("q=b_12"), ["Clavier", "Écran 100%"]);
  assert.deepEqual(await found("q=ecran+b112"), ["Écran 1000"]);
  assert.deepEqual(await found("technicien=aucun"), ["Clavier"]);
  assert.deepEqual(await found(`technicien=${karims}&quand=sans-date`), ["Écran 1000"]);
  assert.deepEqual(await found("quand=en-retard"), ["Écran 100%"]);
  assert.deepEqual(await found("du=2026-11-02&au=2026-11-02"), ["Écran 100%"]);
  assert.deepEqual(await found("segment=aucun&statut=scheduled"), ["Écran 100%"]);
  assert.match((await sophie!.get(`${at}/operations?q=ecran`)).text, /2 résultats <span class="soft">\(sur 3\)/);
  assert.equal(
    (
      await sophie!.get(
        `${at}/operations?page=${Buffer.from('[0,"00000000-0000-7000-8000-00000000dead","[\\"x\\",1]"]').toString("base64url")}`,
      )
    ).status,
    200,
  );
});

test("SEG-1, SEG-3, SEG-5 : un segment a un nom unique, ses compteurs, et ce qui n’en a pas se compte aussi", async () => {
  const at = await campaign();
  await sophie!.get(`${at}/segments`);
  assert.equal((await sophie!.post(`${at}/segments`, { name: "Bâtiment A" })).status, 303);
  const again = await sophie!.post(`${at}/segments`, { name: "batiment  a" });
  assert.equal(again.status, 422);
  const one = await add(at, { c_cible: "PC-1" });
  await add(at, { c_cible: "PC-2" });
  const segment = /<option value="([0-9a-f-]{36})">Bâtiment A/.exec((await sophie!.get(one)).text)![1]!;
  assert.equal((await act(sophie!, one, "segment", { segment })).status, 303);
  await step(sophie!, one, "in_progress", "start");
  await step(sophie!, one, "done", "complete");
  const { text } = await sophie!.get(`${at}/segments`);
  assert.match(
    text,
    /Bâtiment A<[\s\S]+?Opérations">1<[\s\S]+?100,0\u00a0%[\s\S]+?Sans segment<[\s\S]+?Opérations">1</,
  );
});

test("OPS-12 : à la corbeille elle quitte liste et compteurs, et en revient", async () => {
  const at = await campaign();
  const one = await add(at, { c_cible: "PC-1" });
  assert.equal((await act(sophie!, one, "corbeille")).status, 303);
  assert.match((await sophie!.get(`${at}/operations`)).text, /Aucune opération pour l’instant/);
  const { text: trash } = await denis!.get(`${at}/operations/corbeille`);
  assert.match(trash, /PC-1[\s\S]+depuis le"><time[^>]*>\d\d\/\d\d\/\d{4} \d\d:\d\d<[\s\S]+data-label="Par">Sophie /);
  assert.equal((await act(sophie!, one, "date", { plannedOn: "2026-12-03" })).status, 409);
  assert.equal((await act(sophie!, one, "restauration")).status, 303);
  assert.deepEqual(titlesOf((await sophie!.get(`${at}/operations`)).text), ["PC-1"]);
});

test("OPS-12 : une opération réalisée ne part à la corbeille qu’après une confirmation qui la nomme", async () => {
  const at = await campaign();
  const one = await add(at, { c_cible: "PC-1" });
  await step(sophie!, one, "in_progress", "start");
  await step(sophie!, one, "done", "complete");
  const refused = await act(sophie!, one, "corbeille");
  assert.equal(refused.status, 422);
  assert.match(refused.text, /«\u00a0PC-1\u00a0» est réalisée/);
  assert.equal((await sophie!.post(`${one}/corbeille`, { sure: "oui" })).status, 303);
  assert.match((await sophie!.get(`${at}/operations/corbeille`)).text, /PC-1/);
});

test("GEN-8 : deux personnes modifient la même opération, la seconde lit les deux valeurs", async () => {
  const at = await campaign();
  await addField(at, "Bureau");
  const one = await add(at, { c_cible: "PC-1", c_bureau: "B1" });
  const version = /name="version" value="(\d+)"/.exec((await sophie!.get(`${one}/modifier`)).text)![1]!;
  await denis!.get(`${one}/modifier`);
  assert.equal(
    (await denis!.post(`${one}/modifier`, { c_cible: "PC-1", c_bureau: "B2", notes: "", version })).status,
    303,
  );
  const { status, text } = await sophie!.post(`${one}/modifier`, {
    c_cible: "PC-1",
    c_bureau: "B3",
    notes: "",
    version,
  });
  assert.equal(status, 409);
  assert.match(text, /Valeurs actuelles[\s\S]+B2[\s\S]+value="B3"/);
});

test("IMP-41, HIS-12 : deux champs changés par deux actes se défont chacun, sans toucher l’autre ; l’historique les dit un par un", async () => {
  const at = await campaign();
  await addField(at, "Bureau");
  await addField(at, "Étage");
  const one = await add(at, { c_cible: "PC-1", c_bureau: "B1" });
  const edit = async (fields: Record<string, string>) => {
    const version = /name="version" value="(\d+)"/.exec((await sophie!.get(`${one}/modifier`)).text)![1]!;
    assert.equal(
      (await sophie!.post(`${one}/modifier`, { c_cible: "PC-1", notes: "", version, ...fields })).status,
      303,
    );
    const [last] = await world.db.read(tenantId, (em) =>
      em.execute<{ id: string }[]>("select id from act where code = 'operation.edited' order by id desc limit 1"),
    );
    return last!.id;
  };
  const first = await edit({ c_bureau: "B2", c_etage: "" });
  const second = await edit({ c_bureau: "B2", c_etage: "3" });
  const history = (await denis!.get(`/admin/historique/${first}`)).text;
  assert.match(history, /bureau[\s\S]+B1[\s\S]+B2/);
  assert.doesNotMatch(history, /etage/);
  await sophie!.get(`/actes/${first}/annulation`);
  assert.equal((await sophie!.post(`/actes/${first}/annulation`, {})).status, 303);
  assert.deepEqual((await stored(one)).values, { cible: "PC-1", bureau: "B1", etage: "3" });
  await sophie!.get(`/actes/${second}/annulation`);
  assert.equal((await sophie!.post(`/actes/${second}/annulation`, {})).status, 303);
  assert.deepEqual((await stored(one)).values, { cible: "PC-1", bureau: "B1" });
});

test("CAM-8 : dans une campagne archivée, aucune opération ne change", async () => {
  const at = await campaign();
  await addField(at, "Bureau");
  const one = await add(at, { c_cible: "PC-1" });
  const versionOf = async (page: string) => /name="version" value="(\d+)"/.exec((await sophie!.get(page)).text)![1]!;
  const version = await versionOf(`${one}/modifier`);
  const placed = await add(at, { c_cible: "PC-4" });
  await act(sophie!, placed, "segment", { segment: "" });
  const trashed = await add(at, { c_cible: "PC-5" });
  await act(sophie!, trashed, "corbeille");
  const done = await add(at, { c_cible: "PC-6" });
  await act(sophie!, at, "suivi", { isTimeTracked: "oui", version: await versionOf(`${at}/reglages`) });
  await step(sophie!, done, "in_progress", "start");
  assert.equal((await step(sophie!, done, "done", "complete", { minutes: "30" })).status, 303);
  await sophie!.get(`${at}/archivage`);
  assert.equal((await sophie!.post(`${at}/archivage`, { reason: "Abandon" })).status, 303);
  const acts: [string, Record<string, string | string[]>][] = [
    ["modifier", { c_cible: "PC-2", notes: "", version }],
    ["statut", { to: "cancelled", kind: "cancel", reason: "Non" }],
    ["affectation", { technician: await idOf("karim") }],
    ["date", { plannedOn: "2026-12-03" }],
    ["segment", { segment: "" }],
    ["corbeille", {}],
  ];
  for (const [to, fields] of acts) assert.equal((await act(sophie!, one, to, fields)).status, 409, to);
  assert.equal((await act(sophie!, placed, "segment/suivi")).status, 409, "le segment rendu au champ");
  assert.equal((await act(sophie!, trashed, "restauration")).status, 409, "la sortie de la corbeille");
  assert.equal((await act(sophie!, done, "temps", { minutes: "45" })).status, 409, "le temps passé");
  for (const [code, fields] of Object.entries<Record<string, string>>({
    statut: { arrow: "cancelled.cancel", reason: "Non" },
    date: { plannedOn: "2026-12-03", plannedHour: "" },
    technicien: { technician: await idOf("karim") },
    segment: { segment: "" },
    "c.bureau": { c_bureau: "B 12" },
  })) {
    const cell = await act(sophie!, one, `cellules/${code}`, { ...fields, retour: "", version });
    assert.equal(cell.status, 409, code);
    assert.match(cell.text, /Campagne archivée, lecture seule/, code);
  }
  for (const [to, fields] of [
    ["operations/nouvelle", { c_cible: "PC-3" }],
    ["champs", { label: "Autre", type: "number" }],
    ["segments", { name: "Autre" }],
  ] as const) {
    assert.equal((await act(sophie!, at, to, { ...fields })).status, 409, to);
  }
});

test("FLD-1 : sous le rôle de l’application, un filtre sur un champ et une recherche passent par leurs index", async () => {
  const at = await campaign();
  const id = at.split("/").at(-1)!;
  await fill(
    at,
    20_000,
    `'PC-' || n, jsonb_build_object('serie', 'S' || n), 'pc ' || n || ' serie s' || n, 'to_schedule', 'open', null::timestamptz`,
  );
  const root = new pg.Client({ connectionString: world.superUrl });
  await root.connect();
  await root.query("analyze operation");
  await root.end();
  const planOf = (where: string) =>
    world.db.read(tenantId, async (em) =>
      (
        await em.execute<{ "QUERY PLAN": string }[]>(
          `explain select id from operation o where campaign_id = '${id}' and trashed_at is null and ${where}`,
        )
      )
        .map((row) => row["QUERY PLAN"])
        .join("\n"),
    );
  assert.match(await planOf(`"values" @> '{"serie": "S42"}'`), /operation_values/);
  assert.match(await planOf("search like '%serie s4242%'"), /operation_search/);
});

test("un acte sur une opération ne change de version qu’elle : ni sa campagne, ni son segment, ni personne", async () => {
  const at = await campaign();
  await addField(at, "Bureau");
  const one = await add(at, { c_cible: "PC-1", c_bureau: "B1" });
  const versions = async () => {
    const { rows } = await world.owner.query(
      `select (select version from campaign where id = $1) as campaign, (select version from operation where id = $2) as operation,
         (select sum(version)::int from app_user where tenant_id = $3) as people, (select sum(version)::int from campaign_field where campaign_id = $1) as fields`,
      [at.split("/").at(-1), idIn(one), tenantId],
    );
    return rows[0];
  };
  await world.owner.query("select set_config('app.tenant_id', $1, false)", [tenantId]);
  let before = await versions();
  const acts: [string, Record<string, string>][] = [
    ["affectation", { technician: await idOf("karim") }],
    ["date", { plannedOn: "2026-12-08", plannedHour: "" }],
    ["statut", { to: "in_progress", kind: "start" }],
  ];
  for (const [to, fields] of acts) {
    assert.equal((await act(sophie!, one, to, fields)).status, 303, to);
    const after = await versions();
    assert.deepEqual(after, { ...before, operation: before.operation + 1 }, to);
    before = after;
  }
});

test("un changement de statut ne touche à aucune date qu’il ne change pas, à la microseconde", async () => {
  const at = await campaign();
  const one = await add(at, { c_cible: "PC-1", plannedOn: "2026-12-08" });
  assert.equal((await step(sophie!, one, "in_progress", "start")).status, 303);
  const said = {
    tenantId,
    actorId: await idOf("sophie"),
    channel: "page" as const,
    code: "operation.edited",
    now: world.clock.now(),
  };
  await world.db.act({ ...said, label: "Essai" }, (em) =>
    em.execute(
      "update operation set started_at = date_trunc('second', started_at) + interval '123456 microseconds' where id = ?",
      [idIn(one)],
    ),
  );
  assert.equal((await step(sophie!, one, "done", "complete")).status, 303);
  await world.owner.query("select set_config('app.tenant_id', $1, false)", [tenantId]);
  const { rows } = await world.owner.query(
    `select extract(microseconds from started_at)::int % 1000000 as micros,
       (select array_agg(k order by k) from change h, jsonb_object_keys(h.after) k where h.row_id = o.id and h.ordinal = (select max(ordinal) from change where row_id = o.id)) as changed
     from operation o where id = $1`,
    [idIn(one)],
  );
  assert.equal(rows[0].micros, 123456);
  assert.deepEqual(
    rows[0].changed.filter((key: string) => key.endsWith("_at")),
    ["completed_at", "entered_at"],
  );
});
