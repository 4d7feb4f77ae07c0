import type { EntitySchema } from "@mikro-orm/core";
import type { Tracked, Untracked } from "./db/tracking.ts";
import type { EventCatalogue, Reaction, Subscription } from "./events/catalogue.ts";
import type { Route } from "./http/route.ts";
import type { Schedule } from "./jobs/tick.ts";
import type { LiveTopic, TopicSource } from "./live/news.ts";
import type { MailKind } from "./mail/kinds.ts";
import type { Governs, HelpOf, MenuEntry, Module, ReadAgain, Shortcuts, Subject } from "./module.ts";
import type { ExportProfile } from "./sheets/export.ts";
import type { ImportConcern, ImportProfile } from "./sheets/profile.ts";
import type { FilePurpose } from "./storage/purpose.ts";
import type { Vitals } from "./vitals.ts";

/** All the modules declare, gathered once: what reaches upward reads it here instead of importing (rulings 17). */
export interface Registry {
  entities: EntitySchema[];
  tracked: Tracked[];
  untracked: Untracked[];
  routes: Route[];
  events: EventCatalogue;
  reactions: Reaction[];
  subscriptions: Subscription[];
  schedules: Schedule[];
  menu: MenuEntry[];
  shortcuts: Shortcuts[];
  subjects: Map<string, Subject>;
  governs: Map<string, Governs>;
  folders: string[];
  files: Map<string, FilePurpose>;
  imports: Map<string, ImportProfile>;
  importConcerns: ImportConcern[];
  exports: Map<string, ExportProfile>;
  mails: Map<string, MailKind>;
  helpOf: HelpOf;
  vitals: Vitals[];
  live: Map<string, LiveTopic>;
  topicSources: TopicSource[];
  inMemory: ReadAgain[];
}

const unique = <T>(what: string, entries: [string, T][]): Map<string, T> => {
  const map = new Map<string, T>();
  for (const [name, value] of entries) {
    if (map.has(name)) throw new Error(`Two modules declare the ${what} "${name}": rename one.`);
    map.set(name, value);
  }
  return map;
};

/** Throws when two modules claim the same event, table or subject, or when one reacts to an event nobody declares. */
export function createRegistry(modules: Module[]): Registry {
  const all = <K extends keyof Module>(key: K) =>
    modules.flatMap((module) => (module[key] ?? []) as NonNullable<Module[K]> & unknown[]);
  const events = unique(
    "event",
    modules.flatMap((module) => Object.entries(module.events ?? {})),
  );
  const reactions = all("reactions") as Reaction[];
  const subscriptions = all("subscriptions") as Subscription[];
  for (const { on } of [...reactions, ...subscriptions]) {
    if (!events.has(on)) throw new Error(`"${on}" is reacted to and declared by no module: add it to an events.ts.`);
  }
  const tracked = all("tracked") as Tracked[];
  unique(
    "tracked table",
    tracked.map((one) => [one.table, one]),
  );
  return {
    entities: all("entities") as EntitySchema[],
    tracked,
    untracked: all("untracked") as Untracked[],
    routes: all("routes") as Route[],
    events: Object.fromEntries(events),
    reactions,
    subscriptions,
    schedules: all("schedules") as Schedule[],
    menu: (all("menu") as MenuEntry[]).toSorted((a, b) => a.order - b.order),
    shortcuts: all("shortcuts") as Shortcuts[],
    vitals: all("vitals") as Vitals[],
    governs: unique(
      "governed type",
      modules.flatMap((module) => Object.entries(module.governs ?? {})),
    ),
    subjects: unique(
      "subject",
      modules.flatMap((module) => Object.entries(module.subjects ?? {})),
    ),
    folders: all("folders") as string[],
    files: unique(
      "use of files",
      modules.flatMap((module) => (module.files ?? []).map((one) => [one.purpose, one])),
    ),
    imports: unique(
      "import",
      modules.flatMap((module) => (module.imports ?? []).map((profile) => [profile.kind, profile])),
    ),
    importConcerns: all("importConcerns") as ImportConcern[],
    exports: unique(
      "export",
      modules.flatMap((module) => (module.exports ?? []).map((profile) => [profile.kind, profile])),
    ),
    mails: unique(
      "mail",
      modules.flatMap((module) => (module.mails ?? []).map((mail) => [mail.kind, mail])),
    ),
    helpOf: modules.find(({ helpOf }) => helpOf)?.helpOf ?? (() => null),
    live: unique(
      "live topic",
      modules.flatMap((module) => Object.entries(module.live ?? {})),
    ),
    topicSources: all("topicSources") as TopicSource[],
    inMemory: all("inMemory") as ReadAgain[],
  };
}
