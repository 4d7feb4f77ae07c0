/**
 * The refusals a verb may throw. Each carries a French sentence that says what to do now; the HTTP floor gives it
 * its status (GEN-7), a job writes it beside its failure. Nothing here knows HTTP.
 */

/** Invalid for a reason the person can mend; `field` names the control concerned (422). */
export class RuleBroken extends Error {
  override name = "RuleBroken";
  readonly field: string | undefined;
  constructor(message: string, field?: string) {
    super(message);
    this.field = field;
  }
}

/** More than the limit of a file, or than the room left to a person or an organisation (413). */
export class TooLarge extends RuleBroken {
  override name = "TooLarge";
}

/** The disk is at its floor: nothing was kept, what is there stays readable (507, F18). */
export class NoRoom extends RuleBroken {
  override name = "NoRoom";
  constructor(field?: string) {
    super(
      "Il ne reste plus assez de place sur le serveur pour ce fichier\u00a0; rien n’a été enregistré. Prévenez la personne qui administre l’instance, puis réessayez.",
      field,
    );
  }
}

/** The object does not exist for this person, or not at all: the two are never told apart (404). */
export class NotFound extends Error {
  override name = "NotFound";
  constructor(message = "Cette page n’existe pas, ou plus. Revenez à l’accueil ou utilisez le menu.") {
    super(message);
  }
}

/** Known object, act not allowed; the sentence says who can do it (403, UIX-13). */
export class Forbidden extends Error {
  override name = "Forbidden";
}

/** The state has moved since it was read: archived, stale version, seat taken (409). */
export class Conflict extends Error {
  override name = "Conflict";
}

/** Nothing was written, trying again in a moment may work (503). */
export class Unavailable extends Error {
  override name = "Unavailable";
}

/** Too many tries; `retryAfterSeconds` says when to come back (429). */
export class TooMany extends Error {
  override name = "TooMany";
  readonly retryAfterSeconds: number;
  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
