/**
 * What this floor asks of the others and gives to handlers. It names no role and no table: `accounts` adds what it
 * knows of the signed-in person by declaration merging on `Principal` and `PrincipalTenant`.
 */
import type { Request } from "express";
import type { Database } from "../db/index.ts";
import type { Files } from "../storage/index.ts";
import type { Count } from "./rate.ts";

/** The part of the configuration the HTTP floor reads. */
export interface HttpConfig {
  /** Origin where browsers reach the instance; absolute addresses are built from it, never from Host (P32). */
  publicUrl: string;
  /** Browsers come by https: cookies take Secure and `__Host-` (rulings 24). */
  secure: boolean;
  /** Addresses or ranges whose X-Forwarded-For is believed; empty: nobody's. */
  trustProxy: readonly string[];
  /** 32 bytes or more; keys of cookies and stateless tokens are derived from it. */
  secret: string;
  demo: boolean;
  production: boolean;
  /** Opens `/metrics` to who gives it; absent, there is no such page. */
  metricsToken?: string | undefined;
  /** Mail address or page of those who run the instance. */
  contact?: string | undefined;
  /** A mail server is configured, and this is no demo: messages leave (MSG-14). */
  sendsMail?: boolean | undefined;
  /** After this long without taking a byte of a download its reader is cut; one minute when not said (F19). */
  stallMs?: number | undefined;
}

export interface PrincipalTenant {
  id: string;
  name: string;
  zone: string;
  accent: string | null;
  /** The file of its logo, once it may be shown. */
  logo: string | null;
}

/** The signed-in person, as much as a page needs to greet and guard them. */
export interface Principal {
  id: string;
  tenantId: string;
  email: string;
  name: string;
  theme: "system" | "light" | "dark";
  density: "comfort" | "compact";
  shortcuts: boolean;
  /** Pages follow by themselves what changes (LIV-5). */
  live: boolean;
  /** Notifications not read yet, counted up to 100. */
  unread: number;
  /** The file of their picture, once it may be shown. */
  picture: string | null;
  sessionId: string;
  /** When the password or the code was last typed: sensitive acts ask again after 15 minutes (ACC-11). */
  authenticatedAt: Date;
  tenant: PrincipalTenant;
}

/** Who may do what: `accounts` answers, this floor only asks. */
export interface Guards {
  may(user: Principal, right: string): boolean;
  /** One French sentence: who can do it, or how to get it (UIX-13). */
  explain(user: Principal, right: string): string;
  /** Where this person must go before any page of theirs, or null: a second factor their role requires (ACC-12). */
  detour(user: Principal): string | null;
  /** What a sensitive act asks this person for again: the code when they have a second factor (ACC-11). */
  proof(user: Principal): "password" | "code";
  /** Writes that this person read a page of people, once it has left (PRM-32). */
  noteReading?(req: Request, page: string): Promise<void>;
  /** Checks what `proof` asked for, counting failures like a sign-in. */
  confirm(req: Request, typed: string): Promise<boolean>;
}

/** `page` is the whole screen, `part` the fragment htmx asks for. */
export interface View {
  page: string;
  part?: string;
}

export type Tone = "success" | "warning" | "danger" | "primary";

export interface Notice {
  text: string;
  tone: Tone;
  action?: { href: string; label: string } | undefined;
}

declare global {
  namespace Express {
    interface User extends Principal {}
    interface Request {
      /** Unique; in each log line and each act of the request. */
      id: string;
      /** The few characters of `id` a person can read over the telephone. */
      reference: string;
      now: Date;
      readonly db: Database;
      readonly config: HttpConfig;
      /** Where files are kept, and how much of them. */
      readonly files: Files;
      /** Tries of an address (P53). */
      readonly count: Count;
    }
    interface Response {
      /** Renders the part when htmx asks for one, else the page; a refused form gives its own status. */
      show(view: View, data: object, options?: { status?: number }): void;
      /** A part that open pages ask again: the data is worked out and drawn once for all that is the same thing by this name. */
      showOnce(view: View & { part: string }, name: string, data: () => object): void;
      /**
       * After a change: 303 to `at` with the notice waiting there, or the part with the notice beside it; with `undo`,
       * the notice leads to the page that takes the act back (HIS-11).
       */
      saved(view: View, data: object, options: { at: string; notice: string; tone?: Tone; undo?: boolean }): void;
    }
  }
}

declare module "express-session" {
  interface SessionData {
    csrfSecret: string;
    passport: { user: { tenantId: string; id: string } };
  }
}
