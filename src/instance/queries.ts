import type { EntityManager } from "@mikro-orm/postgresql";
import { INSTANCE_ID, type StartStep } from "../accounts/index.ts";
import { ActRow, IdempotencyRow } from "../platform/db/changeset.ts";
import type { Database } from "../platform/db/index.ts";
import { type Assessed, assess, type Level, type Recorded, summarise } from "./assessment.ts";
import { CRITERIA } from "./criteria.ts";
import { CriterionResult } from "./criterion-result.ts";
import { deliveredText, KINDS, type Kind, PublicPage } from "./public-page.ts";

/** The whole grid as everybody may read it, before sign-in too. */
export async function publicGrid(db: Database): Promise<Assessed[]> {
  return assess(await db.lookup<Recorded>("criterion_results"));
}

/** Reads again what every page of the instance says of its accessibility (UIX-10). */
export async function declareLevel(db: Database, locals: { declaration?: Level }): Promise<void> {
  locals.declaration = summarise(await publicGrid(db)).level;
}

export interface PublicText {
  body: string;
  /** The instance has not written its own. */
  isDelivered: boolean;
}

/** The text of a public page, before sign-in too. */
export async function publicText(db: Database, kind: Kind): Promise<PublicText> {
  const [own] = await db.lookup<{ body: string }>("public_page", [kind]);
  return own ? { body: own.body, isDelivered: false } : { body: deliveredText(kind), isDelivered: true };
}

const hasAsked = async (em: EntityManager, code: string) => (await em.count(ActRow, { code })) > 0;

/** Reading history is no act; having it verified is one, so that is what a start list can tick. */
export async function historyStep(em: EntityManager): Promise<StartStep> {
  return {
    label: "Lire l’historique et le faire vérifier une fois",
    href: "/admin/historique",
    icon: "history",
    done: await hasAsked(em, "history.verification_asked"),
  };
}

/** What a super-admin has left to do on a new instance. */
export async function instanceSteps(em: EntityManager, db: Database): Promise<StartStep[]> {
  const tenants = await db.lookup<{ kind: string }>("tenants");
  const written = await em.count(PublicPage, {});
  const assessed = await em.count(CriterionResult, { status: { $ne: "non_evalue" } });
  return [
    {
      label: "Créer une première organisation et son administrateur",
      href: "/instance/organisations",
      icon: "building",
      done: tenants.some(({ kind }) => kind === "organisation"),
    },
    {
      label: "Relire les pages publiques et y mettre vos noms et vos adresses",
      href: "/instance/pages",
      icon: "file-text",
      done: written === Object.keys(KINDS).length,
    },
    {
      label: `Évaluer les ${CRITERIA.length} critères d’accessibilité (${assessed} sur ${CRITERIA.length})`,
      href: "/instance/accessibilite",
      icon: "accessibility",
      done: assessed === CRITERIA.length,
    },
  ];
}

const KEYS_KEPT_MS = 7 * 86_400_000;

/** Keys whose week is over leave: the same one would open a new request [GEN-6]. Gives how many left. */
export const sweepRequestKeys = (db: Database, { tenantId, now }: { tenantId: string; now: Date }): Promise<number> =>
  db.note(tenantId, (em) =>
    em.nativeDelete(IdempotencyRow, { createdAt: { $lt: new Date(now.getTime() - KEYS_KEPT_MS) } }),
  );

/** Rates of addresses that have not come back since yesterday. Gives how many windows left. */
export async function sweepRates(db: Database): Promise<number> {
  const [row] = await db.lookup<{ forget_hits: number }>("forget_hits");
  return row!.forget_hits;
}

/** Version, bytes and connections of the base, as any role may read them. */
export async function databaseFacts(
  em: EntityManager,
): Promise<{ version: string; size: number; used: number; most: number }> {
  const [row] = await em.execute<{ version: string; size: string; used: number; most: number }[]>(
    `select current_setting('server_version') as version, pg_database_size(current_database()) as size,
       (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as used,
       current_setting('max_connections')::int as most`,
  );
  return { ...row!, size: Number(row!.size) };
}

/** How many jobs wait, since when the oldest could have been taken, and how many gave up and wait for a person. */
export async function queueFacts(
  em: EntityManager,
): Promise<{ waiting: number; waitingSince: Date | null; failed: number }> {
  const [row] = await em.execute<{ waiting: number; since: string | null; failed: number }[]>(
    `select count(*) filter (where name not like '%.dead' and state < 'completed')::int as waiting,
       min(greatest(created_on, start_after)) filter (where name not like '%.dead' and state < 'active') as since,
       count(*) filter (where name like '%.dead')::int as failed
     from pgboss.job`,
  );
  const { waiting, since, failed } = row!;
  return { waiting, waitingSince: since === null ? null : new Date(since), failed };
}

/** Jobs of one queue that gave up and nobody was told of; `upTo`, when the last of them did. */
export interface Deaths {
  queue: string;
  count: number;
  upTo: string;
}

/** Queues whose deaths are to be told: new ones since the last telling, which was not today where the instance is. */
export const untoldDeaths = (em: EntityManager): Promise<Deaths[]> =>
  em.execute<Deaths[]>(
    `with told as (
       select e.payload ->> 'queue' as queue, max((e.payload ->> 'upTo')::timestamptz) as up_to, max(a.at) as at
       from act a join changeset c on c.act_id = a.id join event e on e.changeset_id = c.id and e.name = a.code
       where a.subject_type = 'tenant' and a.subject_id = ? and a.code = 'jobs.died' group by 1)
     select left(j.name, -5) as queue, count(*)::int as count, max(j.created_on)::text as "upTo"
     from pgboss.job j join tenant t on t.id = ? left join told on told.queue = left(j.name, -5)
     where j.name like '%.dead'
       and (told.queue is null or (j.created_on > told.up_to and told.at < date_trunc('day', app_now(), t.zone)))
     group by 1 order by 1`,
    [INSTANCE_ID, INSTANCE_ID],
  );

/** Makes the other processes wait that would tell of the same deaths. */
export async function holdTellings(em: EntityManager): Promise<void> {
  await em.execute("select pg_advisory_xact_lock(hashtextextended('jobs.died', 0))");
}
