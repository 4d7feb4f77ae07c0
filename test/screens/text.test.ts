import assert from "node:assert/strict";
import { test } from "node:test";
import { fr, typo } from "../../src/platform/text/index.ts";

const PARIS = "Europe/Paris";
const REUNION = "Indian/Reunion";
const now = new Date("2026-03-12T13:30:00Z");
const before = (ms: number) => new Date(now.getTime() - ms);
const MIN = 60_000;
const HOUR = 60 * MIN;
const DAY = 24 * HOUR;

test("les dates s’écrivent en mots, année comprise", () => {
  assert.equal(fr.date("2026-03-12T09:00:00Z", PARIS), "jeudi 12 mars 2026");
  assert.equal(fr.dateTime("2026-03-12T09:00:00Z", PARIS), "jeudi 12 mars 2026, 10:00");
  assert.equal(fr.shortDate("2026-03-02T09:00:00Z", PARIS), "02/03/2026");
});

test("le premier du mois est le 1er, le onze et le vingt et un restent", () => {
  assert.equal(fr.date("2026-02-01T12:00:00Z", PARIS), "dimanche 1er février 2026");
  assert.equal(fr.date("2026-02-11T12:00:00Z", PARIS), "mercredi 11 février 2026");
  assert.equal(fr.date("2026-02-21T12:00:00Z", PARIS), "samedi 21 février 2026");
});

test("le fuseau de l’organisation décide du jour et de l’heure", () => {
  const late = "2026-12-31T21:30:00Z";
  assert.equal(fr.dateTime(late, PARIS), "jeudi 31 décembre 2026, 22:30");
  assert.equal(fr.dateTime(late, REUNION), "vendredi 1er janvier 2027, 01:30");
  assert.equal(fr.time(late, "America/Guadeloupe"), "17:30");
});

test("les deux changements d’heure de Paris tombent juste, et La Réunion n’en a pas", () => {
  assert.equal(fr.exactTime("2026-03-29T00:59:59Z", PARIS), "01:59:59");
  assert.equal(fr.exactTime("2026-03-29T01:00:00Z", PARIS), "03:00:00");
  assert.equal(fr.time("2026-10-25T00:30:00Z", PARIS), "02:30");
  assert.equal(fr.time("2026-10-25T01:30:00Z", PARIS), "02:30");
  assert.equal(fr.time("2026-03-29T01:00:00Z", REUNION), "05:00");
});

test("minuit s’écrit 00:00", () => {
  assert.equal(fr.time("2026-01-14T23:00:00Z", PARIS), "00:00");
  assert.equal(fr.exactTime("2026-01-14T23:00:00Z", PARIS), "00:00:00");
});

test("une date qui n’en est pas une est refusée, jamais imprimée", () => {
  assert.throws(() => fr.date("demain", PARIS), RangeError);
  assert.throws(() => fr.ago(new Date(Number.NaN), now), RangeError);
  assert.throws(() => fr.date(now, "Europe/Nulle-Part"), RangeError);
});

test("le temps écoulé se dit simplement", () => {
  const said: [number, string][] = [
    [0, "à l’instant"],
    [59_999, "à l’instant"],
    [MIN, "il y a 1\u00a0min"],
    [3 * MIN, "il y a 3\u00a0min"],
    [59 * MIN + 59_000, "il y a 59\u00a0min"],
    [HOUR, "il y a 1\u00a0h"],
    [23 * HOUR, "il y a 23\u00a0h"],
    [DAY, "il y a 1 jour"],
    [5 * DAY, "il y a 5 jours"],
    [30 * DAY, "il y a 30 jours"],
    [31 * DAY, "il y a 1\u00a0mois"],
    [200 * DAY, "il y a 6\u00a0mois"],
    [364 * DAY, "il y a 11\u00a0mois"],
    [365 * DAY, "il y a 1 an"],
    [800 * DAY, "il y a 2 ans"],
    [-3 * MIN, "dans 3\u00a0min"],
    [-2 * DAY, "dans 2 jours"],
  ];
  for (const [gap, words] of said) assert.equal(fr.ago(before(gap), now), words, `${gap}`);
});

test("les nombres ont une espace fine et une virgule", () => {
  assert.equal(fr.number(1842), "1\u202f842");
  assert.equal(fr.number(1234567.891), "1\u202f234\u202f567,89");
  assert.equal(fr.number(0), "0");
  assert.equal(fr.number(-12), "-12");
  assert.equal(fr.number(2.71, 0), "3");
  assert.throws(() => fr.number(Number.NaN), RangeError);
  assert.throws(() => fr.number(Number.POSITIVE_INFINITY), RangeError);
});

test("les parts s’écrivent avec leur espace", () => {
  assert.equal(fr.percent(0.731), "73,1\u00a0%");
  assert.equal(fr.percent(1), "100\u00a0%");
  assert.equal(fr.percent(0.66666, 0), "67\u00a0%");
  assert.equal(fr.ratio({ part: 88, of: 100 }), "88,0\u00a0%");
  assert.equal(fr.percent(12.5), "1\u202f250\u00a0%");
});

test("zéro et un restent au singulier", () => {
  assert.equal(fr.count(0, "acte", "actes"), "0 acte");
  assert.equal(fr.count(1, "acte", "actes"), "1 acte");
  assert.equal(fr.count(1.5, "point", "points"), "1,5 point");
  assert.equal(fr.count(2, "acte", "actes"), "2 actes");
  assert.equal(fr.count(1842, "acte", "actes"), "1\u202f842 actes");
});

test("les initiales tiennent en deux lettres", () => {
  assert.equal(fr.initials("Sophie Marchand"), "SM");
  assert.equal(fr.initials("  awa   ndiaye "), "AN");
  assert.equal(fr.initials("Jean-Luc"), "JL");
  assert.equal(fr.initials("Marie-Hélène de La Tour"), "MT");
  assert.equal(fr.initials("Élise"), "É");
  assert.equal(fr.initials("E\u0301lise Durand"), "ÉD");
  assert.equal(fr.initials("Système"), "S");
  assert.equal(fr.initials("42"), "");
});

test("une liste finit par « et »", () => {
  assert.equal(fr.list([]), "");
  assert.equal(fr.list(["a"]), "a");
  assert.equal(fr.list(["a", "b"]), "a et b");
  assert.equal(fr.list(["a", "b", "c"]), "a, b et c");
});

test("après un deux-points la phrase commence en minuscule, un sigle reste", () => {
  assert.equal(fr.afterColon("Écrivez 3 lettres."), "écrivez 3 lettres.");
  assert.equal(fr.afterColon("TVA manquante."), "TVA manquante.");
  assert.equal(fr.afterColon(""), "");
});

test("typo() pose les espaces insécables et l’apostrophe", () => {
  assert.equal(typo("Quoi ?"), "Quoi\u202f?");
  assert.equal(typo("Quoi?!"), "Quoi\u202f?!");
  assert.equal(typo("d'abord ; ensuite"), "d’abord\u202f; ensuite");
  assert.equal(typo("Motif: retard"), "Motif\u00a0: retard");
  assert.equal(typo("50% et 12 %"), "50\u00a0% et 12\u00a0%");
  assert.equal(typo("dit « oui » puis «non»"), "dit «\u00a0oui\u00a0» puis «\u00a0non\u00a0»");
});

test("typo() laisse les adresses, les heures et ce qui est déjà juste", () => {
  const kept = [
    "Voir https://exemple.example/a?b=1;c!",
    "À 10:30 précises",
    "Quoi\u202f?",
    "mailto:a@b.example?subject=x",
    "",
  ];
  for (const text of kept) assert.equal(typo(text), text);
  const once = typo("C'est l'heure : «non» !");
  assert.equal(typo(once), once);
});
