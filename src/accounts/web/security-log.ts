import type { RequestHandler } from "express";
import { z } from "zod";
import { readMark, withQuery, writeMark } from "../../platform/http/addresses.ts";
import { query, read } from "../../platform/http/forms.ts";
import { listSecurityEvents } from "../queries/security-log.ts";
import { listUserNames, namesAmong } from "../queries/users.ts";
import { SECURITY_KINDS } from "../security-event.ts";
import { told } from "./security-words.ts";

const VIEW = { page: "accounts/security-log/index", part: "accounts/security-log/_list" };
const AT = "/admin/journal-securite";
const day = (label: string) =>
  z.iso.date(`Indiquez une date qui existe, par exemple 2026-03-12.`).optional().describe(label);

const Filters = z.object({
  genre: z.string().max(40).optional(),
  personne: z.uuid().optional(),
  du: day("Du"),
  au: day("Au"),
  page: z.string().max(600).optional(),
});

/** The security log, newest first; kept apart from history and for twelve months [HIS-16]. */
export const index: RequestHandler = async (req, res) => {
  const { genre, personne, du, au, page } = query(req, Filters);
  const { id: reader, tenant } = req.user!;
  const shown = await read(req, async (em) => {
    const everybody = await listUserNames(em);
    const found = await listSecurityEvents(
      em,
      { kind: genre, userId: personne, from: du, to: au, zone: tenant.zone },
      { mark: readMark(page) },
    );
    const people = everybody();
    const names = namesAmong(
      people,
      found.rows.flatMap(({ userId, actorId }) => [userId, actorId].filter((id) => id !== null)),
    );
    return { found, events: found.rows.map((row) => told(row, names, reader)), people };
  });
  const filters = { genre, personne, du, au };
  const { before, after, total } = shown.found;
  res.show(VIEW, {
    title: "Journal de sécurité",
    crumbs: [{ label: "Accueil", href: "/" }, { label: "Journal de sécurité" }],
    events: shown.events,
    people: shown.people,
    total,
    kinds: Object.entries(SECURITY_KINDS).map(([value, { label }]) => ({ value, label })),
    form: { values: { genre: genre ?? "", personne: personne ?? "", du: du ?? "", au: au ?? "" } },
    active: Object.values(filters).filter(Boolean).length,
    previous: before && withQuery(AT, { ...filters, page: writeMark(before) }),
    next: after && withQuery(AT, { ...filters, page: writeMark(after) }),
  });
};
