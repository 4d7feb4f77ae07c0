import assert from "node:assert/strict";
import { test } from "node:test";
import {
  absenceOn,
  absencesOn,
  isAvailable,
  listTechnicians,
  minutesOn,
  OFFICE_HOURS,
  type Technician,
} from "../../src/directory/index.ts";
import { startWorld } from "../support/world.ts";
import { AT, officeOf } from "./office.ts";

const world = await startWorld();
const denis = await world.as("denis");
const { post, must, change, undoLast, rows } = officeOf(world, denis);
const idOf = async (who: string) => (await world.userOf(who)).id;
const page = async (who: string) => `${AT}/techniciens/${await idOf(who)}/horaires`;
const known = async (who: string, from = "2026-01-01") => {
  const id = await idOf(who);
  return (await world.db.read(denis.tenantId, (em) => listTechnicians(em, { from }))).find((one) => one.id === id)!;
};

const nobody: Technician = {
  id: "",
  name: "",
  zone: "Europe/Paris",
  holidayZone: "alsace-moselle",
  hours: { ...OFFICE_HOURS, 3: [] },
  absences: [{ id: "a", startsOn: "2026-03-09", endsOn: "2026-03-10", reason: "Congés" }],
};

test("un technicien est là dans ses heures, hors absences et jours fériés de sa zone, à l’heure de son site", () => {
  const at = (instant: string, technician = nobody) => isAvailable(technician, new Date(instant));
  assert.equal(at("2026-03-12T08:00:00Z"), true, "9 h à Paris");
  assert.equal(at("2026-03-12T11:30:00Z"), false, "pause de midi");
  assert.equal(at("2026-03-12T16:00:00Z"), false, "17 h : la fin n’est plus dedans");
  assert.equal(at("2026-03-11T09:00:00Z"), false, "mercredi, jour non travaillé");
  assert.equal(at("2026-03-10T09:00:00Z"), false, "dernier jour d’absence");
  assert.equal(at("2026-04-03T09:00:00Z"), false, "Vendredi saint à Strasbourg");
  assert.equal(at("2026-04-03T09:00:00Z", { ...nobody, holidayZone: "metropole" }), true);
  assert.equal(at("2026-03-12T05:00:00Z", { ...nobody, zone: "Indian/Reunion" }), true, "9 h à Saint-Denis");
  assert.equal(at("2026-03-12T09:00:00Z", { ...nobody, hours: null }), true, "heures de bureau supposées");
});

test("les minutes d’un jour, et qui est absent ce jour-là", () => {
  assert.equal(minutesOn(nobody, "2026-03-12"), 420);
  assert.equal(minutesOn(nobody, "2026-03-11"), 0);
  assert.equal(minutesOn(nobody, "2026-03-09"), 0);
  assert.equal(absenceOn(nobody, "2026-03-10")?.reason, "Congés");
  assert.equal(absenceOn(nobody, "2026-03-11"), null);
  const other = { ...nobody, absences: [] };
  assert.deepEqual(
    absencesOn([nobody, other], "2026-03-09").map(({ technician }) => technician === nobody),
    [true],
  );
});

test("administrateurs et gestionnaires règlent les horaires ; deux à la fois, le second est arrêté ; l’acte s’annule", async () => {
  const at = await page("karim");
  const { text } = await denis.get(at);
  assert.match(text, /name="day1"[^>]* value="08:00-12:00, 13:00-16:00"/);
  const version = /name="version" value="(\d+)"/.exec(text)![1]!;
  assert.equal((await change(at, { day1: "7-15", day5: "" })).status, 303);
  assert.deepEqual((await known("karim")).hours!["1"], [["07:00", "15:00"]]);
  const stale = await change(at, { day1: "10-12", version });
  assert.equal(stale.status, 409);
  assert.match(stale.text, /<dd>07:00-15:00<\/dd>/);
  const refused = await change(at, { day2: "tôt" });
  assert.equal(refused.status, 422);
  assert.match(refused.text, /href="#field-day2"/);
  const undone = await undoLast("user", await idOf("karim"));
  assert.match(undone.preview, /Horaires.: lundi à vendredi.: 08:00–12:00/);
  assert.equal(undone.status, 303);
  assert.deepEqual((await known("karim")).hours!["1"], [
    ["08:00", "12:00"],
    ["13:00", "16:00"],
  ]);
  const sophie = await world.as("sophie");
  assert.equal((await sophie.get(at)).status, 200);
  for (const who of ["karim", "martine", "helene"]) {
    assert.equal((await (await world.as(who)).get(at)).status, 403, who);
  }
});

test("une première mise en place s’annule aussi : les heures de bureau reviennent", async () => {
  const at = await page("awa");
  assert.match((await denis.get(`${AT}/techniciens`)).text, /non renseignés.: heures de bureau supposées/);
  assert.equal((await change(at, { day1: "10-12" })).status, 303);
  assert.notEqual((await known("awa")).hours, null);
  assert.equal((await undoLast("user", await idOf("awa"))).status, 303);
  assert.equal((await known("awa")).hours, null);
});

test("une absence a deux jours et un motif, ne se chevauche pas, se retire et s’annule", async () => {
  const id = await idOf("karim");
  const at = `${AT}/techniciens/${id}/absences`;
  await must(at, { startsOn: "2027-03-08", endsOn: "2027-03-12", reason: "Formation" });
  assert.match(
    (await denis.get(`${AT}/techniciens`)).text,
    /du lundi 8 mars 2027 au vendredi 12 mars 2027[\s\S]+Formation/,
  );
  for (const [fields, field, said] of [
    [{ startsOn: "2027-03-12", endsOn: "2027-03-20", reason: "X" }, "startsOn", /déjà notée du lundi 8 mars 2027/],
    [{ startsOn: "2027-05-02", endsOn: "2027-05-01", reason: "X" }, "endsOn", /finit avant de commencer/],
    [{ startsOn: "2027-05-02", endsOn: "2029-05-01", reason: "X" }, "endsOn", /un an au plus/],
    [{ startsOn: "2027-02-30", endsOn: "2027-05-01", reason: "X" }, "startsOn", /date qui existe/],
    [{ startsOn: "2027-05-01", endsOn: "2027-05-01", reason: "" }, "reason", /Écrivez le motif/],
  ] as const) {
    const { status, text } = await post(at, fields);
    assert.equal(status, 422, JSON.stringify(fields));
    assert.match(text, new RegExp(`href="#absence-${field}"`), JSON.stringify(fields));
    assert.match(text, said);
  }
  const [{ absence } = { absence: "" }] = await rows<{ absence: string }>(
    "select id as absence from absence where user_id = ? and starts_on = '2027-03-08'",
    [id],
  );
  await must(`${at}/${absence}/retrait`);
  assert.equal((await post(`${at}/${absence}/retrait`)).status, 404);
  const undone = await undoLast("user", id);
  assert.match(undone.preview, /Du.: lundi 8 mars 2027[\s\S]+Motif.: Formation/);
  assert.equal(undone.status, 303);
  assert.equal(absenceOn(await known("karim"), "2027-03-10")?.reason, "Formation");
  await must(`${at}/${absence}/retrait`);
  await must(at, { startsOn: "2027-03-10", endsOn: "2027-03-10", reason: "Autre" });
  const { text } = await denis.get(`/historique/user/${id}`);
  const acts = [...text.matchAll(/href="\/admin\/historique\/([0-9a-f-]{36})"/g)].map(([, act]) => act!);
  const removal = [...new Set(acts)][1]!;
  assert.match((await denis.get(`/actes/${removal}/annulation`)).text, /Une autre absence couvre maintenant ces jours/);
});

test("GEN-3 : un technicien relié à un agent a l’heure et les fériés de son site", async () => {
  assert.deepEqual([(await known("awa")).zone, (await known("awa")).holidayZone], ["Europe/Paris", "metropole"]);
  await must(`/admin/utilisateurs/${await idOf("awa")}/annuaire`, { person: "MQ-0101" });
  assert.deepEqual([(await known("awa")).zone, (await known("awa")).holidayZone], ["Indian/Reunion", "la-reunion"]);
});

test("TEN-2 : le technicien d’une autre organisation n’existe pas ; qui n’est pas technicien n’a pas d’horaires", async () => {
  const nathalie = await world.as("nathalie");
  assert.equal((await nathalie.get(await page("karim"))).status, 404);
  assert.doesNotMatch((await nathalie.get(`${AT}/techniciens`)).text, /Daoudi/);
  assert.equal((await denis.get(await page("sophie"))).status, 404);
  assert.equal(
    (
      await post(
        `${AT}/techniciens/${await idOf("karim")}/absences`,
        { startsOn: "2027-06-01", endsOn: "2027-06-01", reason: "X" },
        nathalie,
      )
    ).status,
    404,
  );
});
