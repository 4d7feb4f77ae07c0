import type { RequestHandler } from "express";
import { z } from "zod";
import { readMark, withQuery, writeMark } from "../../platform/http/addresses.ts";
import { query, read } from "../../platform/http/forms.ts";
import { listReadings } from "../queries/readings.ts";
import { listUserNames, namesAmong } from "../queries/users.ts";

const VIEW = { page: "accounts/readings/index", part: "accounts/readings/_list" };
const AT = "/admin/journal-securite/lectures";
const day = (label: string) =>
  z.iso.date("Indiquez une date qui existe, par exemple 2026-03-12.").optional().describe(label);

const Filters = z.object({
  personne: z.uuid().optional(),
  du: day("Du"),
  au: day("Au"),
  page: z.string().max(600).optional(),
});

/** Who read the pages that show people, newest first [PRM-32, HIS-16]. */
export const index: RequestHandler = async (req, res) => {
  const { personne, du, au, page } = query(req, Filters);
  const { zone } = req.user!.tenant;
  const { found, people, names } = await read(req, async (em) => {
    const everybody = await listUserNames(em);
    const found = await listReadings(em, { userId: personne, from: du, to: au, zone }, { mark: readMark(page) });
    const people = everybody();
    return {
      found,
      people,
      names: namesAmong(
        people,
        found.rows.map(({ userId }) => userId),
      ),
    };
  });
  const filters = { personne, du, au };
  const { rows, before, after, total } = found;
  res.show(VIEW, {
    title: "Lectures de données personnelles",
    crumbs: [
      { label: "Accueil", href: "/" },
      { label: "Journal de sécurité", href: "/admin/journal-securite" },
      { label: "Lectures" },
    ],
    readings: rows.map((row) => ({
      ...row,
      who: names.get(row.userId) ?? "Compte inconnu",
      // The id of a group or of a message is nobody's.
      whose: people.find(({ id }) => id === row.subjectId)?.name ?? null,
    })),
    people,
    total,
    form: { values: { personne: personne ?? "", du: du ?? "", au: au ?? "" } },
    active: Object.values(filters).filter(Boolean).length,
    previous: before && withQuery(AT, { ...filters, page: writeMark(before) }),
    next: after && withQuery(AT, { ...filters, page: writeMark(after) }),
  });
};
