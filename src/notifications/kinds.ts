/** What may be told to a person, in the words of the page where they silence it (ACT-5). */
export const KINDS = [
  { kind: "rights", label: "Vos droits", hint: "Un administrateur change vos rôles.", icon: "shield" },
  {
    kind: "account",
    label: "Votre compte",
    hint: "Quelqu’un d’autre corrige ou déverrouille votre compte.",
    icon: "user",
  },
  {
    kind: "undone",
    label: "Vos actes annulés",
    hint: "Quelqu’un d’autre annule ce que vous aviez fait.",
    icon: "undo",
  },
  {
    kind: "jobs",
    label: "Travaux terminés",
    hint: "Un long travail que vous avez demandé prend fin, ou s’interrompt.",
    icon: "hourglass",
  },
  {
    kind: "files",
    label: "Vos fichiers refusés",
    hint: "L’antivirus refuse un fichier que vous avez envoyé.",
    icon: "alert-triangle",
  },
  {
    kind: "failures",
    label: "Messages en échec",
    hint: "Des messages de l’organisation n’ont pas pu partir. Une fois par jour, à qui administre.",
    icon: "mail",
  },
  {
    kind: "deaths",
    label: "Tâches en échec",
    hint: "Une tâche de l’instance a échoué à tous ses essais. Une fois par jour et par tâche, à qui tient l’instance.",
    icon: "list-check",
  },
  {
    kind: "prerequisites",
    label: "Prérequis à échéance",
    hint: "Un prérequis dont vous répondez est à faire sous trois jours, ou en retard depuis la veille.",
    icon: "flag",
  },
  {
    kind: "grants",
    label: "Habilitations sur une campagne",
    hint: "Quelqu’un vous ouvre une campagne, change ce que vous pouvez y faire, ou vous la ferme.",
    icon: "key",
  },
  {
    kind: "operations",
    label: "Opérations affectées ou retirées",
    hint: "Quelqu’un vous affecte des opérations, ou vous en retire.",
    icon: "list-check",
  },
] as const;

export type Kind = (typeof KINDS)[number]["kind"];

export const isKind = (word: string): word is Kind => KINDS.some(({ kind }) => kind === word);
