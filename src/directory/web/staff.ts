import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { lastChange } from "../../accounts/index.ts";
import { readMark, withQuery, writeMark } from "../../platform/http/addresses.ts";
import { atVersion, type Current, query, read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { saidPhone } from "../phone.ts";
import { listPlaceNames } from "../queries/places.ts";
import { chainAbove, listManagers, listStaff, STAFF_STATES, type StaffLine, teamOf } from "../queries/staff.ts";
import { findTieOf } from "../queries/ties.ts";
import { exportReachOf, mayTieAccounts, reachOf } from "../reach.ts";
import { NONE, StaffAddress, staffAsked } from "../staff-filter.ts";
import {
  aboutStaffMember,
  createStaffMember,
  editStaffMember,
  LONGEST_NAME,
  LONGEST_NUMBER,
  type StaffDetails,
  type StaffMember,
} from "../staff-member.ts";
import { AT, DIRECTORY, HOME, mayEdit, said, staffAt, staffOf, tabsOf, visibleStaff } from "./shown.ts";

const LIST = { page: "directory/staff/index", part: "directory/staff/_list" };
const CARD = { page: "directory/staff/show" };
const NEW = { page: "directory/staff/new" };
const EDIT = { page: "directory/staff/edit" };

/** The filter of an address, and the address of a filter. */
function readStaffFilter(req: Request) {
  const asked = query(req, StaffAddress);
  const { q, service, site, responsable, etat, page } = asked;
  const { filter, order, descending } = staffAsked(asked);
  return {
    filter,
    order,
    descending,
    page,
    filters: { q, service, site, responsable, etat },
    sorted: { tri: order === "name" ? undefined : order, sens: descending ? "decroissant" : undefined },
  };
}

export const index: RequestHandler = async (req, res) => {
  const { filter, order, descending, page, filters, sorted } = readStaffFilter(req);
  const reach = reachOf(req.user!);
  const shown = await read(req, async (em) => ({
    found: await listStaff(em, reach, filter, { order, descending, mark: readMark(page) }),
    departments: await listPlaceNames(em, "department"),
    sites: await listPlaceNames(em, "site"),
    managers: reach.everybody ? await listManagers(em) : [],
    tie: reach.team ? await findTieOf(em, reach.userId) : null,
  }));
  const { found, departments, sites, managers, tie } = shown;
  const options = (all: string, none: string, list: { id: string; name: string }[]) => [
    { value: "", label: all },
    ...list.map(({ id, name }) => ({ value: id, label: name })),
    { value: NONE, label: none },
  ];
  res.show(LIST, {
    title: "Annuaire",
    crumbs: [HOME, { label: "Annuaire" }],
    tabs: tabsOf(req, AT),
    staff: found.rows.map(shownLine),
    total: found.total,
    reach: { ...reach, isTied: tie !== null },
    mayEdit: mayEdit(req),
    form: {
      values: Object.fromEntries(Object.entries(filters).map(([name, value]) => [name, value ?? ""])),
    },
    lists: {
      departments: options("Tous", "Sans service", departments),
      sites: options("Tous", "Sans site", sites),
      managers: options("Tous", "Sans responsable", managers),
      states: [
        { value: "", label: "Actives" },
        { value: "inactives", label: "Désactivées" },
        { value: "toutes", label: "Toutes" },
      ],
    },
    active: Object.values(filters).filter(Boolean).length,
    exportAt:
      exportReachOf(req.user!) &&
      withQuery("/exports/annuaire/tout/nouveau", {
        liste: withQuery("", { ...filters, ...sorted }).slice(1) || undefined,
      }),
    previous: found.before && withQuery(AT, { ...filters, ...sorted, page: writeMark(found.before) }),
    next: found.after && withQuery(AT, { ...filters, ...sorted, page: writeMark(found.after) }),
    sorts: Object.fromEntries(
      (["name", "number"] as const).map((one) => [
        one,
        {
          order: one !== order ? "none" : descending ? "descending" : "ascending",
          href: withQuery(AT, {
            ...filters,
            tri: one === "name" ? undefined : one,
            sens: one === order && !descending ? "decroissant" : undefined,
          }),
        },
      ]),
    ),
  });
};

export const shownLine = (line: StaffLine) => ({
  ...line,
  href: staffAt(line),
  phone: line.phone && { text: saidPhone(line.phone), href: `tel:${line.phone}` },
  badge: STAFF_STATES[line.deactivatedAt === null ? "active" : "inactive"],
});

export const show: RequestHandler<{ id: string }> = (req, res) => showCard(req, res, { values: {} });

/** The person's page; with the refusal at its head when an act without fields of its own was refused. */
export async function showCard(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const reach = reachOf(req.user!);
  const shown = await read(req, async (em) => {
    const line = await visibleStaff(em, req, req.params.id);
    return {
      line,
      team: await teamOf(em, reach, line.id),
      // Those above are known to who knows everybody.
      above: reach.everybody && line.managerId ? await chainAbove(em, line.managerId) : [],
      account: mayTieAccounts(req.user!) ? await findTieOf(em, { staffMemberId: line.id }) : null,
    };
  });
  const { line } = shown;
  res.show(CARD, {
    title: line.name,
    crumbs: [HOME, DIRECTORY, { label: line.name }],
    ...shown,
    person: shownLine(line),
    team: shown.team.map(shownLine),
    mayEdit: mayEdit(req),
    knowsEverybody: reach.everybody,
    form,
  });
}

const text = (label: string, longest: number) =>
  z.string().trim().max(longest, `Raccourcissez à ${longest} caractères.`).default("").describe(label);
const choice = (label: string) => z.uuid("Choisissez une valeur de la liste.").optional().describe(label);

const StaffForm = z.object({
  staffNumber: z
    .string()
    .trim()
    .min(1, "Écrivez le matricule\u00a0: c’est lui qui distingue deux homonymes.")
    .max(LONGEST_NUMBER, `Un matricule a au plus ${LONGEST_NUMBER} signes.`)
    .describe("Matricule"),
  familyName: z.string().trim().min(1, "Écrivez le nom.").max(LONGEST_NAME).describe("Nom"),
  givenName: z.string().trim().min(1, "Écrivez le prénom.").max(LONGEST_NAME).describe("Prénom"),
  email: text("Adresse électronique", 254),
  phone: text("Téléphone", 40),
  department: choice("Service"),
  site: choice("Site"),
  position: text("Fonction", LONGEST_NAME),
  contractType: text("Type de contrat", LONGEST_NAME),
  manager: text("Responsable", 254),
});

export const LABELS = {
  staffNumber: "Matricule",
  familyName: "Nom",
  givenName: "Prénom",
  email: "Adresse électronique",
  phone: "Téléphone",
  department: "Service",
  site: "Site",
  position: "Fonction",
  contractType: "Type de contrat",
  manager: "Responsable",
};

const detailsOf = ({ department, site, ...values }: z.output<typeof StaffForm>): StaffDetails => ({
  ...values,
  department: department ?? null,
  site: site ?? null,
});

async function choices(em: EntityManager) {
  const options = (list: { id: string; name: string }[], none: string) => [
    { value: "", label: none },
    ...list.map(({ id, name }) => ({ value: id, label: name })),
  ];
  return {
    departments: options(await listPlaceNames(em, "department"), "Aucun"),
    sites: options(await listPlaceNames(em, "site"), "Aucun"),
  };
}

export const new_: RequestHandler = (req, res) => showNew(req, res, { values: {} });

async function showNew(req: Request, res: Response, form: object): Promise<void> {
  res.show(NEW, {
    title: "Ajouter un agent",
    crumbs: [HOME, DIRECTORY, { label: "Ajouter un agent" }],
    labels: LABELS,
    lists: await read(req, choices),
    form,
  });
}

export const create: RequestHandler = async (req, res) => {
  const act = {
    code: "staff_member.created",
    label: (_values: object, member: StaffMember) => `Ajout ${fr.of(member.name())} à l’annuaire`,
    subject: (_values: object, member: StaffMember) => aboutStaffMember(member),
    at: (_values: object, member: StaffMember) => staffAt(member),
  };
  const form = await submit(req, StaffForm, act, (values, em) => createStaffMember(em, detailsOf(values), said(req)));
  if (form.errors) return showNew(req, res, form);
  const notice = `${form.result.name()} est dans l’annuaire.`;
  res.saved(NEW, {}, { at: staffAt(form.result), notice, undo: true });
};

export const edit: RequestHandler<{ id: string }> = (req, res) => showEdit(req, res, { values: {} });

async function showEdit(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const { line, lists } = await read(req, async (em) => ({
    line: await visibleStaff(em, req, req.params.id),
    lists: await choices(em),
  }));
  res.show(EDIT, {
    title: `Modifier ${line.name}`,
    crumbs: [HOME, DIRECTORY, { label: line.name, href: staffAt(line) }, { label: "Modifier" }],
    labels: LABELS,
    person: shownLine(line),
    values: typedLine(line),
    lists,
    form,
  });
}

/** What the inputs hold of a person. */
const typedLine = (line: StaffLine) => ({
  staffNumber: line.staffNumber,
  familyName: line.familyName,
  givenName: line.givenName,
  email: line.email ?? "",
  phone: line.phone ? saidPhone(line.phone) : "",
  department: line.departmentId ?? "",
  site: line.siteId ?? "",
  position: line.position ?? "",
  contractType: line.contractType ?? "",
  manager: line.managerNumber ?? "",
});

export const update: RequestHandler<{ id: string }> = async (req, res) => {
  const { id } = req.params;
  const at = staffAt(req.params);
  const act = {
    code: "staff_member.edited",
    label: (_values: object, member: StaffMember) => `Fiche ${fr.of(member.name())} modifiée`,
    subject: () => aboutStaffMember({ id }),
    at,
    current: async (em: EntityManager): Promise<Current> => {
      const line = await visibleStaff(em, req, id);
      const values = { ...typedLine(line), department: line.department ?? "aucun", site: line.site ?? "aucun" };
      return { values, version: line.version, ...(await lastChange(em, "staff_member", id)) };
    },
  };
  const form = await submit(req, StaffForm, act, async (values, em, sent) => {
    const member = await staffOf(em, id);
    await atVersion(em, member, sent);
    await editStaffMember(em, member, detailsOf(values), said(req));
    return member;
  });
  if (form.errors) return showEdit(req, res, form);
  res.saved(EDIT, {}, { at, notice: `La fiche ${fr.of(form.result.name())} est modifiée.`, undo: true });
};
