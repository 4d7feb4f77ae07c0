/** Who takes back their own acts on a campaign: whoever may do them again (PRM-26, CAM-24). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { checkAsProposed, runImport } from "../support/imports.ts";
import { sendForm } from "../support/multipart.ts";
import { csvText } from "../support/sheets.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const [sophie, claire, karim, helene] = (await Promise.all(
  ["sophie", "claire", "karim", "helene"].map((who) => world.as(who)),
)) as [Browser, Browser, Browser, Browser];
const { tenantId } = sophie;
const DAYS = { startsOn: "2026-11-02", endsOn: "2027-02-26" };

const ask = <T>(query: string, values: unknown[]): Promise<T[]> =>
  world.db.read(tenantId, (em) => em.execute(query, values as never)) as Promise<T[]>;
const post = async (by: Browser, page: string, to: string, fields: Record<string, string | string[]> = {}) => {
  const [, version] = /name="version" value="(\d+)"/.exec((await by.get(page)).text) ?? [];
  return isAt(await by.post(to, { ...(version && { version }), ...fields }));
};
const grant = (by: Browser, at: string, who: Browser, ...letters: string[]) =>
  post(by, `${at}/acces`, `${at}/acces`, { grantee: `u.${who.id}`, letters });
const visibility = (at: string, said: string) => post(sophie, `${at}/acces`, `${at}/visibilite`, { visibility: said });
/** The way back that the notice on this page offers. */
const offered = async (by: Browser, at: string) =>
  /id="notice"[\s\S]*?<a class="button" href="(\/actes\/[^"]+\/annulation)">Annuler/.exec((await by.get(at)).text)?.[1];
const undo = async (by: Browser, act: string | undefined) => {
  assert.ok(act, "l’annulation est proposée");
  await by.get(act);
  return by.post(act);
};
const lettersOf = async (at: string, who: Browser) =>
  (
    await ask<{ letters: string[] }>("select letters from campaign_grant where campaign_id = ? and user_id = ?", [
      idIn(at),
      who.id,
    ])
  )[0]?.letters ?? null;

test("PRM-26, PRM-8 : qui est habilité à configurer annule les habilitations qu’il a données, changées ou retirées", async () => {
  const at = await makeCampaign(sophie);
  await grant(sophie, at, claire, "configure");
  await grant(claire, at, helene, "see");
  isAt(await undo(claire, await offered(claire, `${at}/acces`)));
  assert.equal(await lettersOf(at, helene), null);
  await grant(claire, at, helene, "see");
  await grant(claire, at, helene, "configure");
  isAt(await undo(claire, await offered(claire, `${at}/acces`)));
  assert.deepEqual(await lettersOf(at, helene), ["see"]);
  const [one] = await ask<{ id: string }>("select id from campaign_grant where campaign_id = ? and user_id = ?", [
    idIn(at),
    helene.id,
  ]);
  await post(claire, `${at}/acces`, `${at}/acces/${one!.id}/retrait`);
  isAt(await undo(claire, await offered(claire, `${at}/acces`)));
  assert.deepEqual(await lettersOf(at, helene), ["see"]);
});

test("CAM-24 : annuler ne donne ni ne retire plus que ce que l’on a encore", async () => {
  const at = await makeCampaign(sophie);
  await grant(sophie, at, claire, "configure", "export");
  await grant(claire, at, helene, "export");
  const giving = await offered(claire, `${at}/acces`);
  await grant(sophie, at, claire, "configure");
  assert.equal((await undo(claire, giving)).status, 422, "elle n’exporte plus");
  await grant(sophie, at, claire, "see", "export");
  assert.equal((await undo(claire, giving)).status, 422, "elle ne configure plus");
  assert.deepEqual(await lettersOf(at, helene), ["see", "export"]);
  assert.match(plain(await claire.get(giving!)), /Vous ne pouvez pas donner des habilitations sur cette campagne/);
});

test("PRM-26, PRM-3 : qui est habilité à configurer annule ses réglages, son calendrier, son suivi et l’étape 1", async () => {
  const at = await makeCampaign(sophie, { name: "Nom d’avant" });
  await grant(sophie, at, claire, "configure");
  const page = `${at}/reglages`;
  const calendar = { zone: "", holidayZone: "", defaultHour: "08:30", durationMinutes: "", closedDays: "" };
  const named = async () =>
    (await ask<{ name: string }>("select name from campaign where id = ?", [idIn(at)]))[0]!.name;
  await post(claire, page, page, { name: "Nom d’après", description: "", ...DAYS });
  isAt(await undo(claire, await offered(claire, page)));
  assert.equal(await named(), "Nom d’avant");
  await post(claire, page, `${at}/calendrier`, calendar);
  isAt(await undo(claire, await offered(claire, page)));
  await post(claire, page, `${at}/suivi`, { isTimeTracked: "oui", problemReasons: "" });
  isAt(await undo(claire, await offered(claire, page)));
  const next = await post(claire, `${at}/informations`, `${at}/informations`, {
    ...{ name: "Nom de l’étape", description: "", type: "", ...DAYS },
  });
  const act = await offered(claire, next);
  isAt(await undo(claire, act));
  assert.equal(await named(), "Nom d’avant");
});

test("PRM-26 : l’habilitation perdue, l’annulation l’est aussi, même si la campagne est devenue publique", async () => {
  const at = await makeCampaign(sophie, { name: "Reste tel" });
  await grant(sophie, at, claire, "configure");
  await post(claire, `${at}/reglages`, `${at}/reglages`, { name: "Reste changé", description: "", ...DAYS });
  const renaming = await offered(claire, `${at}/reglages`);
  await post(claire, `${at}/segments`, `${at}/segments`, { name: "Bâtiment A" });
  const adding = await offered(claire, `${at}/segments`);
  await grant(sophie, at, claire, "see");
  await visibility(at, "public");
  assert.equal((await undo(claire, renaming)).status, 422);
  assert.equal((await undo(claire, adding)).status, 422);
});

test("PRM-7 : la visibilité et la propriété ne reviennent pas par une habilitation ; qui transmet ne se voit rien proposer", async () => {
  const at = await makeCampaign(sophie);
  await visibility(at, "public");
  const showing = await offered(sophie, `${at}/acces`);
  await grant(sophie, at, claire, "configure");
  await post(sophie, `${at}/acces`, `${at}/proprietaire`, { owner: claire.id });
  assert.equal(await offered(sophie, "/campagnes"), undefined);
  await grant(claire, at, sophie, "configure");
  assert.equal((await undo(sophie, showing)).status, 422);
});

test("PRM-26, PRM-15 : qui est habilité à positionner annule ce qu’il a fait des personnes concernées", async () => {
  const at = await makeCampaign(sophie);
  await sophie.get(`/imports/personnes/nouveau?objet=${idIn(at)}`);
  const content = Buffer.from(
    csvText([
      ["Matricule", "Nom", "Prénom"],
      ["EXT-9", "Martin", "Jeanne"],
    ]),
  );
  const sent = isAt(
    await sendForm(world, sophie, "/imports/personnes/nouveau", { name: "p.csv", content }, { scope: idIn(at) }),
  );
  isAt(await checkAsProposed(sophie, sent));
  await runImport(world, sophie, sent);
  await grant(sophie, at, karim, "place");
  const people = () => ask<{ id: string }>("select id from eligible_person where campaign_id = ?", [idIn(at)]);
  const person = `${at}/personnes/${(await people())[0]!.id}`;
  await post(karim, `${person}/modifier`, `${person}/retrait`);
  assert.equal((await people()).length, 0);
  isAt(await undo(karim, await offered(karim, `${at}/personnes`)));
  assert.equal((await people()).length, 1);
});
