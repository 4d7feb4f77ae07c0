import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { aboutStaffMember, deactivateStaffMember, reactivateStaffMember, type StaffMember } from "../staff-member.ts";
import { DIRECTORY, HOME, said, staffAt, staffOf, visibleStaff } from "./shown.ts";
import { showCard } from "./staff.ts";

const VIEW = { page: "directory/staff/deactivation" };
const Reason = z.object({
  reason: z.string().trim().max(200, "Raccourcissez le motif à 200 caractères.").optional().describe("Motif"),
});

/** What will happen, before it does [UIX-11]. */
export const new_: RequestHandler<{ id: string }> = (req, res) => showNew(req, res, { values: {} });

async function showNew(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const person = await read(req, (em) => visibleStaff(em, req, req.params.id));
  res.show(VIEW, {
    title: `Désactiver ${person.name}`,
    crumbs: [HOME, DIRECTORY, { label: person.name, href: staffAt(person) }, { label: "Désactiver" }],
    person,
    form,
  });
}

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const at = staffAt(req.params);
  const form = await submit(
    req,
    Reason,
    {
      code: "staff_member.deactivated",
      label: (_values, member: StaffMember) => `Désactivation ${fr.of(member.name())} dans l’annuaire`,
      subject: () => aboutStaffMember(req.params),
      reason: ({ reason }) => reason || undefined,
      at,
    },
    async (_values, em) => {
      const member = await staffOf(em, req.params.id);
      deactivateStaffMember(em, member, { ...said(req), now: req.now });
      return member;
    },
  );
  if (form.errors) return showNew(req, res, form);
  res.saved(VIEW, {}, { at, notice: `${form.result.name()} n’est plus dans les équipes ni les listes.`, undo: true });
};

export const destroy: RequestHandler<{ id: string }> = async (req, res) => {
  const at = staffAt(req.params);
  const form = await submit(
    req,
    z.object({}),
    {
      code: "staff_member.reactivated",
      label: (_values, member: StaffMember) => `Réactivation ${fr.of(member.name())} dans l’annuaire`,
      subject: () => aboutStaffMember(req.params),
      at,
    },
    async (_values, em) => {
      const member = await staffOf(em, req.params.id);
      reactivateStaffMember(em, member, said(req));
      return member;
    },
  );
  if (form.errors) return showCard(req, res, form);
  res.saved(VIEW, {}, { at, notice: `${form.result.name()} est de nouveau dans l’annuaire.`, undo: true });
};
