/**
 * Writes src/accounts/passwords/blocklist.txt: the passwords nobody may choose [ACC-5]. Run `node scripts/blocklist.ts`
 * after a change here or of the zxcvbn packages. Entries are stems in lower case without accents: the check removes
 * case, accents, digits and signs around them before it looks, so years and "!" need not be listed.
 */
import { writeFileSync } from "node:fs";
import { dictionary as common } from "@zxcvbn-ts/language-common";
import { dictionary as french } from "@zxcvbn-ts/language-fr";

const plain = (word: unknown) =>
  String(word).toLowerCase().normalize("NFD").replace(/\p{M}/gu, "").replaceAll("œ", "oe");

// Ranked lists: the head of each is what people really choose.
const ranked = (words: readonly unknown[], shortest: number, most: number) =>
  words
    .map(plain)
    .filter((word) => [...word].length >= shortest)
    .slice(0, most);

const ADMINISTRATION = `
  accueil administrateur administration agence agent agents annuaire armee assemblee bibliotheque budget bureau
  cabinet caisse cantine centre chef citoyen collectivite collectivites college commissariat commune communaute
  conseil conseildepartemental conseilregional courrier culture delegation departement departemental
  depute deputes direction directeur directrice dossier douane ecole education elections elu elus environnement
  etablissement etat etatcivil finances fonction fonctionnaire fonctionpublique formation foyer france francais francaise
  gendarmerie gestion gestionnaire gouvernement greffe guichet habitat hopital impots informatique inspection intendance
  interieur intranet justice legislation liberte egalite fraternite libertegalite
  libertegalitefraternite liberteegalitefraternite logement lycee mairie maire manager marchespublics marianne mediatheque
  metropole ministere ministre mission mobilite moyensgeneraux municipal municipalite mutuelle numerique office
  organisation paie parlement patrimoine perception permanence personnel planning police population prefecture prefet
  prefete president presidente prestataire projet proviseur public publique recensement recrutement rectorat regie region
  regional republique republiquefrancaise ressourceshumaines responsable salle sante secretaire secretariat securite
  senat senateur service services servicepublic servicespublics servicetechnique servicestechniques social solidarite
  sousprefecture stagiaire syndicat technicien telephone territoire travail tresor tresorerie tribunal
  universite urbanisme urgence usager usagers vacances ville voirie vivelafrance
  migration deploiement inventaire maintenance materiel imprimante ordinateur poste postedetravail reseau serveur
  supervision support utilisateur invite session ouverture connexion identifiant motdepasse monmotdepasse
  lemotdepasse motdepassetemporaire nouveaumotdepasse motdepasseprovisoire mdp mdptemporaire codesecret secret
  changemoi changezmoi achanger temporaire provisoire defaut pardefaut bienvenue bonjour bonsoir bonneannee salut
  coucou soleil doudou chouchou loulou amour jetaime jetaimefort monamour toujours famille maison jardin papillon
  princesse nicolas football rugby cyclisme petanque fromage baguette croissant chocolat cafecreme chat chien lapin
  tigre dauphin marseillaise allezlesbleus allezlesverts olympiquedemarseille parissaintgermain
  opstracker opstrack admin root demo test essai tests sesame ouvretoi sesameouvretoi azerty azertyuiop qwerty
  qwertyuiop mercredi superadmin superadministrateur`
  .split(/\s+/)
  .filter(Boolean);

// The names most given in France in the last century; the dictionary of zxcvbn is not ranked, these are chosen by hand.
const GIVEN_NAMES = `
  marie jean pierre michel jeanne philippe alain nathalie isabelle sylvie catherine nicolas christophe monique christian
  jacques francoise patrick laurent martine christine bernard valerie sandrine daniel stephane celine julien sebastien
  andre thierry nicole thomas frederic eric bruno dominique pascal gerard olivier veronique stephanie claude anthony
  alexandre patricia brigitte david corinne sophie aurelie emilie camille caroline virginie julie charlotte manon lea
  chloe emma ines jade louise alice lina sarah laura marine pauline mathilde lucie clara amelie anais justine elodie
  melanie audrey jessica vanessa delphine karine severine florence agnes helene annie josiane jacqueline denise yvette
  simone germaine madeleine suzanne marguerite lucas hugo louis gabriel arthur nathan enzo theo maxime clement romain
  benjamin alexis quentin kevin jeremy guillaume vincent mathieu matthieu damien fabien cedric ludovic gregory
  jerome franck herve yves marcel roger rene robert henri georges albert emile mohamed karim samir rachid fatima samira
  nadia yasmine leila`
  .split(/\s+/)
  .filter(Boolean);

const SEASONS = ["printemps", "ete", "automne", "hiver"];
const MONTHS = "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre".split(" ");
const DAYS = "lundi mardi mercredi jeudi vendredi samedi dimanche".split(" ");
const CITIES = `paris marseille lyon toulouse nice nantes montpellier strasbourg bordeaux lille rennes reims toulon
  saintetienne lehavre grenoble dijon angers villeurbanne nimes clermontferrand aixenprovence lemans brest tours amiens
  limoges annecy perpignan metz besancon orleans rouen mulhouse caen nancy argenteuil montreuil saintdenis roubaix
  tourcoing avignon dunkerque creteil poitiers versailles nanterre colmar lorient laval bayonne pau bourges quimper
  valence chambery niort troyes ajaccio bastia larochelle cherbourg cayenne fortdefrance pointeapitre mamoudzou noumea
  papeete`.split(/\s+/);
const DEPARTMENTS = `ain aisne allier ardeche ardennes ariege aube aude aveyron calvados cantal charente cher correze
  cotedor cotesdarmor creuse dordogne doubs drome eure finistere gard gers gironde herault indre isere jura landes
  loire loiret lot lozere manche marne mayenne meuse morbihan moselle nievre nord oise orne pasdecalais rhone sarthe
  savoie somme tarn var vaucluse vendee vienne vosges yonne essonne yvelines reunion guadeloupe martinique guyane
  mayotte bretagne normandie occitanie alsace lorraine picardie aquitaine auvergne bourgogne corse`.split(/\s+/);

const possessions = ["mon", "ma", "le", "la", "notre"].flatMap((start) =>
  ["service", "mairie", "ville", "bureau", "poste", "maison", "equipe"].map((word) => start + word),
);
const places = [
  ...CITIES.flatMap((city) => [
    city,
    ...["ville", "mairie", "metropole", "prefecture"].flatMap((a) => [`${a}${city}`, `${a}de${city}`]),
  ]),
  ...DEPARTMENTS.flatMap((name) => [name, `prefecture${name}`, `departement${name}`, `conseildepartemental${name}`]),
];
const dates = [...SEASONS, ...MONTHS, ...DAYS].flatMap((word) => [word, `bon${word}`, `joli${word}`, `${word}${word}`]);

// Fingers that slide along an AZERTY keyboard: runs of a row, both ways, twice over, and zigzags between two rows.
const ROWS = ["1234567890", "azertyuiop", "qsdfghjklm", "wxcvbn", "qwertyuiop", "asdfghjkl", "zxcvbnm"];
const backwards = (text: string) => [...text].reverse().join("");
const runs = ROWS.flatMap((row) =>
  [row, backwards(row)].flatMap((line) => {
    const parts: string[] = [];
    for (let from = 0; from < line.length; from++)
      for (let to = from + 4; to <= line.length; to++) parts.push(line.slice(from, to));
    return parts;
  }),
);
const zip = (a: string, b: string) => [...a].map((letter, i) => letter + (b[i] ?? "")).join("");
const zigzags = ROWS.flatMap((a, i) =>
  ROWS.filter((_, j) => Math.abs(i - j) === 1).flatMap((b) =>
    [3, 4, 5, 6, 8, 10].flatMap((length) => [zip(a.slice(0, length), b), zip(b.slice(0, length), a)]),
  ),
);
const columns = [
  "1aqw",
  "2zsx",
  "3edc",
  "4rfv",
  "5tgb",
  "6yhn",
  "1qaz",
  "2wsx",
  "azeqsdwxc",
  "aqwzsxedc",
  "aqwzsxedcrfv",
];
const digits = ["1234567890", "0123456789", "0987654321", "9876543210"].flatMap((round) =>
  Array.from({ length: 19 }, (_, more) => (round + round + round).slice(0, 6 + more)),
);
const walks = [
  ...runs,
  ...runs.filter((run) => run.length <= 8).map((run) => run + run),
  ...zigzags,
  ...columns,
  ...columns.slice(0, 6).map((column, i) => column + (columns[i + 1] ?? "")),
  ...digits,
  "123456123456",
  "azertyqsdfgh",
  "azertyqsdfghwxcvbn",
  "azertyuiopqsdfghjklm",
  "azertyuiopqsdfghjklmwxcvbn",
];

const entries = new Set(
  [
    ...ranked(common["passwords-common"] ?? [], 4, 3000),
    ...ranked(common["passwords-common"] ?? [], 8, 6000),
    ...ranked(common["passwords-common"] ?? [], 12, 400),
    ...ranked(french["commonWords-fr"], 7, 1500),
    ...GIVEN_NAMES,
    ...ADMINISTRATION,
    ...possessions,
    ...places,
    ...dates,
    ...walks,
  ]
    .map(plain)
    .filter((entry) => /^[!-~]+$/.test(entry) && entry.length >= 3),
);

const header = `# Passwords nobody may choose [ACC-5], written by scripts/blocklist.ts. One stem a line, lower case, no accent.
# Ranked entries come from the MIT-licensed dictionaries of zxcvbn-ts (language-common, language-fr).
`;
const file = new URL("../src/accounts/passwords/blocklist.txt", import.meta.url);
writeFileSync(
  file,
  `${header}${[...entries]
    .filter((entry) => !entry.startsWith("#"))
    .sort()
    .join("\n")}\n`,
);
console.log(`${entries.size} entrées écrites dans ${file.pathname}`);
