import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHtml } from "../support/html.ts";
import { faultsOf, headerFaults, judgePage } from "./judge.ts";

const faults = (html: string) => faultsOf(parseHtml(html));

test("le juge des pages voit chaque faute qu’il cherche", () => {
  const wrong: Record<string, RegExp> = {
    "<p>Bonjour undefined</p>": /sans forme/,
    "<p>Total : NaN</p>": /sans forme/,
    "<p>[object Object]</p>": /sans forme/,
    "<p>Nom : null</p>": /sans forme/,
    "<p>2026-03-12T10:00:00.000Z</p>": /sans forme/,
    "<button>Submit</button>": /Submit/,
    '<input type="submit" value="Cancel">': /Cancel/,
    '<a href="/x" aria-label="Next">x</a>': /Next/,
    "<p>Le Monday suivant</p>": /Monday/,
    "<p>Vraiment ?</p>": /espace sécable/,
    "<p>« Bonjour »</p>": /espace sécable/,
    "<p>l'acte</p>": /apostrophe/,
    '<p style="color:red">x</p>': /style/,
    '<p onclick="x()">x</p>': /onclick/,
    "<script>x()</script>": /<script>/,
    '<script src="https://cdn.example/x.js"></script>': /hors d’ici/,
    '<img src="//cdn.example/x.png" alt="">': /hors d’ici/,
    '<link rel="stylesheet" href="http://x.example/a.css">': /hors d’ici/,
    '<a href="javascript:x()">x</a>': /javascript/,
    '<p id="a">x</p><p id="a">y</p>': /deux fois/,
  };
  for (const [html, fault] of Object.entries(wrong)) assert.match(faults(html).join("\n"), fault, html);
});

test("et ne se plaint pas d’une page bien faite, ni d’un mot étranger dit tel", () => {
  const right = `<p>Vraiment\u202f? «\u00a0Oui\u00a0»\u00a0: l’acte n°\u00a01\u202f842, à 14:30.</p>
    <p><span lang="en">Next</span>, <code>null</code>, Userlane, adresse@user.example</p>
    <a href="/compte">Mon compte</a><img src="/assets/logo.svg" alt="Logo"><script src="/assets/app.js"></script>`;
  assert.deepEqual(faults(right), []);
  const page = `<!doctype html><html lang="fr"><head><title>Accueil – OpsTracker</title></head><body><header></header>
    <div id="a" role="status"></div><div id="b" role="alert"></div><main><h1>Accueil</h1></main><footer></footer></body></html>`;
  assert.deepEqual(judgePage(page).faults, []);
  assert.match(judgePage(page.replace("<h1>Accueil</h1>", "")).faults.join(), /0 titres h1/);
  assert.match(judgePage(page.replace(" – OpsTracker", "")).faults.join(), /<title>/);
});

test("des en-têtes absents ou trop larges se voient", () => {
  const headers = new Headers({
    "content-security-policy": "default-src *; script-src 'unsafe-inline'",
    "x-powered-by": "Express",
  });
  const found = headerFaults({ headers }).join("\n");
  for (const fault of [/admet trop/, /x-powered-by de trop/, /x-content-type-options/, /permissions-policy/])
    assert.match(found, fault);
});
