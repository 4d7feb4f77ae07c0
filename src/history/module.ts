import type { Module } from "../platform/module.ts";
import type { Services } from "../platform/services.ts";
import { fr } from "../platform/text/index.ts";
import { events } from "./events.ts";
import { HEADS, Heads, headsFolder } from "./heads.ts";
import { purgeOldHistory } from "./retention.ts";
import { Seal } from "./seal.ts";
import { runVerification, tellStopped, VERIFY_CHAIN, VerificationSchema, verifyTonight } from "./verification.ts";
import { vitals } from "./vitals.ts";
import { routes } from "./web/routes.ts";

type HeadKeys = Pick<Services, "varDir" | "historyKey" | "pastHistoryKeys">;

const HISTORY_ITSELF = "history itself: append-only, sealed, never traced a second time";

export const history: Module = {
  name: "history",
  folders: [HEADS],
  entities: [Seal, VerificationSchema] as unknown as NonNullable<Module["entities"]>,
  untracked: [
    { table: "act", why: HISTORY_ITSELF },
    { table: "changeset", why: HISTORY_ITSELF },
    { table: "change", why: HISTORY_ITSELF },
    { table: "event", why: HISTORY_ITSELF },
    { table: "imprint", why: HISTORY_ITSELF },
    { table: "seal", why: HISTORY_ITSELF },
    { table: "unsealed", why: "the sealer's queue, empty a fifth of a second later" },
    { table: "verification", why: "a measure of the chain; asking for one is an act of its own" },
    { table: "job_run", why: "which daily job ran for which day" },
    { table: "idempotency_key", why: "a trace of requests, not of what they did" },
  ],
  routes,
  events,
  vitals: [vitals],
  subscriptions: [
    {
      on: "history.verification_asked",
      job: VERIFY_CHAIN,
      label: "Recalcul de la chaîne de l’historique",
      limitSeconds: 3_600,
      run: ({ tenantId, subject }, { db, clock, ...keys }) =>
        runVerification(db, openHeads(keys), { tenantId, id: subject.id, now: () => clock.now() }),
      died: ({ tenantId, subject }, { db, clock }) => tellStopped(db, { tenantId, id: subject.id, now: clock.now() }),
    },
  ],
  schedules: [
    {
      // Every night the chain is recomputed whole; its signed heads are the checkpoints (HIS-7).
      job: "history.verify_daily",
      label: "Vérification quotidienne de l’historique",
      at: "02:15",
      run: ({ db, clock }, { tenantId }) => verifyTonight(db, { tenantId, now: clock.now() }),
    },
    {
      job: "history.purge",
      label: "Effacement de l’historique au terme de sa conservation",
      at: "03:30",
      limitSeconds: 3_600,
      run: async ({ db, clock, ...keys }, { tenantId }) =>
        fr.count(
          await purgeOldHistory(db, openHeads(keys), { tenantId, now: clock.now() }),
          "acte effacé",
          "actes effacés",
        ),
    },
  ],
  live: { history: { right: "history.read" } },
  menu: [
    { section: "Accueil", label: "Mes actes", href: "/actes", icon: "undo", right: "acts.undo_own", order: 5 },
    {
      section: "Administrer",
      label: "Historique",
      href: "/admin/historique",
      icon: "history",
      right: "history.read",
      order: 40,
    },
  ],
};

/** The signed heads of this instance. */
export const openHeads = ({ varDir, historyKey, pastHistoryKeys }: HeadKeys) =>
  new Heads(headsFolder(varDir), historyKey, pastHistoryKeys);
