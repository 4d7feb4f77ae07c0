import type { RequestHandler } from "express";
import { withQuery } from "../../platform/http/addresses.ts";
import { read } from "../../platform/http/forms.ts";
import { titleFieldOf } from "../naming.ts";
import { everyColumn } from "../operation-column.ts";
import { filtersOf } from "../operation-filter.ts";
import { lookOf } from "../operation-look.ts";
import { campaignFor } from "../policy.ts";
import { frameOf, listAt, planOf } from "./shown.ts";

const VIEW = { page: "campaigns/operations/columns", part: "campaigns/operations/_columns" };

/** Which columns the list shows, and in what order: each change is an address, so that it works without script (OPS-8). */
export const index: RequestHandler<{ id: string }> = async (req, res) => {
  const { standing, plan } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id, "operations.read");
    return { standing: found, plan: await planOf(em, req, found.campaign) };
  });
  const filters = filtersOf(req.query, plan, req);
  const look = lookOf(req.query, plan);
  const at = listAt(standing.campaign);
  const codes = look.columns.map(({ code }) => code);
  const as = (path: string, list: string[] | undefined) =>
    withQuery(path, { ...filters.kept, ...look.kept, colonnes: list?.join(",") });
  const moved = (from: number, to: number) => {
    const list = codes.toSpliced(from, 1);
    return as(`${at}/colonnes`, list.toSpliced(to, 0, codes[from]!));
  };
  res.show(VIEW, {
    title: "Colonnes des opérations",
    ...frameOf(req, standing, "operations", "Colonnes"),
    titleLabel: titleFieldOf(standing.campaign, plan.fields)?.label ?? "Cible",
    columns: look.columns.map(({ code, label }, i) => ({
      code: code.replace(".", "-"),
      label,
      up: i > 0 ? moved(i, i - 1) : null,
      down: i < codes.length - 1 ? moved(i, i + 1) : null,
      hide: codes.length > 1 ? as(`${at}/colonnes`, codes.toSpliced(i, 1)) : null,
    })),
    others: everyColumn(plan)
      .filter(({ code }) => !codes.includes(code))
      .map(({ code, label }) => ({
        code: code.replace(".", "-"),
        label,
        show: as(`${at}/colonnes`, [...codes, code]),
      })),
    back: as(at, req.query.colonnes ? codes : undefined),
    first: as(`${at}/colonnes`, undefined),
    isChosen: Boolean(req.query.colonnes),
  });
};
