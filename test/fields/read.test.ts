import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type FieldDefinition,
  newField,
  type Reading,
  readDate,
  readerOf,
  readHour,
  readMoment,
  readNumber,
  readValue,
} from "../../src/fields/index.ts";

const PARIS: Reading = { zone: "Europe/Paris", defaultHour: "09:00" };
const field = (
  type: FieldDefinition["type"],
  rules: FieldDefinition["rules"] = {},
  more: Partial<FieldDefinition> = {},
) => newField({ code: "essai", label: "Essai", type, rules, ...more });
const reads = (one: FieldDefinition, text: string, reading = PARIS) => {
  const answer = readValue(one, text, reading);
  return "problem" in answer ? { problem: answer.problem } : answer.value;
};
const refuses = (one: FieldDefinition, text: string, sentence: RegExp, reading = PARIS) => {
  const answer = readValue(one, text, reading);
  assert.ok("problem" in answer, `${JSON.stringify(text)} est accepté : ${JSON.stringify(answer)}`);
  assert.match(answer.problem, sentence);
};

test("IMP-14 : chaque écriture d’une date donne le même jour, et rien ne déborde sur le mois suivant", () => {
  for (const text of [
    "31/12/2026",
    "31-12-2026",
    "31.12.2026",
    "31/12/26",
    "2026-12-31",
    "2026-12-31T00:00:00",
    "2026-12-31T15:04",
    "31 décembre 2026",
    "31 déc. 2026",
    "31 Décembre 2026",
    "jeudi 31 décembre 2026",
    " 31/12/2026 ",
    "31/12/2026 15:00",
  ]) {
    assert.deepEqual(readDate(text, PARIS), { value: "2026-12-31" }, text);
  }
  assert.deepEqual(readDate("1er mars 2026", PARIS), { value: "2026-03-01" });
  assert.deepEqual(readDate("12 août 2026", PARIS), { value: "2026-08-12" });
  assert.deepEqual(readDate("01/02/69", PARIS), { value: "2069-02-01" });
  assert.deepEqual(readDate("01/02/70", PARIS), { value: "1970-02-01" });
  assert.deepEqual(readDate("29/02/2028", PARIS), { value: "2028-02-29" });
  assert.deepEqual(readDate("", PARIS), { value: null });
  for (const text of [
    "31/02/2026",
    "32/13/2026",
    "29/02/2026",
    "00/01/2026",
    "2026-02-30",
    "31 avril 2026",
    "31/02/26",
  ]) {
    const answer = readDate(text, PARIS);
    assert.ok("problem" in answer && /n’est pas dans le calendrier/.test(answer.problem), text);
  }
  assert.deepEqual(readDate("31/02/2026", PARIS), {
    problem: "Le 31/02/2026 n’est pas dans le calendrier. Corrigez le jour ou le mois.",
  });
  for (const text of ["demain", "12/2026", "31/12-2026", "46387", "mars 2026", "31/12/2026 vers midi"]) {
    assert.ok("problem" in readDate(text, PARIS), text);
  }
  assert.ok("problem" in readDate("31/12/1899", PARIS));
  assert.ok("problem" in readDate("01/01/2101", PARIS));
});

test("IMP-14 : l’ordre jour et mois se choisit ; dit à l’envers, l’erreur le laisse voir", () => {
  assert.deepEqual(readDate("12/31/2026", { ...PARIS, isMonthFirst: true }), { value: "2026-12-31" });
  assert.deepEqual(readDate("2026-12-31", { ...PARIS, isMonthFirst: true }), { value: "2026-12-31" });
  const answer = readDate("12/31/2026", PARIS);
  assert.ok("problem" in answer && /lu jour puis mois/.test(answer.problem));
});

test("IMP-15 : chaque écriture d’une heure se lit, seule ou après la date ; sans heure, celle par défaut", () => {
  for (const [text, hour] of [
    ["15:00", "15:00"],
    ["15:00:00", "15:00"],
    ["15h00", "15:00"],
    ["15h", "15:00"],
    ["9h", "09:00"],
    ["9 h 30", "09:30"],
    ["9H30", "09:30"],
    ["0:05", "00:05"],
  ] as const) {
    assert.deepEqual(readHour(text), { value: hour }, text);
  }
  for (const text of ["25:00", "15:60", "15", "midi", "15h7", "24:00", "9h30 environ"])
    assert.ok("problem" in readHour(text), text);
  const at = (value: string) => ({ value });
  assert.deepEqual(readMoment("31/12/2026", "15h30", PARIS), at("2026-12-31T14:30:00.000Z"));
  assert.deepEqual(readMoment("31/07/2026 15:30", null, PARIS), at("2026-07-31T13:30:00.000Z"));
  assert.deepEqual(readMoment("31 juillet 2026 à 15 h 30", "", PARIS), at("2026-07-31T13:30:00.000Z"));
  assert.deepEqual(readMoment("31/07/2026", "", PARIS), at("2026-07-31T07:00:00.000Z"));
  assert.deepEqual(readMoment("2026-07-31T15:30", null, PARIS), at("2026-07-31T13:30:00.000Z"));
  assert.deepEqual(readMoment("2026-07-31T15:30:00Z", null, PARIS), at("2026-07-31T15:30:00.000Z"));
  assert.deepEqual(readMoment("2026-07-31T15:30:00.250+02:00", null, PARIS), at("2026-07-31T13:30:00.000Z"));
  assert.deepEqual(
    readMoment("31/12/2026", "10:00", { ...PARIS, zone: "Indian/Reunion" }),
    at("2026-12-31T06:00:00.000Z"),
  );
  assert.deepEqual(readMoment("", "", PARIS), { value: null });
  assert.ok("problem" in readMoment("", "10:00", PARIS));
  assert.ok("problem" in readMoment("31/12/2026", "dix heures", PARIS));
});

test("TIM-2 : une heure que les horloges sautent est refusée avec la suivante ; une heure dite deux fois est la première", () => {
  assert.deepEqual(readMoment("29/03/2026", "02:30", PARIS), {
    problem:
      "Le 29/03/2026, 02:30 n’existe pas\u00a0: les horloges passent à l’heure d’été. L’heure suivante est 03:00.",
  });
  assert.deepEqual(readMoment("29/03/2026", "01:59", PARIS), { value: "2026-03-29T00:59:00.000Z" });
  assert.deepEqual(readMoment("29/03/2026", "03:00", PARIS), { value: "2026-03-29T01:00:00.000Z" });
  assert.deepEqual(readMoment("25/10/2026", "02:15", PARIS), { value: "2026-10-25T00:15:00.000Z" });
  assert.deepEqual(readMoment("25/10/2026", "03:00", PARIS), { value: "2026-10-25T02:00:00.000Z" });
  assert.deepEqual(readMoment("24/10/2026", "02:15", PARIS), { value: "2026-10-24T00:15:00.000Z" });
  const miquelon = { ...PARIS, zone: "America/Miquelon" };
  assert.deepEqual(readMoment("08/03/2026", "02:30", miquelon), {
    problem:
      "Le 08/03/2026, 02:30 n’existe pas\u00a0: les horloges passent à l’heure d’été. L’heure suivante est 03:00.",
  });
  assert.deepEqual(readMoment("08/03/2026", "12:00", miquelon), { value: "2026-03-08T14:00:00.000Z" });
});

test("IMP-16 : nombres à la française ou non, espaces de toute sorte, signe des décimales au choix", () => {
  const number = (text: string, decimalSign?: "," | ".") => {
    const answer = readNumber(text, decimalSign ? { decimalSign } : {});
    return "value" in answer ? answer.value : "refusé";
  };
  for (const text of [
    "1234,56",
    "1 234,56",
    "1\u00a0234,56",
    "1\u202f234,56",
    "1.234,56",
    "1234.56",
    "1,234.56",
    "+1234,56",
  ]) {
    assert.equal(number(text), 1234.56, text);
  }
  assert.equal(number("-12"), -12);
  assert.equal(number("\u221212,5"), -12.5);
  assert.equal(number("1.234.567"), 1_234_567);
  assert.equal(number("1,234"), 1.234);
  assert.equal(number("1,234", "."), 1234);
  assert.equal(number("1.234", ","), 1234);
  assert.equal(number("00421"), 421);
  for (const text of ["12 3", "1,2,3", "1.2.3,4", ",5", "5,", "1 234 56", "douze", "12 %", "1,23,456", "--1"]) {
    assert.equal(number(text), "refusé", text);
  }
  assert.equal(number("1234567890123456"), "refusé");
  assert.deepEqual(readNumber("12 %", {}, { unit: "%" }), { value: 12 });
  assert.deepEqual(readNumber("12,5\u00a0kg", {}, { unit: "kg" }), { value: 12.5 });
});

test("FLD-4 : bornes et décimales d’un nombre, avec la phrase qui les dit", () => {
  const watts = field("number", { min: 0, max: 1500, decimals: 1, unit: "W" });
  assert.equal(reads(watts, "1 500 W"), 1500);
  assert.equal(reads(watts, "12,500"), 12.5);
  refuses(watts, "-1", /0\u00a0W au moins/);
  refuses(watts, "1501", /1\u202f500\u00a0W au plus/);
  refuses(watts, "1,25", /1 décimale au plus/);
  refuses(field("number", { decimals: 0 }), "1,5", /nombre entier/);
  refuses(field("number"), "0,1234567", /6 décimales au plus/);
});

test("IMP-17 : une notation scientifique est un nombre abîmé partout, sauf dans un nombre qui l’accepte", () => {
  for (const type of ["short_text", "long_text", "phone", "date", "number", "single_choice", "boolean"] as const) {
    refuses(field(type, type === "single_choice" ? { options: [] } : {}), "1,23E+14", /nombre abîmé par le tableur/);
  }
  assert.equal(reads(field("number", { takesScientific: true }), "1,23E+14"), 1.23e14);
  assert.equal(reads(field("short_text"), "12E4"), "12E4");
});

test("IMP-17 : oui et non de toutes façons, une croix, et rien", () => {
  for (const text of ["OUI", "o", "Vrai", "TRUE", "yes", "1", "X", "x"])
    assert.equal(reads(field("boolean"), text), true, text);
  for (const text of ["NON", "n", "Faux", "FALSE", "no", "0"]) assert.equal(reads(field("boolean"), text), false, text);
  assert.equal(reads(field("boolean"), ""), null);
  refuses(field("boolean"), "peut-être", /ni comme oui, ni comme non/);
});

const OPTIONS = [
  { code: "ecran", label: "Écran", isRetired: false },
  { code: "unite", label: "Unité centrale", isRetired: false },
  { code: "tour", label: "Tour", isRetired: true },
];

test("IMP-17, FLD-7 : un choix se lit par libellé ou par code, sans casse ni accents ; une option retirée reste à qui la tient", () => {
  const one = field("single_choice", { options: OPTIONS });
  assert.equal(reads(one, "ecran"), "ecran");
  assert.equal(reads(one, "UNITE  CENTRALE"), "unite");
  refuses(one, "Clavier", /n’est pas une option. Choisissez Écran et Unité centrale/);
  refuses(one, "Tour", /n’est plus proposée/);
  assert.equal(reads(one, "Tour", { ...PARIS, present: "tour" }), "tour");
  const many = field("multiple_choice", { options: OPTIONS });
  assert.deepEqual(reads(many, "unité centrale | Écran|ecran"), ["ecran", "unite"]);
  assert.deepEqual(reads(many, "unité centrale, Écran", { ...PARIS, separator: "," }), ["ecran", "unite"]);
  assert.equal(reads(many, " | "), null);
  refuses(many, "Écran|Clavier", /« Clavier » n’est pas une option/);
});

test("FLD-4 : textes, adresses, liens et leurs limites", () => {
  assert.equal(reads(field("short_text"), "\u200b Poste\u00a0 "), "Poste");
  assert.equal(reads(field("short_text"), "e\u0301cran"), "écran");
  assert.equal(reads(field("short_text"), "00421"), "00421");
  refuses(field("short_text"), "a\nb", /sur une seule/);
  refuses(field("short_text"), "x".repeat(256), /256 caractères\u00a0: 255 au plus/);
  refuses(field("long_text"), "x".repeat(10_001), /10\u202f000 au plus/);
  refuses(field("short_text"), "a\u0000b", /caractère invisible/);
  refuses(field("short_text", {}, { isMandatory: true, label: "Salle" }), "  ", /« Salle » est obligatoire/);
  const tag = field("short_text", { pattern: "[A-Z]{2}-\\d{4}" });
  assert.equal(reads(tag, "PC-0847"), "PC-0847");
  refuses(tag, "xPC-0847", /forme attendue/);
  assert.equal(reads(field("email"), "Prenom.Nom@Ville-DEMO.Fr"), "Prenom.Nom@ville-demo.fr");
  for (const text of ["a@b", "a@b.fr, c@d.fr", "a b@c.fr", "@c.fr", "a@-c.fr", `${"x".repeat(250)}@c.fr`]) {
    refuses(field("email"), text, /adresse électronique/);
  }
  assert.equal(reads(field("url"), "https://exemple.fr/a?b=c"), "https://exemple.fr/a?b=c");
  for (const text of ["javascript:alert(1)", "exemple.fr", "ftp://a.fr", "http:/a", "https://", "https://a b.fr"]) {
    refuses(field("url"), text, /n’est pas un lien/);
  }
});

test("FLD-4 : téléphones de France, fixes compris, d’outre-mer et d’ailleurs, en E.164", () => {
  for (const [text, number] of [
    ["01 02 03 04 05", "+33102030405"],
    ["01.02.03.04.05", "+33102030405"],
    ["0102030405", "+33102030405"],
    ["+33 (0)1 02 03 04 05", "+33102030405"],
    ["0033 6 12 34 56 78", "+33612345678"],
    ["06\u00a012\u00a034\u00a056\u00a078", "+33612345678"],
    ["0262 12 34 56", "+262262123456"],
    ["0692 12 34 56", "+262692123456"],
    ["+32 2 123 45 67", "+3221234567"],
    ["00 44 20 7946 0958", "+442079460958"],
    ["0 800 12 34 56", "+33800123456"],
  ] as const) {
    assert.equal(reads(field("phone"), text), number, text);
  }
  for (const text of ["01 02 03", "poste 412", "01 02 03 04 05 / 06 12 34 56 78", "0102030405 ext 3", "+99 1234"]) {
    refuses(field("phone"), text, /n’est pas un numéro de téléphone/);
  }
});

test("FLD-4 : un motif qui ferait boucler une expression ordinaire se lit en temps linéaire", () => {
  const read = readerOf(field("short_text", { pattern: "(a+)+b" }), PARIS);
  for (let i = 0; i < 50; i++) assert.ok("problem" in read("a".repeat(255)));
});
