import { defineEntity, p } from "@mikro-orm/core";
import { bytes, createdAt, tenantTable } from "../platform/db/entity.ts";

/** One link of a tenant's chain: number, previous hash, content digest, hash (HIS-6). Inserted by the sealer alone. */
export const Seal = defineEntity({
  name: "Seal",
  tableName: "seal",
  ...tenantTable,
  uniques: [{ properties: ["tenantId", "changesetId"] }],
  properties: {
    tenantId: p.uuid().primary(),
    sequence: p.bigint("number").primary().autoincrement(false),
    changesetId: p.uuid(),
    digest: bytes(),
    previousHash: bytes(),
    hash: bytes(),
    ...createdAt(),
  },
});
