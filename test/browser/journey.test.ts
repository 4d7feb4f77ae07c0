import assert from "node:assert/strict";
import { test } from "node:test";
import type { BrowserContextOptions, Locator, Page } from "playwright-core";
import { contextOf, listen, overflowOf, startChromium } from "../support/browser.ts";
import { idIn, makeCampaign } from "../support/campaigns.ts";
import { TEST_PASSWORD } from "../support/cluster.ts";
import { csvText } from "../support/sheets.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const chromium = await startChromium();

/** How this person acts on a page. */
interface Hands {
  press(page: Page, target: Locator): Promise<void>;
  type(page: Page, field: Locator, text: string): Promise<void>;
  tick(page: Page, box: Locator): Promise<void>;
}

const MOUSE: Hands = {
  press: (_page, target) => target.click(),
  type: (_page, field, text) => field.fill(text),
  tick: (_page, box) => box.check(),
};

/** Runs in the page: the test program has no DOM types. */
const isFocused = (element: unknown) =>
  (globalThis as unknown as { document: { activeElement: unknown } }).document.activeElement === element;

/** Tab until there: nobody is told where things are. */
async function reach(page: Page, target: Locator): Promise<void> {
  const wanted = await target.elementHandle();
  for (let press = 0; press < 120; press++) {
    if (await wanted!.evaluate(isFocused)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab ne mène pas à ${target}`);
}

const KEYBOARD: Hands = {
  async press(page, target) {
    await reach(page, target);
    await page.keyboard.press("Enter");
  },
  async type(page, field, text) {
    await reach(page, field);
    await page.keyboard.press("Control+A");
    await page.keyboard.type(text);
  },
  async tick(page, box) {
    await reach(page, box);
    await page.keyboard.press("Space");
  },
};

interface Manner {
  title: string;
  hands: Hands;
  options: BrowserContextOptions;
  familyName: string;
}

const MANNERS: Manner[] = [
  { title: "à la souris", hands: MOUSE, options: {}, familyName: "Castel" },
  { title: "sans JavaScript", hands: MOUSE, options: { javaScriptEnabled: false }, familyName: "Delmas" },
  {
    title: "au clavier seul, à 320 px, en sombre",
    hands: KEYBOARD,
    options: { viewport: { width: 320, height: 800 }, colorScheme: "dark" },
    familyName: "Evrard",
  },
];

for (const { title, hands, options, familyName } of MANNERS) {
  test(`parcours ${title} : se connecter, inviter, être invité, corriger, lire l’historique, imprimer`, async () => {
    const email = `lea.${familyName.toLowerCase()}@quais.example`;
    const chosen = "sept-tuiles-rouges-au-soleil";
    const context = await contextOf(chromium, world, "anonymous", options);
    const page = await context.newPage();
    const complaints = listen(page, world.origin);
    const heading = async (name: string | RegExp, on: Page = page) => {
      await on.getByRole("heading", { level: 1, name }).waitFor();
      await on.waitForLoadState();
    };
    const narrow = async (on: Page) => {
      if (options.viewport?.width === 320) assert.ok((await overflowOf(on)) <= 0, on.url());
    };
    const menu = async (label: string) => {
      if (options.viewport?.width === 320) {
        await hands.press(page, page.getByRole("button", { name: "Menu", exact: true }));
      }
      await hands.press(
        page,
        page.getByRole("navigation", { name: "Menu principal" }).getByRole("link", { name: label, exact: true }),
      );
    };
    const signIn = async (on: Page, address: string, password: string) => {
      await hands.type(on, on.getByLabel(/^Adresse/), address);
      await hands.type(on, on.locator("input[name=password]"), password);
      await hands.press(on, on.getByRole("button", { name: "Me connecter" }));
    };

    await page.goto(`${world.origin}/admin/utilisateurs`);
    await heading("Connexion");
    await signIn(page, (await world.userOf("denis")).email, TEST_PASSWORD);
    await heading("Utilisateurs");
    await menu("Accueil");
    await heading(/./);
    await menu("Utilisateurs");
    await heading("Utilisateurs");
    await narrow(page);

    await hands.press(page, page.getByRole("link", { name: "Inviter une personne" }));
    await heading("Inviter une personne");
    await hands.type(page, page.locator("input[name=givenName]"), "Léa");
    await hands.type(page, page.locator("input[name=familyName]"), familyName);
    await hands.type(page, page.locator("input[name=email]"), email);
    await hands.tick(page, page.locator("input[name=roles][value=technician]"));
    await narrow(page);
    await hands.press(page, page.getByRole("button", { name: "Inviter et obtenir le lien" }));
    await heading(/lien d’invitation de Léa/);
    await narrow(page);
    const link = (await page.content()).match(/https?:\/\/[^"<\s]+\/invitation\/[\w-]{43}/)?.[0];
    assert.ok(link, "la page qui suit l’invitation donne le lien");

    // The colleague, elsewhere.
    const theirs = await contextOf(chromium, world, "anonymous", options);
    const there = await theirs.newPage();
    const theirComplaints = listen(there, world.origin);
    await there.goto(link);
    await heading(/Bienvenue, Léa/, there);
    await narrow(there);
    await hands.type(there, there.locator("input[name=password]"), chosen);
    await hands.press(there, there.getByRole("button", { name: "Enregistrer mon mot de passe" }));
    await heading("Connexion", there);
    assert.match(await there.locator("#notice").innerText(), /mot de passe est enregistré/);
    await signIn(there, email, chosen);
    await there.locator("summary", { hasText: `Léa ${familyName}` }).waitFor();
    assert.equal(
      new URL(there.url()).pathname,
      "/interventions",
      "le technicien arrive sur ses interventions (DSH-17)",
    );
    assert.deepEqual(theirComplaints, []);
    await theirs.close();

    // Back: their account is corrected, and its history tells it.
    await hands.press(page, page.getByRole("link", { name: /^Ouvrir la fiche/ }));
    await heading(new RegExp(`Léa ${familyName}`));
    await narrow(page);
    await hands.press(page, page.getByRole("link", { name: "Modifier", exact: true }));
    await hands.type(page, page.locator("input[name=familyName]"), `${familyName}-Roy`);
    await hands.press(page, page.getByRole("button", { name: /^Enregistrer/ }));
    await heading(new RegExp(`Léa ${familyName}-Roy`));
    assert.match(await page.locator("#notice").innerText(), /corrigé/);

    await hands.press(page, page.locator("main").getByRole("link", { name: "Historique", exact: true }));
    await heading(/^Historique/);
    await narrow(page);
    for (const told of [/Correction du compte/, /Invitation acceptée/, /Invitation de Léa/]) {
      assert.ok((await page.getByRole("link", { name: told }).count()) > 0, `l’historique du compte dit ${told}`);
    }
    await hands.press(page, page.getByRole("link", { name: /Correction du compte/ }).first());
    await heading(/Correction du compte/);
    await narrow(page);
    const text = await page.locator("main").innerText();
    assert.match(
      text,
      new RegExp(`${familyName}\\b[\\s\\S]*${familyName}-Roy`),
      "l’acte montre la valeur d’avant et celle d’après",
    );

    await page.emulateMedia({ media: "print" });
    for (const gone of [".side", ".skips", ".account", ".foot"]) {
      assert.equal(await page.locator(gone).first().isVisible(), false, `${gone} ne s’imprime pas`);
    }
    assert.ok(await page.locator("h1").isVisible());
    const shot = await page.screenshot({ fullPage: true });
    assert.ok(shot.length > 8_000, "la page imprimée n’est pas blanche");
    if (options.javaScriptEnabled !== false) {
      const sheet = await page.pdf({ format: "A4" });
      assert.ok(sheet.length > 5_000);
    }
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("au clavier seul, d’un fichier à des opérations affectées : envoyer, vérifier, importer, cocher, affecter", async () => {
  world.db.sendJobsWith(async () => {});
  const sophie = await world.as("sophie");
  const at = await makeCampaign(sophie);
  const context = await contextOf(chromium, world, "sophie");
  const page = await context.newPage();
  const complaints = listen(page, world.origin);
  const { press, tick } = KEYBOARD;
  const heading = async (name: RegExp) => {
    await page.getByRole("heading", { level: 1, name }).waitFor();
    // A page still loading may yet take the focus.
    await page.waitForLoadState();
  };
  /** In a list of choices, typing a few letters of one takes it. */
  const choose = async (list: Locator, letters: string) => {
    await reach(page, list);
    await page.keyboard.type(letters);
  };
  const buffer = Buffer.from(
    csvText([
      ["Cible", "Date prévue", "Bureau"],
      ...["PC-1", "PC-2", "PC-3"].map((name, rank) => [name, `0${rank + 1}/12/2026`, `B${rank}`]),
    ]),
  );

  await page.goto(`${world.origin}${at}/operations`);
  await press(page, page.locator("main").getByRole("link", { name: "Importer", exact: true }).first());
  await heading(/Importer des opérations/);
  await reach(page, page.getByLabel("Fichier à importer"));
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.keyboard.press("Enter")]);
  await chooser.setFiles({ name: "postes.csv", mimeType: "text/csv", buffer });
  await press(page, page.getByRole("button", { name: "Envoyer ce fichier" }));
  await heading(/Correspondance des colonnes/);
  await press(page, page.getByRole("button", { name: "Vérifier", exact: true }));
  await heading(/Vérification du fichier/);
  await press(page, page.getByRole("button", { name: "Importer 3 lignes" }));
  await heading(/Résultat de l’import/);
  await press(page, page.getByRole("link", { name: "Voir les opérations" }));

  await heading(/./);
  for (const rank of [0, 1]) await tick(page, page.locator("input.tick[name=row]").nth(rank));
  // From the box to what is done with those ticked, past the cells of the other rows.
  await page.keyboard.press("Enter");
  await choose(page.getByLabel("Action", { exact: true }), "Affecter");
  await press(page, page.getByRole("button", { name: "Continuer" }));
  await heading(/Affecter/);
  await choose(page.getByLabel("Technicien"), "Karim");
  await press(page, page.getByRole("button", { name: "Voir ce qui changerait" }));
  await press(page, page.getByRole("button", { name: "Affecter 2 opérations" }));
  await page.getByRole("link", { name: "Annuler cette action" }).waitFor();
  assert.deepEqual(
    await world.db.read(sophie.tenantId, (em) =>
      em.execute(
        `select o.title, u.given_name as who from operation o left join app_user u on u.tenant_id = o.tenant_id and u.id = o.technician_id
         where o.campaign_id = ? order by 1`,
        [idIn(at)],
      ),
    ),
    [
      { title: "PC-1", who: "Karim" },
      { title: "PC-2", who: "Karim" },
      { title: "PC-3", who: null },
    ],
  );
  assert.deepEqual(complaints, []);
  await context.close();
});

test("CAM-12 : au clavier seul, à 320 px, en sombre : une campagne préparée en quatre étapes, quittée, reprise, publiée, dépubliée", async () => {
  world.db.sendJobsWith(async () => {});
  const narrow = { viewport: { width: 320, height: 800 }, colorScheme: "dark" } as const;
  const context = await contextOf(chromium, world, "sophie", narrow);
  const page = await context.newPage();
  const complaints = listen(page, world.origin);
  const { press, type } = KEYBOARD;
  const main = page.locator("main");
  const heading = async (name: RegExp) => {
    await page.getByRole("heading", { level: 1, name }).waitFor();
    await page.waitForLoadState();
    assert.ok((await overflowOf(page)) <= 0, `${page.url()} tient dans 320 px`);
  };
  const here = () => page.locator(".steps [aria-current=step] .name").innerText();
  /** A day as the date control of the browser takes it: by its digits, or month first. */
  const day = async (field: Locator, iso: string) => {
    await reach(page, field);
    await field.fill(iso);
  };

  await page.goto(`${world.origin}/campagnes`);
  await press(page, main.getByRole("link", { name: "Créer une campagne" }).first());
  await heading(/Créer une campagne/);
  assert.match(await here(), /Informations/);
  await type(page, page.getByLabel(/^Nom/), "Au clavier");
  await day(page.getByLabel(/^Premier jour/), "2027-01-04");
  await day(page.getByLabel(/^Dernier jour/), "2027-02-26");
  await press(page, page.getByRole("button", { name: "Créer et continuer" }));
  await heading(/^Données/);

  // Left, and found again.
  await press(page, main.getByRole("button", { name: "Finir plus tard" }));
  await heading(/^Préparation/);
  await press(page, main.getByRole("link", { name: "Ouvrir la campagne" }));
  await heading(/Au clavier/);
  await press(page, main.getByRole("link", { name: /Reprendre la préparation/ }));
  await heading(/^Préparation/);
  await press(page, main.getByRole("link", { name: /^Reprendre : Données/ }));
  await heading(/^Données/);

  const buffer = Buffer.from(csvText([["Poste", "Date prévue"], ["PC-1", "05/01/2027"], ["PC-2", ""]])); // biome-ignore format: a file
  await reach(page, page.getByLabel("Fichier à importer"));
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.keyboard.press("Enter")]);
  await chooser.setFiles({ name: "postes.csv", mimeType: "text/csv", buffer });
  await press(page, page.getByRole("button", { name: "Envoyer ce fichier" }));
  await heading(/Correspondance des colonnes/);
  assert.match(await here(), /Correspondance/);
  await press(page, page.getByRole("button", { name: "Vérifier", exact: true }));
  await heading(/Vérification du fichier/);
  await press(page, page.getByRole("button", { name: "Importer 2 lignes" }));
  await heading(/Résultat de l’import/);
  await press(page, main.getByRole("link", { name: "Continuer : Configuration" }));
  await heading(/^Configuration/);
  await press(page, main.getByRole("button", { name: "Continuer : Récapitulatif" }));
  await heading(/^Récapitulatif/);
  assert.match(await main.innerText(), /1 opération datée/);
  await press(page, page.getByRole("button", { name: "Publier la campagne" }));
  await heading(/Au clavier.*À venir/);
  await press(page, page.locator("#notice").getByRole("link", { name: "Annuler" }));
  await heading(/./);
  await press(page, main.getByRole("button", { name: /^Annuler/ }));
  await page.locator("#notice").waitFor();
  await page.goto(`${world.origin}/campagnes`);
  assert.match(await page.locator(".campaign-card", { hasText: "Au clavier" }).innerText(), /Préparation/);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("CAM-12 : ce qui est tapé à l’étape Données part avec elle, ou demande avant de se perdre", async () => {
  const context = await contextOf(chromium, world, "sophie");
  const page = await context.newPage();
  const asked: string[] = [];
  page.on("dialog", (dialog) => {
    asked.push(dialog.type());
    void dialog.dismiss();
  });
  const at = await makeCampaign(await world.as("sophie"));
  const names = page.getByLabel("Noms des colonnes");
  await page.goto(`${world.origin}${at}/donnees`);
  await names.fill("Poste\nBureau");
  await page.getByRole("button", { name: "Continuer sans fichier" }).click();
  await page.getByRole("heading", { level: 1, name: "Configuration" }).waitFor();
  await page.locator("#notice", { hasText: "2 champs sont ajoutés" }).waitFor();

  await page
    .locator(".steps")
    .getByRole("link", { name: /Données/ })
    .click();
  await names.fill("Étage");
  await page
    .locator(".steps")
    .getByRole("button", { name: /Informations/ })
    .click();
  await page.getByRole("heading", { level: 1, name: "Informations" }).waitFor();
  await page.locator("#notice", { hasText: "1 champ est ajouté" }).waitFor();
  // What watches over the form is there once the page is whole.
  await page.waitForLoadState();
  assert.deepEqual(asked, []);

  await page.getByLabel(/^Nom/).fill("Nom perdu");
  await page.getByRole("navigation", { name: "Fil d’Ariane" }).getByRole("link").first().click();
  assert.deepEqual(asked, ["beforeunload"]);
  assert.equal(await page.getByLabel(/^Nom/).inputValue(), "Nom perdu");
  await context.close();
});

test("une personne de la démonstration se choisit en un clic, puis se déconnecte : la page d’avant ne montre plus rien", async () => {
  const context = await contextOf(chromium, world, "anonymous");
  const page = await context.newPage();
  await page.goto(`${world.origin}/connexion`);
  await page.getByRole("button", { name: /Sophie Marchand/ }).click();
  await page.locator(".account > summary").click();
  await page.getByRole("link", { name: "Mon compte" }).click();
  await page.getByRole("heading", { level: 1, name: "Mon compte" }).waitFor();
  await page.locator(".account > summary").click();
  await page.getByRole("button", { name: "Se déconnecter" }).click();
  await page.getByRole("heading", { level: 1, name: "Connexion" }).waitFor();
  await page.goBack();
  await page.getByRole("heading", { level: 1, name: "Connexion" }).waitFor();
  assert.equal(await page.getByText("sophie.marchand@quais.example").count(), 0);
  await context.close();
});
