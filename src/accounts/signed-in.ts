import type { Principal } from "../platform/http/types.ts";
import type { PasswordPreset } from "./password.ts";
import type { Role } from "./roles.ts";

declare module "../platform/http/types.ts" {
  interface PrincipalTenant {
    kind: "instance" | "organisation";
    passwordPreset: PasswordPreset;
    demo: boolean;
  }
  interface Principal {
    givenName: string;
    familyName: string;
    roles: Role[];
    /** Kinds of notification they do not want to be told (ACT-5). */
    silenced: string[];
    /** Has a telephone enrolled, or must enrol one before anything else [ACC-12]. */
    secondFactor: "active" | "missing" | "none";
  }
}

/** The person behind a request: `req.user`. The platform knows a part of it; this file adds the rest. */
export type SignedIn = Principal;
