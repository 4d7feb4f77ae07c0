import { randomUUIDv7 } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { sendMail } from "../platform/mail/outbox.ts";
import type { SheetRow } from "../platform/sheets/held.ts";
import { fr } from "../platform/text/index.ts";
import { openLink } from "./access-link.ts";
import { invitation } from "./link-mails.ts";
import { ROLES, type Role } from "./roles.ts";
import { holdTenant } from "./tenant.ts";
import { aboutUser, type Identity, tidyIdentity, User } from "./user.ts";

/** Accounts created at once: beyond, one act would hold the organisation too long. */
export const MOST_ACCOUNTS = 1_000;

export interface AccountLine extends Identity {
  line: number;
  roles: Role[];
  /** What is wrong with it, each a sentence; none for a line that can be created. */
  problems: string[];
}

export type ReadAccounts = { lines: AccountLine[]; problem?: undefined } | { lines?: undefined; problem: string };

const plain = (text: string) =>
  text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, " ")
    .trim();

/** The columns, by the names people give them. */
const COLUMNS: Record<keyof Identity | "roles", string[]> = {
  givenName: ["prenom", "prenoms"],
  familyName: ["nom", "nom de famille", "nom d usage"],
  email: ["adresse electronique", "adresse", "courriel", "email", "e mail", "mail", "adresse e mail", "adresse mail"],
  roles: ["roles", "role"],
  department: ["service", "services", "direction", "departement"],
};
/** A file may do without. */
const OPTIONAL: readonly string[] = ["department"] satisfies (keyof typeof COLUMNS)[];
const NAMES: Record<keyof typeof COLUMNS, string> = {
  givenName: "Prénom",
  familyName: "Nom",
  email: "Adresse électronique",
  roles: "Rôles",
  department: "Service",
};

export const COLUMN_NAMES = Object.values(NAMES);

/** Reads accounts from rows whose first one names its columns, in any order; each line keeps all its faults. */
export function readAccounts(rows: SheetRow[], { kind }: { kind: "instance" | "organisation" }): ReadAccounts {
  const [header, ...rest] = rows;
  if (!header)
    return {
      problem:
        "Le fichier est vide\u00a0: sa première ligne nomme les colonnes, chaque ligne suivante est une personne.",
    };
  const heads = header.cells.map(plain);
  const places = Object.fromEntries(
    Object.entries(COLUMNS).map(([name, said]) => [name, heads.findIndex((head) => said.includes(head))]),
  ) as Record<keyof typeof COLUMNS, number>;
  const missing = Object.entries(places).filter(([name, place]) => place < 0 && !OPTIONAL.includes(name));
  if (missing.length > 0) {
    const names = missing.map(([name]) => `«\u00a0${NAMES[name as keyof typeof NAMES]}\u00a0»`).join(", ");
    return { problem: `La première ligne doit nommer les colonnes. Il manque\u00a0: ${names}.` };
  }
  if (rest.length === 0)
    return { problem: "Le fichier ne contient que sa première ligne\u00a0: ajoutez une ligne par personne." };
  if (rest.length > MOST_ACCOUNTS) {
    return {
      problem: `Le fichier contient ${rest.length} personnes\u00a0: partagez-le en fichiers d’au plus ${MOST_ACCOUNTS}.`,
    };
  }
  const given = ROLES.filter(({ code }) => (code === "super_admin") === (kind === "instance"));
  const roleOf = (word: string) => given.find(({ code, label }) => plain(label) === word || plain(code) === word)?.code;
  const firstLine = new Map<string, number>();
  const lines = rest.map(({ line, cells }): AccountLine => {
    const cell = (name: keyof typeof COLUMNS) => cells[places[name]] ?? "";
    const problems: string[] = [];
    if (cells.length > header.cells.length) {
      problems.push(
        "Il y a plus de cases que de colonnes\u00a0: mettez entre guillemets ce qui contient le séparateur.",
      );
    }
    const typed = {
      givenName: cell("givenName"),
      familyName: cell("familyName"),
      email: cell("email"),
      department: cell("department"),
    };
    const tidy = tidied(typed, problems);
    const twin = firstLine.get(tidy.email);
    if (twin !== undefined) problems.push(`L’adresse ${tidy.email} est déjà à la ligne ${twin}.`);
    else if (tidy.email !== "") firstLine.set(tidy.email, line);
    const words = cell("roles")
      .split(/[,;|/+]/)
      .map((word) => word.trim())
      .filter(Boolean);
    if (words.length === 0)
      problems.push(`Donnez au moins un rôle\u00a0: ${given.map(({ label }) => label).join(", ")}.`);
    const roles: Role[] = [];
    for (const word of words) {
      const role = roleOf(plain(word));
      if (!role)
        problems.push(
          `Le rôle «\u00a0${word}\u00a0» n’existe pas ici\u00a0: ${given.map(({ label }) => label).join(", ")}.`,
        );
      else if (!roles.includes(role)) roles.push(role);
    }
    return { line, ...tidy, roles: ROLES.map(({ code }) => code).filter((code) => roles.includes(code)), problems };
  });
  return { lines };
}

const FIELDS = { givenName: "Prénom", familyName: "Nom", email: "Adresse", department: "Service" } as const;

/** Each field as it will be kept; a fault of one does not hide those of the others. */
function tidied(typed: Identity, problems: string[]): Identity {
  const good: Identity = { givenName: "Ada", familyName: "Ada", email: "ada@ada.fr" };
  const kept = { ...typed };
  for (const field of Object.keys(FIELDS) as (keyof typeof FIELDS)[]) {
    try {
      Object.assign(kept, { [field]: tidyIdentity({ ...good, [field]: typed[field] })[field] });
    } catch (error) {
      if (!(error instanceof RuleBroken)) throw error;
      problems.push(`${FIELDS[field]}\u00a0: ${fr.afterColon(error.message)}`);
    }
  }
  return kept;
}

/** Adds what only the database knows: addresses that have an account already [RG-002]. */
export async function refuseTaken(em: EntityManager, lines: AccountLine[]): Promise<void> {
  const taken = await em.find(User, { email: { $in: lines.map(({ email }) => email) } });
  const byEmail = new Map(taken.map((user) => [user.email, user]));
  for (const line of lines) {
    const user = byEmail.get(line.email);
    if (!user) continue;
    line.problems.push(
      user.isActive()
        ? `${user.name()} a déjà un compte avec l’adresse ${user.email}.`
        : `${user.name()} a un compte désactivé avec l’adresse ${user.email}\u00a0: réactivez-le.`,
    );
  }
}

export interface CreatedAccount {
  user: User;
  /** Exists nowhere else: to be shown once; null when a message will make one as it leaves. */
  token: string | null;
}

/**
 * Creates all these accounts in one act, each with its invitation by mail or its link to hand over, or none of them:
 * throws RuleBroken when a line is no longer good. The caller flushes.
 */
export async function createUsers(
  em: EntityManager,
  lines: AccountLine[],
  { tenantId, by, now, byMail }: { tenantId: string; by: { id: string }; now: Date; byMail: boolean },
): Promise<CreatedAccount[]> {
  await holdTenant(em, tenantId);
  await refuseTaken(em, lines);
  if (lines.some(({ problems }) => problems.length > 0)) {
    throw new RuleBroken(
      "Une de ces lignes n’est plus bonne\u00a0: relisez-les, corrigez le fichier, puis recommencez.",
    );
  }
  const inviter = await em.findOne(User, { tenantId, id: by.id });
  const created: CreatedAccount[] = lines.map(({ email, givenName, familyName, department = null, roles }) => {
    const user = em.create(User, {
      ...{ tenantId, email, givenName, familyName, department, roles },
      id: randomUUIDv7(),
      deactivatedAt: null,
      createdAt: now,
    });
    em.persist(user);
    const token = byMail ? null : openLink(em, { tenantId, purpose: "invitation", user, by, now }).token;
    return { user, token };
  });
  await em.flush();
  if (byMail) {
    for (const { user } of created) {
      const to = { address: user.email, person: aboutUser(user) };
      await sendMail(em, invitation, { tenantId, to, payload: { by: inviter?.name() ?? null } });
    }
  }
  record(em, "users.created", { type: "tenant", id: tenantId }, { count: created.length, by: by.id });
  return created;
}
