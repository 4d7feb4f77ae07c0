import type { EntitySchema } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { Answer, Database } from "./db/index.ts";
import type { Tracked, Untracked } from "./db/tracking.ts";
import type { EventCatalogue, Reaction, Subscription } from "./events/catalogue.ts";
import type { Route } from "./http/route.ts";
import type { Principal } from "./http/types.ts";
import type { Schedule } from "./jobs/tick.ts";
import type { LiveTopic, TopicSource } from "./live/news.ts";
import type { MailKind } from "./mail/kinds.ts";
import type { ExportProfile } from "./sheets/export.ts";
import type { ImportConcern, ImportProfile } from "./sheets/profile.ts";
import type { FilePurpose } from "./storage/purpose.ts";
import type { Vitals } from "./vitals.ts";

/** One line of the side menu; shown to whom the right is granted. */
export interface MenuEntry {
  section: "Accueil" | "Piloter" | "Administrer" | "Instance";
  label: string;
  href: string;
  icon: string;
  right: string;
  order: number;
}

/** Lines of the side menu that are each reader's own: what they are is asked along with what their page reads (shortcuts.ts). */
export interface Shortcuts {
  title: string;
  icon: string;
  ask(em: EntityManager, reader: Principal): Promise<Answer<{ label: string; href: string }>>;
}

/** How the rest of the product speaks of an object it knows only as `{type, id}` (rulings 17). */
export interface Subject {
  /** "compte", "organisation": the French noun, singular. */
  noun: string;
  icon: string;
  /** The permission that opens the object's own history. */
  right: string;
  /** Where that depends on the object and its reader: decides in place of `right`; a no is told as an object that is not there. */
  isOpenTo?(em: EntityManager, reader: Principal, id: string): Promise<boolean>;
  /**
   * How its own page of history tells what changed of it, where the manifest cannot know: a column by its name, a key of a
   * keyed one as "values.salle". Null for what this reader may not read, undefined to leave it to the manifest. Without it
   * that page tells acts alone.
   */
  reads?(
    em: EntityManager,
    reader: Principal,
    id: string,
    sides: readonly Record<string, unknown>[],
  ): Promise<(name: string, value: unknown) => { label: string; text: string } | null | undefined>;
  /** Address of the object's page, or null when it has none. */
  url(id: string): string | null;
  /** The object's present name, or null when this tenant has no such object. */
  label(em: EntityManager, id: string): Promise<string | null>;
}

/**
 * Whether this reader may take back what others did to this object, where their roles alone do not tell [PRM-25]; `imports`
 * are those of all modules.
 */
export type Governs = (
  em: EntityManager,
  reader: Principal,
  id: string,
  known: { imports: ReadonlyMap<string, ImportProfile> },
) => Promise<boolean>;

/** Reads again, into what all requests of a process share, something it keeps in memory of the tables. */
export type ReadAgain = (db: Database, locals: Record<string, unknown>) => Promise<void>;

/** What a module brings to the product: plain data, listed once in src/modules.ts. */
export type HelpOf = (screen: string) => { href: string; title: string } | null;

export interface Module {
  name: string;
  entities?: EntitySchema[];
  tracked?: Tracked[];
  untracked?: Untracked[];
  routes?: Route[];
  events?: EventCatalogue;
  reactions?: Reaction[];
  subscriptions?: Subscription[];
  schedules?: Schedule[];
  menu?: MenuEntry[];
  shortcuts?: Shortcuts[];
  subjects?: Record<string, Subject>;
  /** Who governs what an act may be about, by its type. */
  governs?: Record<string, Governs>;
  /** What it keeps under VAR_DIR beside the database: saved, restored and erased with it. */
  folders?: string[];
  /** The uses files have in it. */
  files?: FilePurpose[];
  /** What people may bring in by a file of rows. */
  imports?: ImportProfile[];
  /** What it holds that rows missing from an import's file would leave behind. */
  importConcerns?: ImportConcern[];
  /** What people may take away in a file of rows. */
  exports?: ExportProfile[];
  /** The messages it causes, for the sender and the screens of the outbox. */
  mails?: MailKind[];
  /** The page of help of a screen, by the address its route declares (UIX-12); one module has them all. */
  helpOf?: HelpOf;
  /** Its part of the page that says how the instance is. */
  vitals?: Vitals[];
  /** What pages may follow live, by the word of their address. */
  live?: Record<string, LiveTopic>;
  /** Which live topics a sealed changeset concerns. */
  topicSources?: TopicSource[];
  /** What each process keeps in memory: read again every minute, and at once where an act is undone. */
  inMemory?: ReadAgain[];
}
