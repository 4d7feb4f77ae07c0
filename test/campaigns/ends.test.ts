/** What is over: no longer late, its figures those of the day it ended, in every place that tells them (STA-9, CAM-3, CAM-7). */
import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { migrate } from "../../src/platform/db/migrate.ts";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
let sophie: Browser;
/** Only forward; whoever was signed in signs in again. */
async function go(moment: string): Promise<void> {
  await world.clock.advance(Date.parse(moment) - world.clock.now().getTime());
  sophie = await world.as("sophie");
}
async function act(at: string, to: string, fields: Record<string, string> = {}) {
  await sophie.get(at);
  return sophie.post(`${at}/${to}`, fields);
}
const words = async (at: string) => plain(await sophie.get(at)).replaceAll(/[\u00a0\u202f]/g, " ");
const cardOf = async (at: string) =>
  plain({
    text: new RegExp(`<li class="campaign-card[^>]*id="campagne-${idIn(at)}"[\\s\\S]*?</li>`).exec(
      (await sophie.get("/campagnes")).text,
    )![0],
  }).replaceAll(/[\u00a0\u202f]/g, " ");
const closedOn = async (at: string) =>
  (
    await world.db.read(sophie.tenantId, (em) =>
      em.execute<{ day: string | null }[]>("select closed_at::date::text as day from campaign where id = ?", [
        idIn(at),
      ]),
    )
  )[0]!.day;

/** Under way since January, one operation done and one blocked since then. */
async function underWay(since = "2027-03-01T10:00:00Z"): Promise<string> {
  await go(since);
  const at = await makeCampaign(sophie, { startsOn: "2027-01-04", endsOn: "2027-12-31" });
  const [one, other] = [
    await addOperation(sophie, at, { c_cible: "PC-1" }),
    await addOperation(sophie, at, { c_cible: "PC-2", plannedOn: "2027-03-02" }),
  ];
  isAt(await act(at, "publication"));
  isAt(await act(one, "statut", { to: "in_progress", kind: "start" }));
  isAt(await act(one, "statut", { to: "done", kind: "complete" }));
  isAt(await act(other, "statut", { to: "blocked", kind: "flag_problem", reason: "Pas de prise" }));
  return at;
}

test("STA-9, CAM-7 : finie ou archivée, une campagne n’est en retard nulle part, ses chiffres restent ceux de sa clôture", async () => {
  const at = await underWay();
  await go("2027-03-12T10:00:00Z");
  assert.match(await words(at), /Campagne en retard : .*blocage de 9 jours ouvrés/);
  assert.match(await cardOf(at), /En retard : .*blocage de 9 jours ouvrés/);
  const listed = async () => {
    const { text } = await sophie.get(`${at}/operations?quand=en-retard`);
    return [/operations-compte">(\d+|Aucun)/.exec(text)![1], text.includes("PC-2")];
  };
  assert.deepEqual(await listed(), ["1", true]);
  isAt(await act(at, "cloture", { n_blocked: "1" }));
  assert.deepEqual(await listed(), ["0", false], "la liste le dit comme les chiffres");
  const shown = async () => {
    const [board, card] = [await words(at), await cardOf(at)];
    assert.equal(
      /.{30}(?:Campagne en retard|blocage de|Traiter le blocage|Action requise|Pourquoi ce retard|Fin projetée|Réalisées aujourd’hui).{20}/.exec(
        board,
      )?.[0],
      undefined,
    );
    assert.doesNotMatch(card, /En retard/);
    assert.match(board, /Close le vendredi 12 mars/);
    return /Avancement [\s\S]*?Attendu[^.]*?%/.exec(board)![0];
  };
  assert.match(await words(at), /Campagne terminée le vendredi 12 mars 2027 .*1 opération n’a pas été réalisée\./);
  const then = await shown();
  await go("2027-06-10T10:00:00Z");
  assert.equal(await shown(), then, "trois mois après, rien n’a bougé");
  assert.match(await words(at), /Données à 12:00:\d\d ?, jeudi 10 juin 2027/);
  isAt(await act(at, "archivage", { reason: "" }));
  assert.equal(await shown(), then);
  assert.equal(await closedOn(at), "2027-03-12");
  isAt(await act(at, "restauration", { reason: "À revoir" }));
  assert.equal(await closedOn(at), "2027-03-12", "elle revient terminée, le jour où elle l’a été");
});

test("CAM-3, STA-9 : abandonnée avec son motif, une campagne s’arrête à ce jour ; restaurée, elle reprend", async () => {
  await go("2027-07-01T10:00:00Z");
  const at = await makeCampaign(sophie, { startsOn: "2027-07-01", endsOn: "2027-12-31" });
  await addOperation(sophie, at, { c_cible: "PC-1", plannedOn: "2027-07-02" });
  isAt(await act(at, "publication"));
  await go("2027-07-08T10:00:00Z");
  const bare = await act(at, "archivage", { reason: "" });
  assert.equal(bare.status, 422);
  assert.match(plain(bare), /Indiquez le motif/);
  isAt(await act(at, "archivage", { reason: "Crédits coupés" }));
  assert.equal(await closedOn(at), "2027-07-08");
  await go("2027-08-02T10:00:00Z");
  assert.match(await words(at), /Campagne abandonnée le jeudi 8 juillet 2027/);
  isAt(await act(at, "restauration", { reason: "Crédits rendus" }));
  assert.equal(await closedOn(at), null);
  assert.doesNotMatch(await words(at), /abandonnée/);
});

test("CAM-3, STA-9 : une mise à jour retrouve dans l’historique quand une abandonnée s’est arrêtée, et ce qui a démarré", async () => {
  const at = await underWay("2027-09-01T10:00:00Z");
  await go("2027-09-08T10:00:00Z");
  isAt(await act(at, "archivage", { reason: "Crédits coupés" }));
  const root = new pg.Client({ connectionString: world.superUrl });
  await root.connect();
  const told = async () => {
    const { rows } = await root.query(
      `select title, started_at is not null as started, date_trunc('minute', c.closed_at) as closed
       from operation o join campaign c on c.id = o.campaign_id where c.id = $1 order by title`,
      [idIn(at)],
    );
    return rows;
  };
  const written = await told();
  assert.deepEqual(
    written.map(({ started, closed }) => [started, closed !== null]),
    [
      [true, true],
      [false, true],
    ],
  );
  await root.query(`alter table operation disable trigger user; alter table campaign disable trigger user;
    update operation set started_at = null; update campaign set closed_at = null where state = 'archived';
    alter table operation enable trigger user; alter table campaign enable trigger user;
    delete from mikro_orm_migrations where name like '%ends_and_starts'`);
  assert.equal((await migrate(world.ownerUrl, world.registry)).length, 1);
  assert.deepEqual(await told(), written);
  await root.end();
});
