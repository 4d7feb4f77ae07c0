import path from "node:path";
import type { EntityManager } from "@mikro-orm/postgresql";
import { z } from "zod";
import { INSTANCE_ID, User } from "../accounts/index.ts";
import { lastBackup, lastDrills, writeBackup } from "../platform/backup/index.ts";
import { reasonOf } from "../platform/jobs/reason.ts";
import type { Schedule } from "../platform/jobs/tick.ts";
import { mailKind } from "../platform/mail/kinds.ts";
import { sendMail } from "../platform/mail/outbox.ts";
import type { Services } from "../platform/services.ts";
import { fr } from "../platform/text/index.ts";
import type { Vital, Vitals } from "../platform/vitals.ts";

/** One a night, and two hours of grace. */
const LATE_MS = 26 * 3_600_000;
/** A backup nobody has read again for three months is a hope, not a backup. */
const STALE_DRILL_MS = 92 * 86_400_000;

export const backupFailed = mailKind({
  kind: "instance.backup_failed",
  label: "Sauvegarde en échec",
  payload: z.strictObject({ day: z.iso.date(), reason: z.string() }),
  subject: () => "La sauvegarde de cette nuit a échoué",
  write: ({ day, reason }) => ({
    lines: [
      `La sauvegarde du ${fr.date(`${day}T12:00:00Z`, "UTC")} a échoué\u00a0: ${fr.afterColon(reason)}`,
      "OpsTracker essaie encore, de plus en plus espacé, puis s’arrête. Si ce message est le dernier que vous recevez aujourd’hui, regardez si une sauvegarde a réussi depuis.",
    ],
    action: { label: "Voir l’état de l’instance", href: "/instance/etat" },
  }),
});

/** Writes the backup of the night; its failure is told to the super-admins, once a day (INS-4). */
export const nightlyBackup: Schedule = {
  job: "instance.backup",
  label: "Sauvegarde de la base et des fichiers",
  at: "02:30",
  timeOf: ({ backups }) => backups?.at ?? null,
  ofInstance: true,
  limitSeconds: 6 * 3_600,
  async run({ backups, clock, db, diskFloor = 0 }, { tenantId, day }) {
    if (!backups) return "Aucune sauvegarde n’est demandée (réglage BACKUP_DIR).";
    try {
      const { manifest } = await writeBackup({ ...backups, floor: diskFloor, now: clock.now() });
      const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
      return `${fr.count(rows, "ligne", "lignes")}, ${fr.count(manifest.files.length, "fichier", "fichiers")}`;
    } catch (error) {
      const reason = reasonOf(error instanceof Error ? error.message : String(error));
      await db.note(tenantId, (em) => tellSuperAdmins(em, { day, reason }));
      throw error;
    }
  },
};

async function tellSuperAdmins(em: EntityManager, payload: { day: string; reason: string }): Promise<void> {
  const people = await em.find(User, { roles: { $contains: ["super_admin"] }, deactivatedAt: null });
  for (const { id, email } of people) {
    await sendMail(em, backupFailed, {
      tenantId: INSTANCE_ID,
      to: { address: email, person: { type: "user", id } },
      payload,
      once: `backup-failed ${payload.day} ${id}`,
    });
  }
}

/** When the last backup was written, read again and restored, with what to do; those typed by hand too (INS-4). */
export const backupVitals: Vitals = {
  title: "Sauvegardes",
  order: 35,
  async look({ backups, varDir }: Services, { now, zone }): Promise<Vital[]> {
    // Without BACKUP_DIR, where `npm run backup` writes.
    const into = backups?.into ?? path.join(varDir, "sauvegardes");
    const [last, { verify, restore }] = await Promise.all([lastBackup(into), lastDrills(into)]);
    return [
      backups
        ? { label: NIGHTLY, state: "told", value: `à ${backups.at}, dans ${into}` }
        : {
            label: NIGHTLY,
            state: "warning",
            value: "aucune",
            remedy:
              "Donnez le réglage BACKUP_DIR, sur un autre disque si vous pouvez : une sauvegarde partira chaque nuit.",
          },
      lastLine(last, { now, zone, isAutomatic: backups !== undefined }),
      ...(backups
        ? [
            {
              label: "Chiffrement",
              state: backups.key ? ("ok" as const) : ("told" as const),
              value: backups.key ? "chiffrées" : "en clair ; gardez secrets.json à part",
            },
          ]
        : []),
      drillLine(verify, "Dernière relecture", "Relisez-en une par «\u00a0npm run verify-backup\u00a0».", { now, zone }),
      drillLine(
        restore,
        "Dernière restauration d’essai",
        "Restaurez-en une sur une machine vide par «\u00a0npm run restore\u00a0» (README, Exploitation).",
        { now, zone },
      ),
    ];
  },
};

const NIGHTLY = "Sauvegarde de chaque nuit";

interface Seen {
  now: Date;
  zone: string;
}

function lastLine(last: Date | null, { now, zone, isAutomatic }: Seen & { isAutomatic: boolean }): Vital {
  const label = "Dernière sauvegarde";
  const isLate = last === null || now.getTime() - last.getTime() > LATE_MS;
  const remedy = isAutomatic
    ? "Lisez pourquoi sur la page «\u00a0Tâches\u00a0», puis lancez-en une sans attendre\u00a0: «\u00a0npm run backup\u00a0»."
    : "Lancez-en une\u00a0: «\u00a0npm run backup\u00a0».";
  return {
    label,
    state: isLate ? "failing" : "ok",
    value: last ? `${fr.ago(last, now)}, ${fr.dateTime(last, zone)}` : "aucune",
    ...(isLate && { remedy }),
  };
}

function drillLine(drill: { at: Date } | null, label: string, remedy: string, { now, zone }: Seen): Vital {
  const isStale = drill === null || now.getTime() - drill.at.getTime() > STALE_DRILL_MS;
  return {
    label,
    state: isStale ? "warning" : "ok",
    value: drill ? `${fr.ago(drill.at, now)}, ${fr.dateTime(drill.at, zone)}` : "aucune",
    ...(isStale && { remedy: `${remedy} Chaque trimestre suffit.` }),
  };
}
