import { defineEntity, p } from "@mikro-orm/core";
import { lookedUpTable } from "../platform/db/entity.ts";
import { User } from "./user.ts";

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
