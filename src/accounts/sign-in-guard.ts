import { defineEntity, p } from "@mikro-orm/core";
import { lookedUpTable } from "../platform/db/entity.ts";

const schema = defineEntity({
  name: "SignInGuard",
  tableName: "sign_in_guard",
  ...lookedUpTable,
  properties: {
    tenantId: p.uuid().primary(),
    id: p.uuid().primary(),
    failures: p.integer().default(0),
    lockedUntil: p.datetime().nullable(),
    lastSignInAt: p.datetime().nullable(),
    lastMethod: p.text().nullable(),
  },
});

/** Failures and lock of one account (ACC-3), on the database clock and in PostgreSQL, so that no restart resets it. */
export class SignInGuard extends schema.class {}
schema.setClass(SignInGuard);
export const SignInGuardSchema = schema;
