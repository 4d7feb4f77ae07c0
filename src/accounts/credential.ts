import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { lookedUpTable } from "../platform/db/entity.ts";
import { record } from "../platform/events/record.ts";
import { aboutUser, User } from "./user.ts";

const schema = defineEntity({
  name: "Credential",
  tableName: "credential",
  ...lookedUpTable,
  properties: {
    tenantId: p.uuid().primary(),
    id: p.uuid().primary(),
    user: () =>
      p
        .manyToOne(User)
        .joinColumns("tenant_id", "id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action"),
    passwordHash: p.text(),
    // The tracked column: history says that the password changed, never what it is (HIS-3).
    changedAt: p.datetime(),
  },
});

/** A password, apart from the account so that no query on people ever carries it. */
export class Credential extends schema.class {}
schema.setClass(Credential);
export const CredentialSchema = schema;

/** Sets the password of an account, already checked and hashed. The caller flushes. */
export async function setPassword(
  em: EntityManager,
  user: User,
  passwordHash: string,
  { now }: { now: Date },
): Promise<Credential> {
  const known = await em.findOne(Credential, { tenantId: user.tenantId, id: user.id });
  const credential =
    known ?? em.create(Credential, { tenantId: user.tenantId, id: user.id, user, passwordHash, changedAt: now });
  Object.assign(credential, { passwordHash, changedAt: now });
  em.persist(credential);
  return credential;
}

/** A person changes their own password; their other sessions close, by reaction [ACC-8]. The caller flushes. */
export async function changePassword(
  em: EntityManager,
  user: User,
  passwordHash: string,
  { keepSession, now }: { keepSession: string | null; now: Date },
): Promise<void> {
  await setPassword(em, user, passwordHash, { now });
  record(em, "user.password_changed", aboutUser(user), { keepSession });
}
