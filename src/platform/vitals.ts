import type { Services } from "./services.ts";

/** `told`: a fact nobody has to judge. `unknown`: it could not be looked at. */
export type Health = "ok" | "warning" | "failing" | "unknown" | "told";

/** One line of the page that says how the instance is (INS-4). No secret, no address that holds one. */
export interface Vital {
  label: string;
  state: Health;
  value: string;
  /** What to do about it; always given when `state` is "warning" or "failing". */
  remedy?: string;
}

export interface Looked {
  /** The organisation of who looks: that of the instance. */
  tenantId: string;
  zone: string;
  now: Date;
}

/** What a module knows of its own health; the page draws them in order. */
export interface Vitals {
  title: string;
  order: number;
  look(services: Services, about: Looked): Promise<Vital[]>;
}
