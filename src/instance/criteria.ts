/**
 * The 106 criteria of RGAA 4.1 by number and theme, the titles in our own words. A criterion's level is the lowest
 * among the WCAG criteria it stands on: failing it fails at least that level.
 */
export interface Criterion {
  /** "10.11", the key of a recorded result. */
  number: string;
  theme: number;
  level: "A" | "AA";
  title: string;
  /** RGAA tests that rules of axe-core cover in part, as its tags name them; run on every page at each version. */
  axe: readonly string[];
  /** What else is checked by machine at each version. */
  checked: string | null;
  /** Why the product as delivered should hardly meet the case; a remark for the assessor, never a verdict. */
  remark: string | null;
}

export const THEMES = [
  "Images",
  "Cadres",
  "Couleurs",
  "Multimédia",
  "Tableaux",
  "Liens",
  "Scripts",
  "Éléments obligatoires",
  "Structuration de l’information",
  "Présentation de l’information",
  "Formulaires",
  "Navigation",
  "Consultation",
] as const;

// Theme by theme, in order; "AA " marks the level, anything else is A.
const TITLES: readonly (readonly string[])[] = [
  [
    "Une image qui informe a une alternative textuelle",
    "Une image décorative est ignorée par les aides techniques",
    "L’alternative d’une image dit ce que l’image apporte",
    "L’alternative d’un test visuel dit à quoi il sert",
    "Un test visuel a une autre voie pour être passé",
    "Une image complexe a une description détaillée",
    "La description détaillée d’une image est juste",
    "AA Un texte n’est pas mis en image s’il peut être écrit",
    "La légende d’une image lui est rattachée",
  ],
  ["Un cadre intégré porte un titre", "Le titre d’un cadre dit ce qu’il contient"],
  [
    "La couleur n’est jamais seule à porter une information",
    "AA Le texte se détache assez de son fond",
    "AA Les commandes et les graphiques se détachent assez de leur fond",
  ],
  [
    "Un son ou une vidéo a une transcription ou une audiodescription",
    "Cette transcription ou cette audiodescription est juste",
    "Une vidéo parlée a des sous-titres synchronisés",
    "Ces sous-titres sont justes",
    "Une vidéo a une audiodescription quand l’image porte du sens",
    "Cette audiodescription est juste",
    "Un son ou une vidéo s’identifie par le texte qui l’entoure",
    "Un média sans durée a une alternative",
    "Cette alternative est juste",
    "Un son qui démarre seul peut être arrêté",
    "La lecture d’un média se commande au clavier et à la souris",
    "Un média sans durée se commande au clavier et à la souris",
    "Les médias sont compris par les aides techniques",
  ],
  [
    "Un tableau de données complexe a un résumé",
    "Ce résumé aide à le lire",
    "Un tableau de mise en page se lit encore à plat",
    "Le titre d’un tableau de données lui est rattaché",
    "Le titre d’un tableau dit ce qu’il contient",
    "Les en-têtes de lignes et de colonnes sont déclarés",
    "Chaque cellule est reliée à ses en-têtes",
    "Un tableau de mise en page n’emploie pas les balises des données",
  ],
  ["Un lien dit où il mène", "Un lien a toujours un intitulé"],
  [
    "Un composant animé par script est compris par les aides techniques",
    "L’alternative d’un script est juste",
    "Un script se commande au clavier et à la souris",
    "Un changement de contexte est annoncé ou commandé",
    "AA Les messages d’état sont restitués sans déplacer le focus",
  ],
  [
    "Le type du document est déclaré",
    "Le code produit est valide",
    "La langue de la page est déclarée",
    "La langue déclarée est la bonne",
    "La page a un titre de fenêtre",
    "Ce titre dit où l’on est",
    "AA Un passage en langue étrangère est signalé",
    "AA La langue de ce passage est la bonne",
    "Aucune balise n’est détournée pour son seul aspect",
    "Le sens de lecture est signalé quand il change",
  ],
  [
    "Les titres de la page forment un plan",
    "Les grandes zones de la page sont structurées",
    "Les listes sont de vraies listes",
    "Les citations sont de vraies citations",
  ],
  [
    "L’aspect est donné par des feuilles de style",
    "Sans feuille de style, rien de visible ne se perd",
    "Sans feuille de style, la lecture garde un sens",
    "AA Le texte reste lisible agrandi à 200 %",
    "AA Couleur de texte et couleur de fond sont déclarées ensemble",
    "Un lien dans un texte se voit autrement que par sa couleur",
    "L’élément actif au clavier se voit",
    "Un contenu caché l’est à bon droit pour les aides techniques",
    "Forme, taille et position ne portent pas seules une information",
    "L’information donnée par la forme ou la position est reprise autrement",
    "AA La page se lit à 320 pixels de large sans défilement horizontal",
    "AA L’espacement du texte peut être augmenté sans perte",
    "AA Un contenu apparu au survol ou au focus reste maîtrisable",
    "Un contenu apparu par le style seul s’obtient aussi au clavier",
  ],
  [
    "Un champ a une étiquette",
    "L’étiquette dit ce qui est attendu",
    "AA Un même champ garde la même étiquette partout",
    "L’étiquette est à côté de son champ",
    "Les champs de même nature sont groupés",
    "Un groupe de champs a une légende",
    "Cette légende est juste",
    "Les choix d’une liste sont groupés quand il le faut",
    "L’intitulé d’un bouton dit ce qu’il fait",
    "Les champs obligatoires, les formats et les erreurs sont dits",
    "AA Une erreur est accompagnée d’une aide pour la corriger",
    "AA Un envoi lourd de conséquences peut être vérifié, corrigé ou défait",
    "AA Les champs sur la personne se remplissent automatiquement",
  ],
  [
    "AA Deux moyens au moins mènent aux pages",
    "AA Le menu est toujours à la même place",
    "AA Le plan du site est juste",
    "AA Le plan du site s’atteint partout de la même façon",
    "AA La recherche s’atteint partout de la même façon",
    "Les zones répétées peuvent être atteintes ou passées",
    "Un lien mène droit au contenu",
    "L’ordre de tabulation suit la lecture",
    "Le clavier n’est retenu nulle part",
    "Un raccourci d’une seule touche peut être coupé ou changé",
    "Un contenu apparu au survol ou au focus s’atteint au clavier",
  ],
  [
    "Une limite de temps peut être prolongée ou levée",
    "Aucune fenêtre ne s’ouvre sans être demandée",
    "Un document à télécharger a une version accessible",
    "Cette version dit la même chose",
    "Une suite de signes obscure a une alternative",
    "Cette alternative est juste",
    "Rien ne clignote ni n’éblouit dangereusement",
    "Ce qui bouge ou clignote peut être arrêté",
    "AA La page se lit dans les deux sens de l’écran",
    "Un geste complexe a son équivalent simple",
    "Une action au pointeur peut être annulée",
    "Un mouvement de l’appareil n’est jamais la seule voie",
  ],
];

// Tags RGAA-x.y.z of the installed axe-core; a test compares them, so an upgrade that covers more is seen.
const AXE_TESTS =
  `1.1.1 1.1.2 1.1.3 1.1.4 1.1.5 1.1.6 2.1.1 2.2.1 3.2.1 4.3.1 4.10.1 5.2.1 5.4.1 5.7.1 5.7.4 6.1.5 6.2.1
  7.1.1 7.3.2 8.2.1 8.3.1 8.4.1 8.5.1 8.8.1 9.1.3 9.2.1 9.3.1 9.3.3 10.4.2 10.6.1 10.8.1 11.1.1 11.2.1 11.9.1 11.13.1
  12.7.1 12.8.1 13.1.2 13.8.1 13.9.1`.split(/\s+/);

const CHECKED: Record<string, string> = {
  "3.2": "Le rapport de contraste de chaque couple texte et fond est calculé dans les deux thèmes.",
  "3.3": "Le rapport de contraste des bordures, des icônes et du focus est calculé dans les deux thèmes.",
  "8.1": "Le vérificateur HTML passe sur chaque page.",
  "8.2": "Le vérificateur HTML passe sur chaque page, après ses mises à jour partielles aussi.",
  "8.5": "Chaque page est visitée pour s’assurer que son titre existe et n’est à aucune autre.",
  "8.6": "Chaque page est visitée pour s’assurer que son titre n’est à aucune autre.",
  "9.1": "Chaque page est visitée pour s’assurer qu’elle a un titre de premier niveau et un seul.",
  "10.11": "Chaque page est ouverte à 320 pixels de large pour s’assurer que rien ne déborde.",
  "12.3": "Le plan est produit à partir des adresses réelles ; un parcours vérifie que chacune répond.",
  "12.8": "Chaque page est parcourue à la touche de tabulation.",
  "12.9": "Chaque page est parcourue à la touche de tabulation, du premier au dernier élément.",
};

const NO_MEDIA = "Le produit livré ne contient ni son ni vidéo.";
const REMARKS: Record<string, string> = {
  "1.4": "Le produit n’emploie pas de test visuel (captcha).",
  "1.5": "Le produit n’emploie pas de test visuel (captcha).",
  "2.1": "Le produit livré n’intègre aucun cadre.",
  "2.2": "Le produit livré n’intègre aucun cadre.",
  ...Object.fromEntries(Array.from({ length: 13 }, (_, i) => [`4.${i + 1}`, NO_MEDIA])),
  "5.3": "Aucun tableau ne sert à la mise en page.",
  "5.8": "Aucun tableau ne sert à la mise en page.",
  "13.12": "Aucune fonction ne dépend d’un mouvement de l’appareil.",
};

export const CRITERIA: readonly Criterion[] = TITLES.flatMap((titles, i) =>
  titles.map((title, j) => {
    const number = `${i + 1}.${j + 1}`;
    return {
      number,
      theme: i + 1,
      level: title.startsWith("AA ") ? "AA" : "A",
      title: title.replace(/^AA /, ""),
      axe: AXE_TESTS.filter((one) => one.startsWith(`${number}.`)),
      checked: CHECKED[number] ?? null,
      remark: REMARKS[number] ?? null,
    };
  }),
);

export const findCriterion = (number: string): Criterion | undefined =>
  CRITERIA.find((criterion) => criterion.number === number);
