/** The environment, read once into one frozen object. Every refusal is a French sentence that says how to mend it. */
import { BlockList, isIP } from "node:net";
import path from "node:path";
import { z } from "zod";
import type { MailSettings } from "./platform/mail/transport.ts";
import type { FilesSettings } from "./platform/storage/index.ts";

export interface Config {
  production: boolean;
  /** Node's own word: "development", "test" or "production". */
  nodeEnv: "development" | "test" | "production";
  host: string;
  port: number;
  /** Origin without a final slash: every absolute address is built from it, never from the Host header. */
  publicUrl: string;
  /** Cookies take Secure and __Host- (rulings 24). */
  secure: boolean;
  varDir: string;
  /** What this process does: pages, work in the background, or both. */
  role: "web" | "jobs" | "all";
  /** Both or neither; neither means the embedded server. */
  databaseUrl: string | undefined;
  databaseOwnerUrl: string | undefined;
  /** Absent: sessions and rates live in PostgreSQL. */
  redisUrl: string | undefined;
  /** "auto": a demo if the base is empty; never left at "auto" in production or on a host others can reach. */
  demo: "auto" | "oui" | "non";
  /** Absent: generated at first start into VAR_DIR/secrets.json. */
  secret: string | undefined;
  /** The secrets before this one, while it is being changed. */
  previousSecrets: readonly string[];
  /** Addresses and networks whose X-Forwarded-* headers are believed. */
  trustProxy: readonly string[];
  allowHttp: boolean;
  /** Bytes that should stay free where VAR_DIR is. */
  diskFloor: number;
  /** Where files people send are kept, unless in a bucket. */
  filesDir: string;
  /** Absent: files are in `filesDir`. */
  filesS3Url: string | undefined;
  /** Absent: nothing looks into files. */
  clamd: string | undefined;
  /** Bytes each organisation and each person may keep. */
  filesQuotas: { tenant: number; person: number };
  logLevel: "debug" | "info" | "warn" | "error";
  /** Who gives it reads `/metrics`; without it there is no such page. */
  metricsToken: string | undefined;
  /** Where people write to those who run the instance: mail address or page. */
  contact: string | undefined;
  /** Where backups are written. */
  backupDir: string;
  /** Local time of the nightly backup, `02:30`; absent, none runs by itself. */
  backupAt: string | undefined;
  /** Encrypts backups; without it they are in clear and hold no secret of the instance. */
  backupKey: string | undefined;
  /** Where messages leave from; without it they stay in the outbox (MSG-14). */
  mail: MailSettings | undefined;
}

/** All the refusals at once: a person mends the whole file in one go. */
export class ConfigRefused extends Error {
  override name = "ConfigRefused";
  readonly refusals: readonly string[];
  constructor(refusals: readonly string[]) {
    super(`La configuration est refusée :\n${refusals.map((line) => `  - ${line}`).join("\n")}`);
    this.refusals = refusals;
  }
}

const LEVELS = ["debug", "info", "warn", "error"] as const;
const SECRET_BYTES = 32;
const HOW_TO_DRAW = "tirez-en un avec « openssl rand -base64 48 », ou videz-le : il sera généré au premier démarrage";
const HOW_TO_DRAW_KEY = "tirez-en une avec « openssl rand -base64 32 », et gardez-la ailleurs que les sauvegardes";
/** Words of examples: a secret that holds one was copied, not drawn. The mark is that of .env.example. */
const EXAMPLE =
  /exemple|example|change[-_ ]?(me|moi|it)|changez|remplacez|replace|a[-_ ]?changer|secret|password|opstracker|azerty|qwerty/i;

const oneOf = <const T extends readonly [string, ...string[]]>(name: string, values: T) =>
  z.enum(values, { error: `${name} vaut ${values.slice(0, -1).join(", ")} ou ${values.at(-1)} : corrigez-le.` });

const flag = (name: string) => oneOf(name, ["oui", "non"]).transform((word) => word === "oui");

/** "" and blanks count as absent, so that `NAME=` in a file means the default. */
const orDefault = <T extends z.ZodType>(schema: T, fallback: string) =>
  z.preprocess((value) => (typeof value === "string" && value.trim() ? value.trim() : fallback), schema);
const optional = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (typeof value === "string" && value.trim() ? value.trim() : undefined), schema.optional());

const databaseAddress = (name: string) =>
  z.string().refine((value) => /^postgres(ql)?:$/.test(asUrl(value)?.protocol ?? ""), {
    error: `${name} n’est pas une adresse PostgreSQL : écrivez postgres://compte:motdepasse@serveur:5432/opstracker.`,
  });

const MAIL_ADDRESS = /^[^\s@<>()[\]",;:\\]{1,64}@[^\s@<>()[\]",;:\\]+\.[^\s@<>()[\]",;:\\]+$/;

const mailAddress = (name: string, what: string) =>
  z.string().regex(MAIL_ADDRESS, `${name} ${what} : écrivez par exemple operations@exemple.fr.`);

const isMailServer = (value: string): boolean => {
  const url = asUrl(value);
  return (
    !!url &&
    /^smtps?:$/.test(url.protocol) &&
    url.hostname !== "" &&
    /^\/?$/.test(url.pathname) &&
    !url.search &&
    !url.hash
  );
};

const isBucket = (value: string): boolean => {
  const url = asUrl(value);
  return !!url && /^https?:$/.test(url.protocol) && !!url.username && !!url.password && /^\/[^/]+$/.test(url.pathname);
};

const megabytes = (name: string, example: number) =>
  z
    .string()
    .regex(/^\d{1,7}$/, `${name} est un nombre de mégaoctets : écrivez par exemple ${name}=${example}.`)
    .transform((count) => Number(count) * 1_000_000);

const Environment = z.object({
  NODE_ENV: orDefault(oneOf("NODE_ENV", ["development", "test", "production"]), "development"),
  HOST: orDefault(
    z.string().refine((value) => isIP(value) > 0 || value === "localhost", {
      error: "HOST n’est pas une adresse : écrivez 127.0.0.1 pour cette machine seule, 0.0.0.0 pour le réseau.",
    }),
    "127.0.0.1",
  ),
  PORT: orDefault(
    z
      .string()
      .regex(/^\d{1,5}$/, "PORT n’est pas un nombre : écrivez par exemple PORT=3000.")
      .transform(Number)
      .refine((port) => port >= 1 && port <= 65_535, {
        error: "PORT va de 1 à 65535 : écrivez par exemple PORT=3000.",
      }),
    "3000",
  ),
  PUBLIC_URL: optional(
    z.string().refine((value) => isOrigin(value), {
      error:
        "PUBLIC_URL est l’adresse que tapent les personnes, sans chemin : écrivez par exemple https://operations.exemple.fr.",
    }),
  ),
  VAR_DIR: orDefault(z.string(), "var"),
  ROLE: orDefault(oneOf("ROLE", ["web", "jobs", "all"]), "all"),
  DATABASE_URL: optional(databaseAddress("DATABASE_URL")),
  DATABASE_OWNER_URL: optional(databaseAddress("DATABASE_OWNER_URL")),
  REDIS_URL: optional(
    z.string().refine((value) => /^rediss?:$/.test(asUrl(value)?.protocol ?? ""), {
      error:
        "REDIS_URL n’est pas une adresse Redis : écrivez redis://serveur:6379, ou rediss:// pour une liaison chiffrée.",
    }),
  ),
  DEMO: orDefault(oneOf("DEMO", ["auto", "oui", "non"]), "auto"),
  SECRET: optional(z.string()),
  SECRET_PREVIOUS: orDefault(
    z
      .string()
      .transform((value) => value.split(/\s+/).filter(Boolean))
      .refine((list) => list.every((one) => Buffer.byteLength(one) >= SECRET_BYTES), {
        error: `SECRET_PREVIOUS tient les anciens SECRET, séparés par une espace, chacun d’au moins ${SECRET_BYTES} octets : recopiez-les tels quels.`,
      }),
    " ",
  ),
  TRUST_PROXY: orDefault(
    z
      .string()
      .transform((value) => value.split(/[\s,]+/).filter(Boolean))
      .refine((list) => list.every(isNetwork), {
        error:
          "TRUST_PROXY liste les adresses de vos relais, séparées par des virgules : écrivez par exemple 127.0.0.1, 10.0.0.0/8.",
      }),
    " ",
  ),
  ALLOW_HTTP: orDefault(flag("ALLOW_HTTP"), "non"),
  DISK_FLOOR: orDefault(megabytes("DISK_FLOOR", 2_000), "2000"),
  FILES_DIR: optional(z.string()),
  FILES_S3_URL: optional(
    z.string().refine(isBucket, {
      error:
        "FILES_S3_URL n’est pas un compartiment : écrivez https://clé:secret@s3.exemple.fr/compartiment?region=fr-par ; les signes / + = du secret s’écrivent %2F %2B %3D.",
    }),
  ),
  CLAMD_HOST: optional(
    z.string().regex(/^(?:\/.+|[^\s/:]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5})$/, {
      error:
        "CLAMD_HOST n’est pas l’adresse de clamd : écrivez 127.0.0.1:3310, ou le chemin de son socket, /run/clamav/clamd.ctl.",
    }),
  ),
  FILES_QUOTA: orDefault(megabytes("FILES_QUOTA", 10_000), "10000"),
  FILES_QUOTA_PERSON: orDefault(megabytes("FILES_QUOTA_PERSON", 1_000), "1000"),
  LOG_LEVEL: orDefault(oneOf("LOG_LEVEL", LEVELS), "info"),
  METRICS_TOKEN: optional(
    z.string().min(24, {
      error:
        "METRICS_TOKEN est trop court pour garder les mesures : tirez-en un avec « openssl rand -base64 32 », d’au moins 24 caractères.",
    }),
  ),
  BACKUP_DIR: optional(z.string()),
  BACKUP_AT: orDefault(
    z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, {
      error: "BACKUP_AT est une heure de la journée : écrivez par exemple BACKUP_AT=02:30.",
    }),
    "02:30",
  ),
  BACKUP_KEY: optional(
    z.string().min(20, {
      error: `BACKUP_KEY est trop courte pour protéger une sauvegarde : ${HOW_TO_DRAW_KEY}.`,
    }),
  ),
  CONTACT: optional(
    z
      .string()
      .refine((value) => /^[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+$/.test(value) || asUrl(value)?.protocol === "https:", {
        error: "CONTACT est une adresse électronique ou une page https : écrivez par exemple numerique@exemple.fr.",
      }),
  ),
  SMTP_URL: optional(
    z.string().refine(isMailServer, {
      error:
        "SMTP_URL n’est pas un serveur de messagerie : écrivez smtp://compte:motdepasse@serveur:587, ou smtps:// pour un port chiffré d’emblée ; les signes @ : / du mot de passe s’écrivent %40 %3A %2F.",
    }),
  ),
  MAIL_FROM: optional(mailAddress("MAIL_FROM", "est l’adresse d’où partent les courriels")),
  MAIL_REPLY_TO: optional(mailAddress("MAIL_REPLY_TO", "est l’adresse, lue par quelqu’un, où vont les réponses")),
});

/** Reads and checks the whole environment, or throws ConfigRefused. */
export function readConfig(env: Record<string, string | undefined>): Config {
  const parsed = Environment.safeParse(env);
  const refused = new Set(parsed.error?.issues.map((issue) => String(issue.path[0])));
  const refusals = [...(parsed.error?.issues.map((issue) => issue.message) ?? []), ...crossChecks(env, refused)];
  if (!parsed.success || refusals.length > 0) throw new ConfigRefused(refusals);

  const e = parsed.data;
  const publicUrl = new URL(e.PUBLIC_URL ?? `http://localhost:${e.PORT}`).origin;
  return Object.freeze({
    production: e.NODE_ENV === "production",
    nodeEnv: e.NODE_ENV,
    host: e.HOST,
    port: e.PORT,
    publicUrl,
    secure: publicUrl.startsWith("https:"),
    varDir: path.resolve(e.VAR_DIR),
    role: e.ROLE,
    databaseUrl: e.DATABASE_URL,
    databaseOwnerUrl: e.DATABASE_OWNER_URL,
    redisUrl: e.REDIS_URL,
    demo: e.DEMO === "auto" && (e.NODE_ENV === "production" || !isLoopback(e.HOST)) ? "non" : e.DEMO,
    secret: e.SECRET,
    previousSecrets: Object.freeze(e.SECRET_PREVIOUS),
    trustProxy: Object.freeze(e.TRUST_PROXY),
    allowHttp: e.ALLOW_HTTP,
    diskFloor: e.DISK_FLOOR,
    filesDir: path.resolve(e.FILES_DIR ?? path.join(e.VAR_DIR, "fichiers")),
    filesS3Url: e.FILES_S3_URL,
    clamd: e.CLAMD_HOST,
    filesQuotas: Object.freeze({ tenant: e.FILES_QUOTA, person: e.FILES_QUOTA_PERSON }),
    logLevel: e.LOG_LEVEL,
    metricsToken: e.METRICS_TOKEN,
    contact: e.CONTACT,
    backupDir: path.resolve(e.BACKUP_DIR ?? path.join(e.VAR_DIR, "sauvegardes")),
    backupAt: e.BACKUP_DIR === undefined ? undefined : e.BACKUP_AT,
    backupKey: e.BACKUP_KEY,
    mail: e.SMTP_URL
      ? Object.freeze({ smtpUrl: e.SMTP_URL, from: e.MAIL_FROM!, replyTo: e.MAIL_REPLY_TO ?? e.MAIL_FROM! })
      : undefined,
  });
}

/** Where files are kept, as the storage asks it. */
export const filesOf = ({ filesDir, filesS3Url, diskFloor, filesQuotas, clamd }: Config): FilesSettings => ({
  folder: filesDir,
  s3Url: filesS3Url,
  floor: diskFloor,
  quotas: filesQuotas,
  clamd,
});

/** Rules between settings. Settings already refused on their own are not spoken of twice. */
function crossChecks(env: Record<string, string | undefined>, refused: Set<string>): string[] {
  const value = (name: string) => (refused.has(name) ? "" : (env[name]?.trim() ?? ""));
  const production = value("NODE_ENV") === "production";
  const host = value("HOST") || "127.0.0.1";
  const url = asUrl(value("PUBLIC_URL"));
  const refusals: string[] = [];

  if (!refused.has("DATABASE_URL") && !refused.has("DATABASE_OWNER_URL")) {
    const [app, owner] = [value("DATABASE_URL"), value("DATABASE_OWNER_URL")];
    if (app && !owner) {
      refusals.push("DATABASE_URL est donné sans DATABASE_OWNER_URL : donnez aussi l’adresse du compte propriétaire.");
    } else if (owner && !app) {
      refusals.push(
        "DATABASE_OWNER_URL est donné sans DATABASE_URL : donnez aussi l’adresse du compte de l’application.",
      );
    } else if (app && asUrl(app)?.username === asUrl(owner)?.username) {
      refusals.push(
        "DATABASE_URL et DATABASE_OWNER_URL ont le même compte : l’application doit se connecter avec un compte qui ne " +
          "possède rien (opstracker_app), le propriétaire (opstracker_owner) ne sert qu’aux migrations.",
      );
    }
  }
  if (["web", "jobs"].includes(value("ROLE")) && !value("DATABASE_URL") && !refused.has("DATABASE_URL")) {
    refusals.push(
      "ROLE sépare les pages et les tâches, mais la base fournie n’a qu’un processus : donnez DATABASE_URL et DATABASE_OWNER_URL, ou ROLE=all.",
    );
  }
  if (value("DEMO") === "oui" && !isLoopback(host)) {
    refusals.push(
      "DEMO=oui n’ouvre que sur cette machine : mettez HOST=127.0.0.1, ou DEMO=non pour une vraie instance.",
    );
  }
  if (url?.protocol === "http:" && !isLoopback(url.hostname) && value("ALLOW_HTTP") !== "oui") {
    refusals.push(
      "PUBLIC_URL est en http : les sessions passeraient en clair. Mettez une adresse https, ou ALLOW_HTTP=oui si un " +
        "réseau fermé vous protège.",
    );
  }
  if (production && !url && !refused.has("PUBLIC_URL") && !isLoopback(host)) {
    refusals.push(
      "PUBLIC_URL manque : en production, donnez l’adresse que tapent les personnes, comme https://operations.exemple.fr.",
    );
  }
  if (value("SMTP_URL") && !value("MAIL_FROM") && !refused.has("MAIL_FROM")) {
    refusals.push(
      "SMTP_URL est donné sans MAIL_FROM : donnez aussi l’adresse d’où partent les courriels, comme operations@exemple.fr.",
    );
  }
  if ((value("MAIL_FROM") || value("MAIL_REPLY_TO")) && !value("SMTP_URL") && !refused.has("SMTP_URL")) {
    refusals.push(
      "MAIL_FROM ou MAIL_REPLY_TO est donné sans SMTP_URL : donnez aussi le serveur de messagerie, ou videz ces réglages.",
    );
  }
  const weakness = value("SECRET") && weaknessOf(value("SECRET"), production);
  if (weakness) refusals.push(`${weakness} : ${HOW_TO_DRAW}.`);
  if (production) {
    for (const name of ["DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"]) {
      const password = (asUrl(value(name))?.password ?? "").replace(/%20|%2d|%5f/gi, "-");
      if (EXAMPLE_PASSWORD.test(password)) {
        refusals.push(
          `Le mot de passe de ${name} est celui de l’exemple : tirez-en un vrai avec « openssl rand -base64 24 ».`,
        );
      }
    }
  }
  return refusals;
}

const EXAMPLE_PASSWORD =
  /exemple|example|change[-_ ]?(me|moi|it)|changez|remplacez|^(opstracker|postgres|password|motdepasse|secret|admin|app|owner)$/i;

function weaknessOf(secret: string, production: boolean): string | undefined {
  if (Buffer.byteLength(secret) < SECRET_BYTES) return `SECRET fait moins de ${SECRET_BYTES} octets`;
  if (!production) return undefined;
  if (EXAMPLE.test(secret)) return "SECRET ressemble à une valeur d’exemple";
  // abcabcabc…: a drawn secret of this length holds far more than ten different characters.
  if (new Set(secret).size < 10 || isRepeat(secret)) return "SECRET se répète";
  return undefined;
}

function isRepeat(text: string): boolean {
  return (text + text).indexOf(text, 1) < text.length;
}

function asUrl(value: string): URL | undefined {
  return URL.canParse(value) ? new URL(value) : undefined;
}

function isOrigin(value: string): boolean {
  const url = asUrl(value);
  return (
    !!url &&
    /^https?:$/.test(url.protocol) &&
    url.pathname === "/" &&
    !url.search &&
    !url.hash &&
    !url.username &&
    !url.password
  );
}

export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, "");
  return name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}

function isNetwork(value: string): boolean {
  const [address = "", bits, ...rest] = value.split("/");
  const family = isIP(address);
  if (!family || rest.length > 0) return false;
  if (bits === undefined) return true;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}

/** Is this peer one of the proxies whose headers are believed? */
export function trusts(config: Pick<Config, "trustProxy">): (address: string) => boolean {
  const list = new BlockList();
  for (const entry of config.trustProxy) {
    const [address = "", bits] = entry.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) =>
    list.check(address.replace(/^::ffff:/, ""), isIP(address.replace(/^::ffff:/, "")) === 6 ? "ipv6" : "ipv4");
}
