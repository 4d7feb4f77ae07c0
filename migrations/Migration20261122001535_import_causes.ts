import { Migration } from "@mikro-orm/migrations";

/** Errors of a file by cause, and the cells of their lines, which outlive the file itself (IMP-29, IMP-39). */
export class Migration20261122001535_import_causes extends Migration {
  override up(): void {
    this.addSql(`
      alter table "import_error" add column "cause" text not null default '', add column "cells" jsonb null;
      alter table "import_error" no force row level security;
      update "import_error" set "cause" = left("reason", 200);
      alter table "import_error" force row level security;
      alter table "import_error" alter column "cause" drop default;
    `);
  }
}
