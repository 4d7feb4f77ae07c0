import type { RequestHandler } from "express";
import { read } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { listMyWork, type When } from "../queries/my-work.ts";
import { HOME, operationAt } from "./shown.ts";

const PAGE = { page: "campaigns/my-work/index" };
/** Beyond, a day of work is far away. */
const MOST = 200;

const GROUPS: { code: When; title: string }[] = [
  { code: "late", title: "En retard" },
  { code: "today", title: "Aujourd’hui" },
  { code: "ahead", title: "À venir" },
  { code: "undated", title: "Sans date" },
];

/** What is left to do to whoever reads, where a technician lands (DSH-17, MYW-2). */
export const index: RequestHandler = async (req, res) => {
  const found = await read(req, (em) => listMyWork(em, req.user!, { most: MOST + 1 }));
  const shown = found.slice(0, MOST);
  res.show(PAGE, {
    title: "Mes interventions",
    crumbs: [HOME, { label: "Mes interventions" }],
    total: shown.length,
    isCut: found.length > MOST,
    groups: GROUPS.flatMap(({ code, title }) => {
      const lines = shown.filter(({ when }) => when === code);
      if (lines.length === 0) return [];
      return {
        ...{ code, title },
        lines: lines.map((one) => ({
          ...one,
          href: operationAt(one),
          moment: one.plannedAt && `${fr.date(one.plannedAt, one.zone)}, ${fr.time(one.plannedAt, one.zone)}`,
        })),
      };
    }),
  });
};
