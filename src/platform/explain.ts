/** What the disk or PostgreSQL refused, for who types a command or starts the product at night: what happened, and what to do now. */

interface SystemError {
  code?: string;
  path?: string;
  address?: string;
  port?: number;
  errors?: unknown[];
  cause?: unknown;
}

const SERVER = "Vérifiez que PostgreSQL est démarré, et les réglages DATABASE_URL et DATABASE_OWNER_URL";

const SENTENCES: Record<string, (error: SystemError) => string> = {
  ENOSPC: () => "Le disque est plein : libérez de la place, ou donnez un dossier d’un autre disque, puis relancez.",
  EDQUOT: () =>
    "Le quota de ce compte sur le disque est atteint : libérez de la place, ou donnez un autre dossier, puis relancez.",
  EROFS: ({ path }) => `${path ?? "Ce dossier"} est sur un disque en lecture seule : donnez un autre dossier.`,
  EACCES: ({ path }) => `${path ?? "Un fichier"} n’est pas ouvert à ce compte : ${SAME_ACCOUNT}`,
  EPERM: ({ path }) => `${path ?? "Un fichier"} n’est pas ouvert à ce compte : ${SAME_ACCOUNT}`,
  ENOTDIR: ({ path }) => `${path ?? "Ce chemin"} n’est pas un dossier : donnez-en un autre.`,
  EEXIST: ({ path }) => `${path ?? "Ce fichier"} existe déjà : déplacez-le, puis relancez.`,
  ECONNREFUSED: ({ address, port }) =>
    `PostgreSQL ne répond pas${address ? ` à ${address}:${port}` : ""}. ${SERVER}, puis relancez.`,
  ENOTFOUND: () => `Le serveur PostgreSQL n’a pas été trouvé sur le réseau. ${SERVER}, puis relancez.`,
  ETIMEDOUT: () => `PostgreSQL ne répond pas. ${SERVER}, et qu’aucun pare-feu n’arrête cette machine.`,
  ECONNRESET: () => "PostgreSQL a coupé la connexion : il s’arrête ou redémarre. Relancez dans un instant.",
  "28P01": () =>
    "PostgreSQL refuse le compte ou le mot de passe de DATABASE_URL ou de DATABASE_OWNER_URL : corrigez-les.",
  "28000": () => "PostgreSQL refuse ce compte depuis cette machine : corrigez DATABASE_URL, ou son pg_hba.conf.",
  "3D000": () => "Cette base n’existe pas : créez-la (README, Base de données), ou corrigez DATABASE_URL.",
  "53300": () => "PostgreSQL n’a plus de connexion libre : attendez, ou augmentez max_connections, puis relancez.",
  "53100": () => "Le disque de PostgreSQL est plein : libérez-y de la place, puis relancez.",
  "57P01": () => "PostgreSQL s’arrête : relancez quand il aura redémarré.",
  "57P03": () => "PostgreSQL démarre ou s’arrête : relancez dans un instant.",
  // What reads across organisations is made by the migrations.
  "3F000": () => NEVER_MIGRATED,
  "42883": () => NEVER_MIGRATED,
};

const SAME_ACCOUNT =
  "lancez cette commande avec le compte qui fait tourner OpsTracker, ou donnez un dossier qu’il peut écrire.";
const NEVER_MIGRATED =
  "Cette base n’est pas au schéma de cette version : lancez « npm run migrate » ou « npm start », puis relancez.";

/** One sentence for a refusal of the system or of PostgreSQL; null for what is a fault of the program. */
export function explain(error: unknown): string | null {
  for (let one = error as SystemError | undefined, depth = 0; one && depth < 5; depth++) {
    const sentence = SENTENCES[one.code ?? ""];
    if (sentence) return sentence(one);
    // Several addresses of one name, each refused.
    one = (one.errors?.[0] ?? one.cause) as SystemError | undefined;
  }
  return null;
}
