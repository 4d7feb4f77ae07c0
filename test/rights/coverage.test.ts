import assert from "node:assert/strict";
import { test } from "node:test";
import { get, post } from "../../src/platform/http/route.ts";
import { expectedVerdict, PERSONAS, report, type Sweep, sampleOf, verdictOf } from "../support/sweep.ts";

const nothing = () => undefined;
const admits = (yes: boolean) => ({ admits: () => yes }) as unknown as Sweep;
const [anonymous, , denis] = PERSONAS;

test("une route à paramètre sans exemple arrête les balayages, et la phrase dit quoi ajouter", () => {
  assert.throws(
    () => sampleOf(get("/inventaire/:numero", "signed-in", nothing)),
    /GET \/inventaire\/:numero : aucun exemple pour « numero ».+SAMPLES de test\/support\/sweep\.ts/,
  );
  assert.equal(sampleOf(get("/aide/:slug", "public", nothing, { sweep: { slug: "x" } })).reach, "fixed");
  assert.equal(sampleOf(get("/admin/utilisateurs/:id/nouveau-sujet", "accounts.manage", nothing)).reach, "tenant");
});

test("le verdict attendu se calcule du droit et du propriétaire", () => {
  const route = post("/admin/utilisateurs/:id/modifier", "accounts.manage", nothing);
  assert.equal(expectedVerdict(admits(true), route, anonymous, "own"), "à la connexion");
  assert.equal(expectedVerdict(admits(false), route, denis, "own"), "refusé");
  assert.equal(expectedVerdict(admits(false), route, denis, "other"), "refusé");
  assert.equal(expectedVerdict(admits(true), route, denis, "own"), "ouvert");
  assert.equal(expectedVerdict(admits(true), route, denis, "other"), "absent");
});

test("une réponse se lit en un mot, et une panne n’est le verdict de personne", () => {
  const said = (status: number, location: string | null = null) =>
    verdictOf({ status, location, headers: new Headers() });
  assert.deepEqual(
    [200, 303, 422, 403, 404, 500, 429].map((status) => said(status)),
    ["ouvert", "ouvert", "ouvert", "refusé", "absent", "inattendu : 500", "inattendu : 429"],
  );
  assert.equal(said(303, "/connexion?retour=%2F"), "à la connexion");
  assert.throws(() => report(["a", "b"], "Titre"), /Titre \(2\) :\n {2}- a\n {2}- b/);
});
