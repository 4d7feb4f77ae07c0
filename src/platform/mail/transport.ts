import { oneLine, type Rendered } from "./letter.ts";

export interface MailSettings {
  /** smtp://account:password@host:587, or smtps:// for TLS from the first byte. */
  smtpUrl: string;
  /** The address messages come from, the same for all organisations; its name is theirs. */
  from: string;
  /** An address somebody reads [MSG-3]. */
  replyTo: string;
}

export interface Envelope {
  to: string;
  senderName: string;
  messageId: string;
}

/**
 * permanent: this message will never be taken. temporary: the server said to come back. unreachable: there is no server
 * to speak of, whoever the recipient.
 */
export type Answer = { result: "sent" | "permanent" | "temporary" | "unreachable"; answer: string; fault?: MailFault };

/** What stands between us and the server, as far as a remedy can be named. */
export type MailFault = "none" | "account" | "name" | "tls" | "timeout" | "refused" | "cut" | "recipient";

export interface Transport {
  /** Never throws: whatever happens is an answer, in French, with the server's own words. */
  send(letter: Rendered, envelope: Envelope): Promise<Answer>;
  /** The same on a connection of its own and without much patience, for somebody who waits for the answer. */
  trySending(letter: Rendered, envelope: Envelope): Promise<Answer>;
  /** Whether a server is there and takes our account. */
  check(): Promise<Answer>;
  /** Where messages go and from whom, without account nor password. */
  readonly settings: { server: string; encrypted: boolean; from: string; replyTo: string };
  close(): void;
}

/** Connections to the server at once; each attempt is bounded, so a slow recipient holds one of them for a minute and a half at most (F10). */
export const CONNECTIONS = 5;
const HASTE = { connectionTimeout: 8_000, greetingTimeout: 8_000, dnsTimeout: 5_000, socketTimeout: 12_000 };
const PATIENCE = { connectionTimeout: 10_000, greetingTimeout: 10_000, dnsTimeout: 10_000, socketTimeout: 75_000 };

/** Opens the way to the SMTP server; nothing is said to it before the first message. */
export async function openTransport(
  { smtpUrl, from, replyTo }: MailSettings,
  patience: Partial<typeof PATIENCE> = {},
): Promise<Transport> {
  // Imported by who sends only: a start waits for each library it names.
  const { createTransport } = await import("nodemailer");
  const url = new URL(smtpUrl);
  const secure = url.protocol === "smtps:";
  const common = {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port) || (secure ? 465 : 587),
    secure,
    ...(url.username && {
      auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) },
    }),
    // A password never travels in clear beyond this machine.
    requireTLS: !secure && url.username !== "" && !/^(?:localhost|127\.|\[::1\])/.test(url.hostname),
    disableFileAccess: true,
    disableUrlAccess: true,
    ...PATIENCE,
    ...patience,
  };
  const pool = createTransport({
    ...common,
    pool: true,
    maxConnections: CONNECTIONS,
    maxMessages: 200,
    maxRequeues: 0,
  });

  const message = ({ subject, text, html }: Rendered, { to, senderName, messageId }: Envelope) => ({
    from: { name: oneLine(senderName).slice(0, 120), address: from },
    replyTo,
    to: { name: "", address: to },
    subject,
    text,
    html,
    messageId,
    textEncoding: "quoted-printable" as const,
    headers: { "Auto-Submitted": "auto-generated" },
  });

  return {
    settings: { server: `${common.host}:${common.port}`, encrypted: secure || common.requireTLS, from, replyTo },
    async send(letter, envelope) {
      try {
        const sent = await pool.sendMail(message(letter, envelope));
        return { result: "sent", answer: oneLine(sent.response) };
      } catch (error) {
        return explainFailure(error);
      }
    },
    async trySending(letter, envelope) {
      const once = createTransport({ ...common, ...HASTE, ...patience });
      try {
        const sent = await once.sendMail(message(letter, envelope));
        return { result: "sent", answer: oneLine(sent.response) };
      } catch (error) {
        return explainFailure(error);
      } finally {
        once.close();
      }
    },
    async check() {
      const probe = createTransport(common);
      try {
        await probe.verify();
        return { result: "sent", answer: "Le serveur répond et accepte la connexion." };
      } catch (error) {
        return explainFailure(error);
      } finally {
        probe.close();
      }
    },
    close: () => pool.close(),
  };
}

interface SmtpError {
  code?: string;
  responseCode?: number;
  response?: string;
  message?: string;
}

const UNREACHABLE: [RegExp, MailFault, string][] = [
  [/EAUTH|ENOAUTH|EOAUTH2/, "account", "Le serveur refuse le compte ou le mot de passe de SMTP_URL"],
  [/EDNS|ENOTFOUND|EAI_AGAIN/, "name", "Le nom du serveur de SMTP_URL est introuvable"],
  [
    /ETLS|CERT|SELF_SIGNED|self-signed|certificate|ERR_TLS|ERR_SSL|EPROTO|STARTTLS|wrong version number/,
    "tls",
    "La connexion chiffrée au serveur a échoué",
  ],
  [/ETIMEDOUT|timeout|Greeting never received/i, "timeout", "Le serveur n’a pas répondu à temps"],
  [/ECONNREFUSED|EHOSTUNREACH|ENETUNREACH/, "refused", "Aucun serveur ne répond à l’adresse de SMTP_URL"],
];

const CUT = [/$/, "cut", "La connexion au serveur a été coupée"] as const;

/** What went wrong, as a person who runs the instance can act upon it, with the server's words when it had some. */
export function explainFailure(error: unknown): Answer {
  const { code = "", responseCode, response, message = "" } = error as SmtpError;
  const said = oneLine(response ?? message);
  const aboutMessage = code === "EENVELOPE" || code === "EMESSAGE";
  if (responseCode !== undefined && aboutMessage) {
    if (responseCode >= 500)
      return { result: "permanent", answer: `Refusé définitivement\u00a0: ${said}`, fault: "recipient" };
    return { result: "temporary", answer: `Refusé pour l’instant\u00a0: ${said}`, fault: "recipient" };
  }
  // Refused before any server was asked: the address itself cannot be written.
  if (code === "EENVELOPE") return { result: "permanent", answer: `Adresse impossible\u00a0: ${said}` };
  const [, fault, why] = UNREACHABLE.find(([sign]) => sign.test(`${code} ${message}`)) ?? CUT;
  return { result: "unreachable", answer: `${why}\u00a0: ${said}`, fault };
}
