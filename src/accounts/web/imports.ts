import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { RuleBroken } from "../../platform/errors.ts";
import { asDownload } from "../../platform/http/download.ts";
import { readFields } from "../../platform/http/fields.ts";
import { read, submit } from "../../platform/http/forms.ts";
import { frenchProblem } from "../../platform/http/problems.ts";
import { undoPath } from "../../platform/http/show.ts";
import { CSV_MARK, csvLine } from "../../platform/sheets/csv.ts";
import { readHeld } from "../../platform/sheets/held.ts";
import { fr } from "../../platform/text/index.ts";
import {
  type AccountLine,
  COLUMN_NAMES,
  type CreatedAccount,
  createUsers,
  MOST_ACCOUNTS,
  readAccounts,
  refuseTaken,
} from "../bulk.ts";
import { ROLES } from "../roles.ts";
import { noteSecurity } from "../security-event.ts";
import { aboutUser } from "../user.ts";
import { goesByMail } from "./handing.ts";
import { rolesHere, USERS } from "./users.ts";

const NEW = { page: "accounts/imports/new" };
const PREVIEW = { page: "accounts/imports/preview" };
const DONE = { page: "accounts/imports/done" };
const AT = "/admin/utilisateurs/plusieurs";
const HOME = { label: "Accueil", href: "/" };
const BULK = { label: "Plusieurs personnes", href: AT };

export const new_: RequestHandler = (req, res) => showNew(req, res, { values: {} });

function showNew(req: Request, res: Response, form: object): void {
  res.show(NEW, {
    title: "Inviter plusieurs personnes",
    crumbs: [HOME, USERS, { label: "Plusieurs personnes" }],
    columns: COLUMN_NAMES,
    roles: rolesHere(req).map(({ label }) => label),
    most: MOST_ACCOUNTS,
    form,
  });
}

/** A file to fill in, as French spreadsheets open it. */
export const template: RequestHandler = (req, res) => {
  const [first = "", second = first] = rolesHere(req).map(({ label }) => label);
  const lines = [
    COLUMN_NAMES,
    ["Amina", "Diallo", "amina.diallo@exemple.fr", second, "Sinistres"],
    ["Bruno", "Costa", "bruno.costa@exemple.fr", [...new Set([first, second])].join(", "), ""],
  ];
  asDownload(res, "modele-comptes.csv").type("text/csv");
  res.send(CSV_MARK + lines.map(csvLine).join(""));
};

/** The text that was pasted, or the file, whose bytes the page sends as they are: only here is it known how to read them. */
const Sheet = z.object({
  text: z.string().max(500_000, "Le texte est trop long\u00a0: partagez-le.").optional().describe("Lignes à créer"),
  file: z
    .base64("Le fichier n’est pas arrivé entier\u00a0: choisissez-le de nouveau.")
    .max(700_000, "Le fichier est trop gros\u00a0: partagez-le.")
    .optional()
    .describe("Fichier"),
});

async function linesOf(req: Request, { text = "", file = "" }: z.output<typeof Sheet>): Promise<AccountLine[]> {
  const whole = file === "" ? Buffer.from(text.trim()) : Buffer.from(file, "base64");
  if (whole.length === 0) throw new RuleBroken("Choisissez un fichier, ou collez ses lignes.", "text");
  const rows = await readHeld(whole).catch((error: unknown) => {
    throw error instanceof RuleBroken ? new RuleBroken(error.message, "text") : error;
  });
  const found = readAccounts(rows, req.user!.tenant);
  if (found.problem !== undefined) throw new RuleBroken(found.problem, "text");
  return found.lines;
}

/** What would be created, line by line, with all that is wrong; nothing is written. */
export const preview: RequestHandler = async (req, res) => {
  const { typed, input, problems } = readFields(Sheet, req.body);
  const parsed = Sheet.safeParse(input, { error: frenchProblem });
  const refuse = (errors: Record<string, string>) => showNew(req, res, { values: { text: typed.text ?? "" }, errors });
  if (!parsed.success || Object.keys(problems).length > 0) {
    const said = parsed.error?.issues.map(({ path, message }) => [String(path[0]), message] as const) ?? [];
    return refuse({ ...Object.fromEntries(said), ...problems });
  }
  try {
    const lines = await linesOf(req, parsed.data);
    await read(req, (em) => refuseTaken(em, lines));
    showPreview(req, res, lines, { values: {} });
  } catch (error) {
    if (!(error instanceof RuleBroken)) throw error;
    refuse({ [error.field ?? "form"]: error.message });
  }
};

function showPreview(req: Request, res: Response, lines: AccountLine[], form: object): void {
  const wrong = lines.filter(({ problems }) => problems.length > 0);
  const names = (codes: readonly string[]) =>
    ROLES.filter(({ code }) => codes.includes(code)).map(({ label }) => label);
  res.show(PREVIEW, {
    title: "Relire avant de créer",
    crumbs: [HOME, USERS, BULK, { label: "Relire" }],
    lines: lines.map((line) => ({ ...line, roles: names(line.roles) })),
    wrong: wrong.length,
    // Read again on arrival: what comes back is a file like another.
    text: [
      COLUMN_NAMES,
      ...lines.map(({ givenName, familyName, email, roles, department }) => [
        givenName,
        familyName,
        email,
        names(roles).join(", "),
        department ?? "",
      ]),
    ]
      .map((cells) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(";"))
      .join("\n"),
    sendsMail: req.config.sendsMail === true,
    form,
  });
}

const CreateForm = z.object({
  text: z.string().max(500_000).describe("Lignes à créer"),
  by: z.enum(["courriel", "lien"], "Dites comment remettre les liens.").optional().describe("Remise des liens"),
});

/** All the accounts in one act, or none [HIS-1]; the links, if they are to be handed over, are shown this once. */
export const create: RequestHandler = async (req, res) => {
  const { id, tenantId } = req.user!;
  let lines: AccountLine[] = [];
  const act = {
    code: "users.created",
    label: (_values: object, created: CreatedAccount[]) =>
      `Création de ${fr.count(created.length, "compte", "comptes")}`,
    subject: () => ({ type: "tenant", id: tenantId }),
    channel: "import" as const,
    at: "/admin/utilisateurs",
    isLong: true as const,
  };
  const form = await submit(req, CreateForm, act, async ({ text, by }, em) => {
    lines = await linesOf(req, { text });
    const byMail = goesByMail(req, by);
    const created = await createUsers(em, lines, { tenantId, by: { id }, now: req.now, byMail });
    for (const { user } of created) {
      noteSecurity(em, req, { kind: "invitation.opened", userId: aboutUser(user).id, actorId: id });
    }
    return created;
  });
  if (form.errors) {
    if (lines.length === 0) return showNew(req, res, form);
    return showPreview(req, res, lines, form);
  }
  const created = form.result;
  if (created.every(({ token }) => token === null)) {
    const notice = `${fr.count(created.length, "compte est créé", "comptes sont créés")}. Les invitations sont en attente d’envoi.`;
    return res.saved(DONE, {}, { at: "/admin/utilisateurs", notice, undo: true });
  }
  res.show(DONE, {
    title: "Liens à remettre",
    undoAt: undoPath(req),
    crumbs: [HOME, USERS, BULK, { label: "Liens" }],
    accounts: created.map(({ user, token }) => ({
      id: user.id,
      name: user.name(),
      email: user.email,
      link: `${req.config.publicUrl}/invitation/${token}`,
    })),
  });
};
