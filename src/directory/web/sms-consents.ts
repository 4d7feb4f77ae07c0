import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { localMoment } from "../local.ts";
import { isMobile } from "../phone.ts";
import {
  aboutStaffMember,
  LONGEST_PROOF,
  noteSmsConsent,
  type StaffMember,
  withdrawSmsConsent,
} from "../staff-member.ts";
import { DIRECTORY, HOME, said, staffAt, staffOf, visibleStaff } from "./shown.ts";
import { shownLine } from "./staff.ts";

const VIEW = { page: "directory/staff/sms" };
const ConsentForm = z.object({
  on: z.iso.date("Indiquez une date qui existe, par exemple 12/03/2026.").describe("Accepté le"),
  proof: z
    .string()
    .trim()
    .min(3, "Écrivez ce qui prouve ce consentement.")
    .max(LONGEST_PROOF, `Raccourcissez à ${LONGEST_PROOF} caractères.`)
    .describe("Preuve"),
});

export const edit: RequestHandler<{ id: string }> = (req, res) => showEdit(req, res, { values: {} });

async function showEdit(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const line = await read(req, (em) => visibleStaff(em, req, req.params.id));
  res.show(VIEW, {
    title: `SMS à ${line.name}`,
    crumbs: [HOME, DIRECTORY, { label: line.name, href: staffAt(line) }, { label: "SMS" }],
    person: shownLine(line),
    isMobile: line.phone !== null && isMobile(line.phone),
    today: localMoment(req.now, req.user!.tenant.zone).day,
    form,
  });
}

export const update: RequestHandler<{ id: string }> = async (req, res) => {
  const at = staffAt(req.params);
  const { zone } = req.user!.tenant;
  const form = await submit(
    req,
    ConsentForm,
    {
      code: "staff_member.sms_accepted",
      label: (_values, member: StaffMember) => `Consentement aux SMS ${fr.of(member.name())} noté`,
      subject: () => aboutStaffMember(req.params),
      at,
    },
    async ({ on, proof }, em) => {
      const member = await staffOf(em, req.params.id);
      // Of a day, not of an hour: noon, or now when it is today.
      const when = on === localMoment(req.now, zone).day ? req.now : new Date(`${on}T12:00:00Z`);
      noteSmsConsent(em, member, { at: when, proof }, { ...said(req), now: req.now });
      return member;
    },
  );
  if (form.errors) return showEdit(req, res, form);
  res.saved(VIEW, {}, { at, notice: `Le consentement ${fr.of(form.result.name())} est noté.`, undo: true });
};

export const destroy: RequestHandler<{ id: string }> = async (req, res) => {
  const at = staffAt(req.params);
  const form = await submit(
    req,
    z.object({}),
    {
      code: "staff_member.sms_refused",
      label: (_values, member: StaffMember) => `Consentement aux SMS ${fr.of(member.name())} retiré`,
      subject: () => aboutStaffMember(req.params),
      at,
    },
    async (_values, em) => {
      const member = await staffOf(em, req.params.id);
      withdrawSmsConsent(em, member, said(req));
      return member;
    },
  );
  if (form.errors) return showEdit(req, res, form);
  res.saved(VIEW, {}, { at, notice: `Plus aucun SMS ne partira vers ${form.result.name()}.`, undo: true });
};
