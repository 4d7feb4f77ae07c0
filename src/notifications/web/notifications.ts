import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { silence } from "../../accounts/index.ts";
import { NotFound } from "../../platform/errors.ts";
import { query, read, submit } from "../../platform/http/forms.ts";
import { goTo } from "../../platform/http/show.ts";
import { KINDS } from "../kinds.ts";
import { listNotifications, markAllRead, markRead } from "../queries.ts";

const AT = "/notifications";
const INDEX = { page: "notifications/index", part: "notifications/_part" };
const PAGE_SIZE = 50;

const Address = z.object({
  etat: z.enum(["non-lues"]).optional().describe("État"),
  avant: z.uuid().optional(),
  apres: z.uuid().optional(),
});

const Silence = z.object({
  kinds: z
    .array(z.enum(KINDS.map(({ kind }) => kind)))
    .default([])
    .describe("Ce qui vous est signalé"),
});

/** What the reader was told these ninety days, read or not (ACT-5). */
export const index: RequestHandler = async (req, res) => res.show(INDEX, await page(req, { values: {} }));

async function page(req: Request, form: object) {
  const { etat, avant, apres } = query(req, Address);
  const { id, silenced } = req.user!;
  const found = await read(req, (em) =>
    listNotifications(em, { userId: id, unread: etat !== undefined }, { before: avant, after: apres, size: PAGE_SIZE }),
  );
  const at = (paging: Record<string, string>) => {
    const search = new URLSearchParams({ ...(etat && { etat }), ...paging }).toString();
    return search ? `${AT}?${search}` : AT;
  };
  return {
    title: "Notifications",
    crumbs: [{ label: "Accueil", href: "/" }, { label: "Notifications" }],
    ...found,
    lines: found.lines.map((line) => ({ ...line, ...KINDS.find(({ kind }) => kind === line.kind) })),
    unreadOnly: etat !== undefined,
    // A page further down stays as it is.
    liveAt: avant || apres ? null : at({}),
    newestAt: at({}),
    newerAt: found.newer && at({ apres: found.newer }),
    olderAt: found.older && at({ avant: found.older }),
    kinds: KINDS,
    told: KINDS.flatMap(({ kind }) => (silenced.includes(kind) ? [] : kind)),
    form,
  };
}

/** Opens what a notification is about, which is what makes it read. */
export const open: RequestHandler<{ id: string }> = async (req, res) => {
  const { id: userId, tenantId } = req.user!;
  const found = await req.db.note(tenantId, (em) => markRead(em, { userId, id: req.params.id }));
  if (!found) throw new NotFound("Cette notification n’est plus là. Revenez à la liste pour voir les autres.");
  goTo(req, res, found.path ?? AT);
};

export const readAll: RequestHandler = async (req, res) => {
  const { id: userId, tenantId } = req.user!;
  const count = await req.db.note(tenantId, (em) => markAllRead(em, userId));
  const notice =
    count === 0
      ? "Tout était déjà lu."
      : count === 1
        ? "La notification est marquée comme lue."
        : `Les ${count} notifications sont marquées comme lues.`;
  res.saved({ page: INDEX.page }, {}, { at: AT, notice });
};

/** What is no longer told from now on; what was told stays listed. */
export const silencing: RequestHandler = async (req, res) => {
  const { id, name } = req.user!;
  const form = await submit(
    req,
    Silence,
    {
      code: "user.notifications_chosen",
      label: `Choix des notifications de ${name}`,
      subject: () => ({ type: "user", id }),
      at: AT,
    },
    ({ kinds }, em) =>
      silence(
        em,
        id,
        KINDS.flatMap(({ kind }) => (kinds.includes(kind) ? [] : kind)),
      ),
  );
  if (form.errors) return res.show({ page: INDEX.page }, await page(req, form));
  res.saved({ page: INDEX.page }, {}, { at: AT, notice: "Votre choix de notifications est enregistré.", undo: true });
};
