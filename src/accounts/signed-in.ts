import type { Principal } from "../platform/http/types.ts";
import type { PasswordPreset } from "./password.ts";
import type { Role } from "./roles.ts";

export interface SupportVisit {
  /** The account of the instance behind this one. */
  of: string;
  until: Date;
  /** What they have in the instance, and are asked for again here. */
  proof: "password" | "code";
}

declare module "../platform/http/types.ts" {
  interface PrincipalTenant {
    kind: "instance" | "organisation";
    passwordPreset: PasswordPreset;
    demo: boolean;
    /** Until when a support access is open, for who may close it [ROL-2]. */
    supportUntil: Date | null;
  }
  interface Principal {
    givenName: string;
    familyName: string;
    roles: Role[];
    /** Kinds of notification they do not want to be told (ACT-5). */
    silenced: string[];
    /** A super-admin inside an organisation that let them in [ROL-2]. */
    support: SupportVisit | null;
    /** Has a telephone enrolled, or must enrol one before anything else [ACC-12]. */
    secondFactor: "active" | "missing" | "none";
  }
}

/** The person behind a request: `req.user`. The platform knows a part of it; this file adds the rest. */
export type SignedIn = Principal;
