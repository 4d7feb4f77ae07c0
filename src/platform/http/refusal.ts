/** A refusal of the HTTP floor itself, with all an error page says. */
export class Refusal extends Error {
  override name = "Refusal";
  readonly status: number;
  readonly heading: string;
  readonly remedy: string;
  constructor(status: number, heading: string, sentence: string, remedy: string) {
    super(sentence);
    this.status = status;
    this.heading = heading;
    this.remedy = remedy;
  }

  static notFound() {
    return new Refusal(
      404,
      "Page introuvable",
      "Cette page n’existe pas, ou plus.",
      "Vérifiez l’adresse, ou reprenez depuis l’accueil.",
    );
  }

  static unreadable() {
    return new Refusal(
      415,
      "Format refusé",
      "Le serveur n’accepte ici que l’envoi d’un formulaire.",
      "Envoyez le formulaire depuis sa page, dans un navigateur.",
    );
  }
}
