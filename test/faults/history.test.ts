import assert from "node:assert/strict";
import { test } from "node:test";
import type { Route } from "../../src/platform/http/route.ts";
import { changedTables, fingerprints } from "../support/fingerprints.ts";
import { ABSENT_HERE, nameOf, PERSONAS, report, startSweep } from "../support/sweep.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sweep = await startSweep(world);
const { root, routes } = sweep;
const as = (who: string) => PERSONAS.find((persona) => persona.who === who)!;

/** Posts that write no act, and where they are told instead. */
const NO_ACT: Record<string, string> = {
  "/connexion": "journal de sécurité (règle 12)",
  "/connexion/organisation": "journal de sécurité (règle 12)",
  "/connexion/code": "journal de sécurité (règle 12)",
  "/connexion/demo": "journal de sécurité (règle 12)",
  "/deconnexion": "journal de sécurité (règle 12)",
  "/session/prolongation": "une mesure de la session",
  "/compte/sessions/:id/fermeture": "journal de sécurité (règle 12)",
  "/compte/sessions/fermeture": "journal de sécurité (règle 12)",
  "/instance/pages/:kind/apercu": "n’enregistre rien",
  "/admin/utilisateurs/plusieurs/apercu": "n’enregistre rien",
  "/notifications/lecture": "l’écho d’actes déjà tracés : lu ou non lu n’en est pas un",
  "/notifications/:id/lecture": "l’écho d’actes déjà tracés : lu ou non lu n’en est pas un",
  "/envois": "un envoi en chemin : le fichier entre dans l’acte qui le montre",
  "/envois/:id/morceaux": "un envoi en chemin : le fichier entre dans l’acte qui le montre",
  "/campagnes/:id/vues/defaut": "une préférence d’écran",
  "/campagnes/:id/epingle": "une préférence d’écran",
  "/campagnes/:id/epingle/retrait": "une préférence d’écran",
  "/campagnes/:id/epingle/deplacement": "une préférence d’écran",
  "/campagnes/:id/preparation": "jusqu’où une personne a lu des écrans",
  "/campagnes/:id/operations/lots": "une sélection : l’acte est celui qui l’applique",
  "/campagnes/:id/operations/lots/:lot/apercu": "un aperçu : l’acte est celui qui l’applique",
  "/campagnes/:id/operations/lots/:lot/arret": "l’acte en cours dit jusqu’où il est allé",
  "/exports/:id/arret": "l’export est tracé quand il est demandé, et à sa fin",
  "/exports/:id/suppression": "la copie d’un jour d’un export déjà tracé",
  ...Object.fromEntries(
    [
      "/:kind/nouveau",
      "/:kind/collage",
      "/:kind/essai",
      "/:id/lecture",
      "/:id/correspondance",
      "/:id/correspondance/suppression",
      "/:id/verification",
    ].map((path) => [
      `/imports${path}`,
      "un fichier qu’on regarde : rien n’entre dans les données avant son exécution",
    ]),
  ),
  "/imports/:id/arret": "la fin de l’import dit qu’il a été arrêté",
  "/mot-de-passe-oublie": "journal de sécurité et boîte d’envoi : le compte ne change qu’avec le lien",
};

/** The password or the code proved on the way is counted by itself, before the change and whatever becomes of it (ACC-3). */
const COUNTED: Record<string, string[]> = {
  "/compte/mot-de-passe": ["public.sign_in_guard", "public.security_event"],
  "/compte/double-authentification/retrait": ["public.sign_in_guard", "public.security_event"],
};

const sender = (route: Route) =>
  route.options.publicForm
    ? as("anonymous")
    : ["denis", "nadia", "helene"].map(as).find((persona) => sweep.admits(route, persona))!;

const acting = routes.filter(({ method, path }) => method === "post" && !ABSENT_HERE[path] && !NO_ACT[path]);

for (const table of ["act", "changeset", "event"]) {
  test(`P55 : sans le droit d’écrire dans l’historique (${table}), aucun changement ne passe : 503, rien n’a bougé`, async () => {
    assert.ok(acting.length > 15);
    const failures: string[] = [];
    await root.query(`revoke insert on ${table} from opstracker_app`);
    try {
      for (const route of acting) {
        const persona = sender(route);
        const browser = await sweep.freshly(persona);
        if (persona.who === "anonymous") await browser.get("/connexion");
        const path = (await sweep.address(route, persona, "own", browser))!;
        const fields = await sweep.filled(route, persona, browser);
        const before = await fingerprints(root);
        const lastAct = (await root.query("select max(id::text)::uuid as id from act")).rows[0].id;
        const answer = await browser.post(path, fields);
        // A change without event needs no right on these two: its trigger makes the changeset. Then history is whole.
        if (table !== "act" && [200, 303].includes(answer.status)) {
          const { rows } = await root.query(
            "select 1 from act a join changeset c on c.tenant_id = a.tenant_id and c.act_id = a.id join imprint i on i.tenant_id = c.tenant_id and i.id = c.id where a.id > $1 and not exists (select from event e where e.tenant_id = c.tenant_id and e.changeset_id = c.id)",
            [lastAct],
          );
          const changed = changedTables(before, await fingerprints(root)).filter(
            (one) => one !== "public.idempotency_key",
          );
          if (rows.length === 0 && changed.length > 0)
            failures.push(`${nameOf(route)} : ${answer.status} sans histoire, ${changed.join(", ")} a changé`);
          continue;
        }
        if (answer.status !== 503 || !answer.headers.get("retry-after"))
          failures.push(`${nameOf(route)} : ${answer.status} au lieu de 503 avec Retry-After`);
        const changed = changedTables(before, await fingerprints(root)).filter(
          (one) => !COUNTED[route.path]?.includes(one),
        );
        if (changed.length > 0) failures.push(`${nameOf(route)} : ${changed.join(", ")} a changé`);
      }
    } finally {
      await root.query(`grant insert on ${table} to opstracker_app`);
      await sweep.calm();
    }
    report(
      failures,
      "Des changements passent sans histoire ; écrivez-les par submit(), ou dites dans NO_ACT pourquoi non",
    );
  });
}

test("P55 : le droit rendu, les mêmes formulaires passent et chacun laisse un acte", async () => {
  const failures: string[] = [];
  for (const route of acting) {
    const persona = sender(route);
    const browser = await sweep.freshly(persona);
    if (persona.who === "anonymous") await browser.get("/connexion");
    const path = (await sweep.address(route, persona, "own", browser))!;
    const fields = await sweep.filled(route, persona, browser);
    const count = async () => Number((await root.query("select count(*) from act")).rows[0].count);
    const before = await count();
    const { status, text } = await browser.post(path, fields);
    if (status >= 400)
      failures.push(`${nameOf(route)} : ${status} ${/class="problem"[\s\S]{0,300}/.exec(text)?.[0] ?? ""}`);
    else if ((await count()) <= before) failures.push(`${nameOf(route)} : aucun acte dans l’historique`);
  }
  report(failures, "Actes manquants");
});
