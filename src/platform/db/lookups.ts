/**
 * The reviewed list of SECURITY DEFINER functions (P05): those of schema `lookup`, owned by the NOLOGIN role of that
 * name, read what must be known before the tenant is (rulings 3); the others write history on behalf of triggers.
 */
export const DEFINER_FUNCTIONS: Record<string, string> = {
  "lookup.session": "a cookie, before we know whose it is",
  "lookup.visitor":
    "the same, with what each page shows of its reader, the count of what they have not read and an open support access included",
  "lookup.open_sessions": "which streams of a process must close, whatever their tenants (LIV-6)",
  "lookup.accounts": "an e-mail at sign-in, which may have accounts in several tenants (TEN-3)",
  "lookup.access_link": "the token of an invitation or set-up link",
  "lookup.tenants": "the list jobs loop over, and whether the base is empty",
  "lookup.personas": "one-click sign-in, accounts of demo tenants only (rulings 26)",
  "lookup.has_super_admin": "whether the set-up link must be printed (INS-1)",
  "lookup.unsealed": "which tenants wait for the sealer",
  "lookup.due_mail": "which organisations have messages to send, those on hold apart, and their name, which signs them",
  "lookup.mail_hold": "whether messages are held after a restore, and how many wait, for all organisations",
  "lookup.mail_health": "figures of all outboxes, without content, on the page of the instance (INS-4)",
  "lookup.public_logo": "the picture above the sign-in form: of the only organisation, else of the instance",
  "lookup.pending_files": "which files wait for the scanner, by id alone",
  "lookup.history_health": "figures of all organisations, without content, on the page of the instance (INS-4)",
  "lookup.outbox_states": "how many messages stand in each state, a figure for the metrics of the instance",
  "lookup.job_runs": "the last run of each scheduled job in each organisation, on the page of jobs",
  "lookup.hit": "rates of addresses that have not signed in (ACC-4)",
  "lookup.forget_hits": "rates of yesterday, which belong to no tenant and help nobody",
  "lookup.public_page": "pages everybody may read: accessibility, legal notice, privacy, contact",
  "lookup.criterion_results": "the self-assessment shown on the public accessibility page",
  "public.purge_history": "acts older than the organisation keeps, which it refuses to take for granted (HIS-17)",
  "public.refresh_statistics": "ANALYZE, which only an owner may ask: it reads samples, and gives nothing back",
  "public.take_imprint": "the digest of a changeset, which the application may read but not write",
};

/** Tables without `tenant_id`, each with the reason why no row of it belongs to a tenant. */
export const TENANTLESS_TABLES: Record<string, string> = {
  rate_hit: "counts addresses before any tenant is known; reached through lookup.hit alone",
  mikro_orm_migrations: "what has been migrated; the application cannot read it",
};
