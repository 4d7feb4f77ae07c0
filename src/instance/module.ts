import { INSTANCE_ID } from "../accounts/index.ts";
import { purgeRuns, queuesMark } from "../platform/jobs/queries.ts";
import type { Module } from "../platform/module.ts";
import { fr } from "../platform/text/index.ts";
import { backupFailed, backupVitals, nightlyBackup } from "./backups.ts";
import { CriterionResult, CriterionResultSchema, criterionResultTracked } from "./criterion-result.ts";
import { events } from "./events.ts";
import { helpFor } from "./help.ts";
import { KINDS, PublicPage, PublicPageSchema, publicPageTracked } from "./public-page.ts";
import { declareLevel, sweepRates, sweepRequestKeys } from "./queries.ts";
import { vitals } from "./vitals.ts";
import { routes } from "./web/routes.ts";

/** The pages every instance has: home, accessibility, legal pages, help, site map. */
export const instance: Module = {
  name: "instance",
  entities: [PublicPageSchema, CriterionResultSchema] as unknown as NonNullable<Module["entities"]>,
  tracked: [publicPageTracked, criterionResultTracked],
  routes,
  events,
  mails: [backupFailed],
  schedules: [
    nightlyBackup,
    {
      job: "instance.purge_request_keys",
      label: "Purge des clés de demande, au-delà de sept jours",
      at: "03:50",
      run: async ({ db, clock }, { tenantId }) =>
        fr.count(await sweepRequestKeys(db, { tenantId, now: clock.now() }), "clé supprimée", "clés supprimées"),
    },
    {
      job: "instance.purge_rates",
      label: "Purge des comptes de demandes par adresse",
      at: "04:00",
      ofInstance: true,
      run: async ({ db }) => fr.count(await sweepRates(db), "compte supprimé", "comptes supprimés"),
    },
    {
      job: "instance.purge_job_runs",
      label: "Purge du registre des tâches, au-delà de 90 jours",
      at: "04:10",
      run: async ({ db }, { tenantId }) =>
        fr.count(await db.note(tenantId, purgeRuns), "passage oublié", "passages oubliés"),
    },
  ],
  vitals: [...vitals, backupVitals],
  helpOf: (screen) => {
    const page = helpFor(screen);
    return page && { href: `/aide/${page.slug}`, title: page.title };
  },
  inMemory: [declareLevel],
  live: { tasks: { right: "instance.manage", watch: (db) => db.read(INSTANCE_ID, queuesMark) } },
  menu: [
    { section: "Accueil", label: "Accueil", href: "/", icon: "home", right: "signed-in", order: 0 },
    {
      section: "Instance",
      label: "État de l’instance",
      href: "/instance/etat",
      icon: "dashboard",
      right: "instance.manage",
      order: 15,
    },
    {
      section: "Instance",
      label: "Tâches",
      href: "/instance/taches",
      icon: "list-check",
      right: "instance.manage",
      order: 16,
    },
    {
      section: "Instance",
      label: "Pages publiques",
      href: "/instance/pages",
      icon: "file-text",
      right: "instance.manage",
      order: 20,
    },
    {
      section: "Instance",
      label: "Accessibilité",
      href: "/instance/accessibilite",
      icon: "accessibility",
      right: "instance.manage",
      order: 30,
    },
  ],
  subjects: {
    public_page: {
      noun: "page publique",
      icon: "file-text",
      right: "instance.manage",
      url: () => "/instance/pages",
      label: async (em, id) => {
        const page = await em.findOne(PublicPage, { id });
        return page && KINDS[page.kind].title;
      },
    },
    criterion_result: {
      noun: "critère d’accessibilité",
      icon: "accessibility",
      right: "instance.manage",
      url: () => "/instance/accessibilite",
      label: async (em, id) => {
        const result = await em.findOne(CriterionResult, { id });
        return result && `Critère ${result.criterion}`;
      },
    },
  },
};
