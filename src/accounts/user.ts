import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { createdAt, lookedUpTable, tenantKey, versioned } from "../platform/db/entity.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { sendMail } from "../platform/mail/outbox.ts";
import { addressChanged } from "./mails.ts";
import { inOrder, type Role } from "./roles.ts";
import { holdTenant, type Tenant } from "./tenant.ts";

const schema = defineEntity({
  name: "User",
  // `user` alone is a keyword that silently reads as the database role in raw SQL.
  tableName: "app_user",
  ...lookedUpTable,
  uniques: [{ properties: ["tenantId", "email"] }, { properties: ["tenantId", "supportOf"] }],
  properties: {
    ...tenantKey(),
    email: p.text(),
    givenName: p.text(),
    familyName: p.text(),
    // Of the organisation, as groups name it (ROL-5); null when nobody has said.
    department: p.text().nullable(),
    roles: p.array().$type<Role[]>().columnType("text[]"),
    theme: p.enum(["system", "light", "dark"] as const).default("system"),
    density: p.enum(["comfort", "compact"] as const).default("comfort"),
    shortcuts: p.boolean().default(true),
    live: p.boolean().default(true),
    silenced: p.array().columnType("text[]").default([]),
    pictureId: p.uuid().nullable(),
    deactivatedAt: p.datetime().nullable(),
    // The super-admin who acts here under this account while a support access is open (ROL-2).
    supportOf: p.uuid().nullable(),
    ...createdAt(),
    ...versioned(),
  },
});

/** An account of one person in one tenant; deactivated one day perhaps, deleted never (ROL-4). */
export class User extends schema.class {
  isActive() {
    return this.deactivatedAt == null;
  }
  name() {
    return `${this.givenName} ${this.familyName}`;
  }
  has(role: Role) {
    return this.roles.includes(role);
  }
}
schema.setClass(User);
export const UserSchema = schema;

/** The composite reference to an account, for tables that belong to one. */
export const toUser = () =>
  p
    .manyToOne(User)
    .joinColumns("tenant_id", "user_id")
    .referencedColumnNames("tenant_id", "id")
    .deleteRule("no action")
    .updateRule("no action");

/** Who acts; null for the set-up of an instance and for jobs. */
export type By = { id: string } | null;

export interface Identity {
  email: string;
  givenName: string;
  familyName: string;
  /** Their department; an empty text or null for none. Left as it is when not given. */
  department?: string | null;
}

export const aboutUser = ({ id }: { id: string }) => ({ type: "user", id });

/** Gives a person an account. The caller flushes. */
export async function createUser(
  em: EntityManager,
  { roles, ...identity }: Identity & { roles: readonly string[] },
  { tenantId, by, now }: { tenantId: string; by: By; now?: Date },
): Promise<User> {
  const tenant = await holdTenant(em, tenantId);
  const { email, givenName, familyName, department = null } = tidyIdentity(identity);
  await refuseTakenEmail(em, email);
  const user = em.create(User, {
    tenantId,
    id: randomUUIDv7(),
    email,
    givenName,
    familyName,
    department,
    roles: rolesFor(tenant, roles),
    deactivatedAt: null,
    pictureId: null,
    supportOf: null,
    // Without it the database dates the row.
    ...(now && { createdAt: now }),
  });
  em.persist(user);
  record(em, "user.created", aboutUser(user), { roles: user.roles, by: by?.id ?? null });
  return user;
}

/** Corrects names and address; a change of address is told to both [ACC-7]. The caller flushes. */
export async function editUser(em: EntityManager, user: User, identity: Identity, { by }: { by: By }): Promise<void> {
  const wanted = tidyIdentity(identity);
  if (wanted.email !== user.email) {
    await holdTenant(em, user.tenantId);
    await refuseTakenEmail(em, wanted.email);
  }
  const changed = (Object.keys(wanted) as (keyof Identity)[]).filter(
    (name) => (wanted[name] ?? null) !== (user[name] ?? null),
  );
  if (changed.length === 0) return;
  const before = user.email;
  Object.assign(user, wanted);
  if (before !== user.email) {
    const payload = { before, after: user.email };
    for (const address of [before, user.email]) {
      await sendMail(em, addressChanged, {
        tenantId: user.tenantId,
        to: { address, person: aboutUser(user) },
        payload,
      });
    }
  }
  record(em, "user.edited", aboutUser(user), { fields: changed, by: by?.id ?? null });
}

/** Gives and takes roles, under a lock that makes two administrators demoting each other go one after the other [ROL-3]. */
export async function changeRoles(
  em: EntityManager,
  user: User,
  roles: readonly string[],
  { by }: { by: By },
): Promise<void> {
  const tenant = await holdTenant(em, user.tenantId);
  const wanted = rolesFor(tenant, roles);
  const keeper = tenant.keeperRole();
  if (user.has(keeper) && !wanted.includes(keeper)) {
    if (by?.id === user.id) {
      throw new RuleBroken(
        "Vous ne pouvez pas retirer votre propre rôle d’administration. Demandez-le à une autre personne qui l’a aussi.",
        "roles",
      );
    }
    await refuseLastKeeper(em, user, keeper, "roles");
  }
  const before = user.roles;
  if (before.join() === wanted.join()) return;
  user.roles = wanted;
  record(em, "user.roles_changed", aboutUser(user), { before, after: wanted, by: by?.id ?? null });
}

/** Closes an account without erasing anything of it [ROL-4]; its links and sessions go with it, by reaction. */
export async function deactivateUser(em: EntityManager, user: User, { by, now }: { by: By; now: Date }): Promise<void> {
  const tenant = await holdTenant(em, user.tenantId);
  if (!user.isActive()) throw new RuleBroken("Ce compte est déjà désactivé : il n’y a plus rien à faire.");
  if (by?.id === user.id) {
    throw new RuleBroken(
      "Vous ne pouvez pas désactiver votre propre compte. Demandez-le à une autre personne qui administre l’organisation.",
    );
  }
  const keeper = tenant.keeperRole();
  if (user.has(keeper)) await refuseLastKeeper(em, user, keeper);
  user.deactivatedAt = now;
  record(em, "user.deactivated", aboutUser(user), { by: by?.id ?? null });
}

export function reactivateUser(em: EntityManager, user: User, { by }: { by: By }): void {
  if (user.isActive()) throw new RuleBroken("Ce compte est déjà actif : il n’y a rien à faire.");
  user.deactivatedAt = null;
  record(em, "user.reactivated", aboutUser(user), { by: by?.id ?? null });
}

/** The picture beside their name, or null for their initials. The caller flushes. */
export function choosePicture(em: EntityManager, user: User, pictureId: string | null, { by }: { by: By }): void {
  if ((user.pictureId ?? null) === pictureId) return;
  user.pictureId = pictureId;
  record(em, "user.edited", aboutUser(user), { fields: ["pictureId"], by: by?.id ?? null });
}

export type Preferences = Pick<User, "theme" | "density" | "shortcuts" | "live">;

function rolesFor(tenant: Tenant, codes: readonly string[]): Role[] {
  const roles = inOrder(codes);
  const foreign = roles.some((role) => (role === "super_admin") !== tenant.isInstance());
  if (foreign || roles.length !== new Set(codes).size) {
    throw new RuleBroken("Un des rôles choisis n’existe pas dans cette organisation. Rechargez la page.", "roles");
  }
  if (roles.length === 0) {
    throw new RuleBroken("Choisissez au moins un rôle : sans rôle, la personne ne verrait aucune page.", "roles");
  }
  return roles;
}

async function refuseLastKeeper(em: EntityManager, user: User, keeper: Role, field?: string): Promise<void> {
  const others = await em.count(User, {
    tenantId: user.tenantId,
    id: { $ne: user.id },
    roles: { $contains: [keeper] },
    deactivatedAt: null,
  });
  if (others > 0) return;
  throw new RuleBroken(
    keeper === "admin"
      ? "C’est la dernière personne active qui administre l’organisation. Donnez d’abord le rôle Administrateur à quelqu’un d’autre."
      : "C’est le dernier super-administrateur actif de l’instance. Invitez-en d’abord un autre.",
    field,
  );
}

/** One e-mail, one account in a tenant [RG-002]; the lock on the tenant makes the question and the answer one act. */
async function refuseTakenEmail(em: EntityManager, email: string): Promise<void> {
  const taken = await em.findOne(User, { email });
  if (!taken) return;
  throw new RuleBroken(
    taken.isActive()
      ? `${taken.name()} a déjà un compte avec cette adresse. Ouvrez sa fiche plutôt que d’en créer un second.`
      : `${taken.name()} a un compte désactivé avec cette adresse. Réactivez-le plutôt que d’en créer un second.`,
    "email",
  );
}

const EMAIL = /^[^\s@<>()[\]",;:\\\p{C}]{1,64}@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+[\p{L}\p{N}-]{2,}$/u;
const LONGEST_EMAIL = 254;
const LONGEST_NAME = 100;

/** E-mails are kept in lower case [RG-002]. */
export const tidyEmail = (email: string): string => email.trim().normalize("NFC").toLowerCase();

const LONGEST_DEPARTMENT = 100;
const UNSEEN = /[\p{Cc}\p{Bidi_Control}\u2028\u2029<>]/u;
const NO_UNSEEN = "Retirez les signes < et >, les retours à la ligne et les caractères invisibles.";

/** As they will be kept, or a refusal that names the field. */
export function tidyIdentity({ email, givenName, familyName, department }: Identity): Identity {
  const tidy = { email: tidyEmail(email), givenName: tidyName(givenName), familyName: tidyName(familyName) };
  for (const field of ["givenName", "familyName"] as const) {
    if (tidy[field] === "") throw new RuleBroken("Écrivez ce nom : il signe les actes dans l’historique.", field);
    if (tidy[field].length > LONGEST_NAME) throw new RuleBroken(`Raccourcissez à ${LONGEST_NAME} caractères.`, field);
    if (UNSEEN.test(tidy[field])) throw new RuleBroken(NO_UNSEEN, field);
  }
  if (!isAddress(tidy.email)) throw new RuleBroken(WHOLE_ADDRESS, "email");
  return department === undefined ? tidy : { ...tidy, department: tidyDepartment(department ?? "") };
}

function tidyDepartment(typed: string): string | null {
  const department = tidyName(typed);
  if (department.length > LONGEST_DEPARTMENT) {
    throw new RuleBroken(`Raccourcissez à ${LONGEST_DEPARTMENT} caractères.`, "department");
  }
  if (UNSEEN.test(department)) throw new RuleBroken(NO_UNSEEN, "department");
  return department === "" ? null : department;
}

const WHOLE_ADDRESS = "Écrivez une adresse complète, par exemple prenom.nom@exemple.fr.";
const isAddress = (email: string) => email.length <= LONGEST_EMAIL && EMAIL.test(email);

/** An address as accounts keep them, or a refusal on this field. */
export function tidyAddress(text: string, field = "address"): string {
  const address = tidyEmail(text);
  if (!isAddress(address)) throw new RuleBroken(WHOLE_ADDRESS, field);
  return address;
}

const tidyName = (name: string) => name.normalize("NFC").replace(/\s+/gu, " ").trim();
