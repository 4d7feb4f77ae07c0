import { defineEntity, p } from "@mikro-orm/core";
import { toUser } from "../accounts/index.ts";
import { createdAt, lookedUpTable, tenantKey } from "../platform/db/entity.ts";
import { KINDS } from "./kinds.ts";

/** Days a notification is listed, read or not (ACT-5). */
export const KEPT_DAYS = 90;

const schema = defineEntity({
  name: "Notification",
  // Each page counts what is unread with its session, before the tenant is known.
  ...lookedUpTable,
  indexes: [{ properties: ["tenantId", "user", "readAt"] }, { properties: ["tenantId", "changesetId"] }],
  properties: {
    ...tenantKey(),
    user: () => toUser(),
    kind: p.enum(KINDS.map(({ kind }) => kind)),
    text: p.text(),
    path: p.text().nullable(),
    changesetId: p.uuid().nullable(),
    readAt: p.datetime().nullable(),
    ...createdAt(),
  },
});

/** Something a person is told in the product, until they have read it. */
export class Notification extends schema.class {}
schema.setClass(Notification);
export const NotificationSchema = schema;
