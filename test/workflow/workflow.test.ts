import assert from "node:assert/strict";
import { test } from "node:test";
import { Conflict, Forbidden, RuleBroken } from "../../src/platform/errors.ts";
import {
  arrowLabel,
  arrowsFrom,
  changed,
  decide,
  diagram,
  initialStatus,
  PRESETS,
  refusals,
  type Status,
  type Wish,
  Workflow,
  warnings,
} from "../../src/workflow/index.ts";

const STANDARD: Workflow = PRESETS.standard.workflow;
const edited = (edit: (workflow: Workflow) => void, from: Workflow = STANDARD): Workflow => {
  const copy = structuredClone(from);
  edit(copy);
  return copy;
};
const status = (workflow: Workflow, code: string): Status => workflow.statuses.find((one) => one.code === code)!;
const WAITING: Status = {
  code: "waiting",
  label: "Attente pièce",
  tone: "danger",
  icon: "hourglass",
  category: "problem",
  isFinal: false,
  isInitial: false,
};
const arrow = (from: string, to: string, more: Partial<Workflow["transitions"][number]> = {}) =>
  ({
    kind: "custom",
    label: `Vers ${to}`,
    from,
    to,
    roles: ["manager"],
    reason: "none",
    date: "none",
    ...more,
  }) as Workflow["transitions"][number];

test("WFL-7 : les trois modèles tiennent debout, sans avertissement", () => {
  for (const { workflow } of Object.values(PRESETS)) {
    assert.deepEqual(refusals(workflow), []);
    assert.deepEqual(warnings(workflow), []);
    assert.deepEqual(Workflow.parse(workflow), workflow);
    assert.equal(initialStatus(workflow)!.code, "to_schedule");
  }
  assert.equal(status(PRESETS.remedy.workflow, "blocked").label, "À remédier");
  assert.deepEqual(PRESETS.minimal.workflow.statuses.map(({ code }) => code).toSorted(), [
    "blocked",
    "cancelled",
    "done",
    "in_progress",
    "postponed",
    "to_schedule",
  ]);
});

test("glossaire §4 : le flux Standard a ces flèches, et aucune autre", () => {
  const lines = new Map<string, string[]>();
  for (const { kind, from, to, roles, reason, date } of STANDARD.transitions) {
    const key = `${kind} → ${to} (${roles.join("+")}, motif ${reason}, date ${date})`;
    lines.set(key, [...(lines.get(key) ?? []), from]);
  }
  assert.deepEqual(Object.fromEntries(lines), {
    "schedule → scheduled (assignee+manager+booking, motif optional, date required)": ["to_schedule"],
    "unschedule → to_schedule (manager+booking, motif optional, date cleared)": ["scheduled"],
    "start → in_progress (assignee+manager, motif none, date none)": ["to_schedule", "scheduled"],
    "complete → done (assignee+manager, motif none, date none)": ["in_progress"],
    "postpone → postponed (assignee+manager, motif optional, date optional)": [
      "to_schedule",
      "scheduled",
      "in_progress",
      "blocked",
    ],
    "flag_problem → blocked (assignee+manager, motif required, date none)": ["to_schedule", "scheduled", "in_progress"],
    "unblock → in_progress (assignee+manager, motif optional, date none)": ["blocked"],
    "reschedule → scheduled (assignee+manager+booking, motif optional, date required)": ["postponed", "blocked"],
    "reschedule → to_schedule (assignee+manager+booking, motif optional, date cleared)": ["postponed", "blocked"],
    "cancel → cancelled (manager, motif required, date none)": [
      "to_schedule",
      "scheduled",
      "in_progress",
      "postponed",
      "blocked",
    ],
    "reopen → in_progress (manager, motif required, date none)": ["done", "cancelled"],
    "reopen → to_schedule (manager, motif required, date cleared)": ["done", "cancelled"],
  });
});

const REFUSED: [title: string, edit: (workflow: Workflow) => void, ...sentences: RegExp[]][] = [
  [
    "un statut sans flèche qui y mène",
    ({ statuses, transitions }) => {
      statuses.push(WAITING);
      transitions.push(arrow("waiting", "in_progress"), arrow("waiting", "cancelled"));
    },
    /« Attente pièce » : aucun chemin n’y mène depuis « À planifier »/,
  ],
  [
    "un statut non final sans sortie",
    ({ statuses, transitions }) => {
      statuses.push(WAITING);
      transitions.push(arrow("in_progress", "waiting"));
    },
    /« Attente pièce » : aucun chemin n’en mène à un statut final/,
    /« Attente pièce » : rien ne permet d’y annuler/,
  ],
  [
    "« En cours » sans sa flèche d’annulation",
    (workflow) => {
      workflow.transitions = workflow.transitions.filter(
        ({ from, kind }) => !(from === "in_progress" && kind === "cancel"),
      );
    },
    /« En cours » : rien ne permet d’y annuler une opération/,
  ],
  [
    "« Reportée » marquée finale",
    (workflow) => {
      status(workflow, "postponed").isFinal = true;
    },
    /« Reportée » : un statut final est de catégorie « Réalisée » ou « Annulée »/,
  ],
  [
    "une réouverture qui ne demande pas de motif (WFL-8)",
    ({ transitions }) => {
      transitions.find(({ kind, to }) => kind === "reopen" && to === "in_progress")!.reason = "optional";
    },
    /«.Rouvrir.», de «.Réalisée.» à «.En cours.», rouvre sans demander pourquoi\. Rendez son motif «.obligatoire.»/,
  ],
  [
    "deux statuts initiaux",
    ({ statuses, transitions }) => {
      statuses.push({ ...WAITING, category: "open", isInitial: true });
      transitions.push(arrow("waiting", "cancelled"), arrow("waiting", "in_progress"));
    },
    /Plusieurs statuts initiaux : « À planifier » et « Attente pièce »/,
  ],
  [
    "aucun statut initial",
    (workflow) => {
      status(workflow, "to_schedule").isInitial = false;
    },
    /Aucun statut initial/,
  ],
  [
    "un statut réalisé qui n’est pas final",
    (workflow) => {
      status(workflow, "done").isFinal = false;
    },
    /« Réalisée » : un statut de catégorie .* est final/,
  ],
  [
    "plus aucun statut d’annulation",
    (workflow) => {
      workflow.statuses = workflow.statuses.filter(({ code }) => code !== "cancelled");
      workflow.transitions = workflow.transitions.filter(({ from, to }) => from !== "cancelled" && to !== "cancelled");
    },
    /Aucun statut de catégorie « Annulée »/,
  ],
  [
    "deux flèches de même nom que rien ne distingue",
    ({ transitions }) =>
      void transitions.push(arrow("in_progress", "postponed", { kind: "custom", label: "terminer" })),
    /Deux transitions « terminer » partent de « En cours », vers « Réalisée » et vers « Reportée », sans rien pour choisir/,
  ],
  [
    "une action qui ne mène pas où elle dit",
    ({ transitions }) => void transitions.push(arrow("in_progress", "blocked", { kind: "complete", label: "Finir" })),
    /« Finir » fait l’action « Terminer »/,
  ],
  [
    "une flèche vers un statut inconnu",
    ({ transitions }) => void transitions.push(arrow("in_progress", "nowhere")),
    /nomme un statut qui n’existe pas/,
  ],
  [
    "une flèche d’un statut à lui-même",
    ({ transitions }) => void transitions.push(arrow("in_progress", "in_progress")),
    /mène de « En cours » à lui-même/,
  ],
  [
    "deux statuts de même nom",
    ({ statuses }) => {
      statuses[1]!.label = "en  COURS";
    },
    /Deux statuts s’appellent/,
  ],
];

for (const [title, edit, ...sentences] of REFUSED) {
  test(`S23, WFL-4 : ${title} est refusé, et les statuts sont nommés`, () => {
    const said = refusals(edited(edit));
    for (const sentence of sentences)
      assert.ok(
        said.some((one) => sentence.test(one)),
        said.join("\n") || "rien n’est refusé",
      );
  });
}

test("S23 : « Bloquée » renommée et « Attente pièce » ajoutée avec ses flèches s’enregistrent ; la catégorie réunit les deux", () => {
  const workflow = edited(({ statuses, transitions }) => {
    statuses.find(({ code }) => code === "blocked")!.label = "À remédier";
    statuses.push(WAITING);
    transitions.push(
      arrow("in_progress", "waiting", { kind: "flag_problem", label: "Attendre une pièce", reason: "required" }),
      arrow("waiting", "in_progress", { kind: "unblock", label: "Pièce reçue" }),
      arrow("waiting", "cancelled", { kind: "cancel", label: "Annuler l’opération", reason: "required" }),
    );
  });
  assert.deepEqual(refusals(workflow), []);
  assert.equal(workflow.statuses.filter(({ category }) => category === "problem").length, 2);
  assert.deepEqual(changed(STANDARD, workflow).slice(0, 2), [
    "Statut « Bloquée » : renommé « À remédier ».",
    "Statut ajouté : « Attente pièce », de catégorie « Bloquée ».",
  ]);
  assert.deepEqual(changed(workflow, workflow), []);
});

test("WFL-5 : l’éditeur prévient sans refuser", () => {
  const said = warnings(
    edited((workflow) => {
      workflow.transitions = workflow.transitions.filter(
        ({ kind, from }) => !(kind === "reopen" && from === "done") && !(from === "postponed" && kind !== "cancel"),
      );
    }),
    { present: ["assignee"] },
  );
  assert.ok(
    said.some((one) => /« Réalisée » : rien ne permet de rouvrir/.test(one)),
    said.join("\n"),
  );
  assert.ok(said.some((one) => /« Reportée » : une seule sortie/.test(one)));
  assert.ok(said.some((one) => /« Annuler l’opération » depuis « En cours » n’est permis à personne/.test(one)));
});

const wish = (given: Partial<Wish> & { from: string }) => decide(STANDARD, { who: ["manager"], ...given });
const throws = (given: Partial<Wish> & { from: string }, kind: new (...args: never[]) => Error, sentence: RegExp) =>
  assert.throws(
    () => wish(given),
    (error: Error) => error instanceof kind && sentence.test(error.message),
  );

test("WFL-3 : pas de flèche, 409 ; pas le rôle, 403 ; ni motif ni date, 422", () => {
  assert.equal(wish({ from: "in_progress", to: "done" }).kind, "complete");
  assert.equal(wish({ from: "in_progress", kind: "complete" }).to, "done");
  throws(
    { from: "scheduled", to: "done" },
    Conflict,
    /Aucune transition ne mène de « Planifiée » à « Réalisée »\. Depuis ce statut, vous pouvez : .*« Démarrer »/,
  );
  throws({ from: "done", kind: "start" }, Conflict, /« Démarrer » ne part pas de « Réalisée »/);
  throws({ from: "done", to: "done" }, Conflict, /déjà « Réalisée »/);
  throws(
    { from: "in_progress", kind: "cancel", who: ["assignee"], reason: "x" },
    Forbidden,
    /revient à un gestionnaire/,
  );
  throws({ from: "in_progress", kind: "cancel", reason: "  " }, RuleBroken, /Donnez le motif/);
  throws({ from: "to_schedule", kind: "schedule" }, RuleBroken, /Donnez la date/);
  throws({ from: "scheduled", kind: "start", date: "2026-03-12" }, RuleBroken, /ne prend pas de date/);
  throws({ from: "nowhere", to: "done" }, Conflict, /« nowhere »/);
});

test("glossaire §4 : replanifier va où la date le dit, rouvrir où la personne le dit", () => {
  assert.equal(wish({ from: "postponed", kind: "reschedule", date: "2026-03-12" }).to, "scheduled");
  assert.equal(wish({ from: "postponed", kind: "reschedule" }).to, "to_schedule");
  assert.equal(wish({ from: "done", kind: "reopen", to: "to_schedule", reason: "erreur" }).date, "cleared");
  assert.equal(wish({ from: "done", kind: "reopen", reason: "erreur" }).to, "in_progress");
  assert.deepEqual(
    arrowsFrom(STANDARD, "scheduled", ["assignee"]).map(({ kind }) => kind),
    ["start", "postpone", "flag_problem"],
  );
  assert.deepEqual(
    arrowsFrom(STANDARD, "scheduled", ["booking"]).map(({ kind }) => kind),
    ["unschedule"],
  );
});

test("WFL-7 : le dessin porte chaque statut et chaque flèche, sans style ni script, et échappe ce qui est écrit", () => {
  const svg = diagram(
    edited(({ statuses }) => {
      statuses[0]!.label = '<À> & "planifier"';
    }),
    { icons: "/icons.svg" },
  );
  assert.match(svg, /^<svg class="workflow-svg" role="img" aria-label="Flux de 7 statuts et 26 transitions\./);
  assert.doesNotMatch(svg, /style=|<script|on\w+=/);
  assert.match(svg, /&lt;À&gt; &amp; &quot;planifier&quot;/);
  for (const { label } of STANDARD.statuses.slice(1)) assert.ok(svg.includes(`>${label}</text>`), label);
  for (const { label } of STANDARD.transitions) assert.ok(svg.includes(`>${label}</text>`), label);
  assert.doesNotMatch(svg, /NaN|undefined/);
});

test("deux transitions du même nom offertes ensemble disent où chacune mène, les autres gardent leur nom (WFL-3)", () => {
  const done = arrowsFrom(STANDARD, "done", ["manager"]);
  assert.deepEqual(
    done.map((arrow) => arrowLabel(STANDARD, done, arrow)),
    ["Rouvrir\u00a0: En cours", "Rouvrir\u00a0: À planifier"],
  );
  const open = arrowsFrom(STANDARD, "to_schedule", ["manager"]);
  assert.deepEqual(
    open.map((arrow) => arrowLabel(STANDARD, open, arrow)),
    open.map(({ label }) => label),
  );
});
