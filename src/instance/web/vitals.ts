import type { RequestHandler } from "express";
import type { Registry } from "../../platform/registry.ts";
import type { Services } from "../../platform/services.ts";
import { fr } from "../../platform/text/index.ts";
import type { Health } from "../../platform/vitals.ts";
import { lookAll } from "../vitals.ts";

const BADGES: Record<Health, { label: string; icon: string; tone: string }> = {
  ok: { label: "En ordre", icon: "check-circle", tone: "success" },
  warning: { label: "À surveiller", icon: "alert-triangle", tone: "warning" },
  failing: { label: "En panne", icon: "x-circle", tone: "danger" },
  unknown: { label: "Inconnu", icon: "help", tone: "neutral" },
  told: { label: "Pour information", icon: "info", tone: "neutral" },
};

/** How the instance is, one line a thing, with what to do (INS-4). */
export const show: RequestHandler = async (req, res) => {
  const { registry, services } = req.app.locals as { registry: Registry; services: Services };
  const { tenantId, tenant } = req.user!;
  const about = { tenantId, zone: tenant.zone, now: req.now };
  const sections = await lookAll(registry.vitals, (one) => one.look(services, about));
  const lines = sections.flatMap((section) => section.lines);
  const count = (state: Health) => lines.filter((line) => line.state === state).length;
  res.show(
    { page: "instance/vitals" },
    {
      title: "État de l’instance",
      sections: sections.map((section) => ({
        ...section,
        lines: section.lines.map(({ label, state, value, remedy = "" }) => ({
          label,
          value: fr.typo(value),
          remedy: fr.typo(remedy),
          badge: BADGES[state],
        })),
      })),
      failing: count("failing"),
      warnings: count("warning"),
      unknown: count("unknown"),
      seenAt: req.now,
    },
  );
};
