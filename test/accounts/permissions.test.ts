import assert from "node:assert/strict";
import { test } from "node:test";
import { allows, type Column, explain, mayRoute, PERMISSIONS, type Relation } from "../../src/accounts/permissions.ts";
import { inOrder, ROLES, roleLabel, TENANT_ROLES } from "../../src/accounts/roles.ts";

// The table of the specification, written again by hand: an error must be made twice, in two forms, to go unseen.
// Y yes · o owned · pub public · s p c x grants · asg assigned · team · scope · - no
const TABLE = `
  code                  admin owner manager  tech  team  coord  viewer
  campaigns.see         Y     Y     pub,s    -     s     s      pub,s
  campaigns.create      Y     -     Y        -     -     -      -
  campaigns.configure   Y     Y     c        -     -     -      -
  campaigns.publish     Y     Y     c        -     -     -      -
  campaigns.clone       Y     Y     pub,s    -     -     -      -
  campaigns.govern      Y     Y     -        -     -     -      -
  campaigns.visibility  Y     Y     -        -     -     -      -
  grants.edit           Y     Y     c        -     -     -      -
  operations.read       Y     Y     pub,s    asg   -     -      pub,s
  operations.execute    Y     Y     pub,c    asg   -     -      -
  operations.manage     Y     Y     pub,c    -     -     -      -
  operations.delete     Y     Y     c        -     -     -      -
  documents.read        Y     Y     pub,s    asg   -     -      pub,s
  shared_documents.read Y     Y     Y        Y     Y     Y      Y
  documents.edit        Y     Y     c        -     -     -      -
  shared_documents.edit Y     Y     Y        -     -     -      -
  bookings.read         Y     Y     p,c      asg   team  scope  -
  bookings.place        Y     Y     p,c      -     team  scope  -
  bookings.override     Y     Y     p,c      -     team  scope  -
  bookings.attend       Y     Y     p,c      asg   -     -      -
  outbox.manage         Y     Y     c        -     -     -      -
  rows.export           Y     Y     x        -     team  scope  x
  share_links.manage    Y     Y     c        -     -     -      -
  blueprints.export     Y     Y     x        -     -     -      -
  blueprints.import     Y     -     -        -     -     -      -
  catalogue.edit        Y     Y     Y        -     -     -      -
  directory.read        Y     Y     Y        -     team  scope  -
  directory.edit        Y     -     -        -     -     -      -
  technicians.plan      Y     Y     Y        -     -     -      -
  accounts.manage       Y     -     -        -     -     -      -
  groups.manage         Y     -     -        -     -     -      -
  scopes.manage         Y     -     -        -     -     -      -
  campaigns.undo        Y     Y     -        -     -     -      -
  acts.undo_own         Y     Y     Y        Y     Y     Y      -
  history.read          Y     -     -        -     -     -      -
  tokens.own            Y     Y     Y        Y     -     -      Y
  support.open          Y     -     -        -     -     -      -
  instance.manage       -     -     -        -     -     -      -
`;
const NEVER_BY_GRANT = ["campaigns.govern", "campaigns.visibility", "operations.delete"];

const ROLE_OF: Record<string, string> = {
  admin: "admin",
  owner: "campaign_manager",
  manager: "campaign_manager",
  tech: "technician",
  team: "team_manager",
  coord: "coordinator",
  viewer: "viewer",
};
const SITUATIONS: Record<string, Relation> = {
  pub: { visibility: "public" },
  s: { grants: new Set(["see"]) },
  p: { grants: new Set(["place"]) },
  c: { grants: new Set(["configure"]) },
  x: { grants: new Set(["export"]) },
  asg: { assigned: true },
  team: { inTeam: true },
  scope: { inScope: true },
};

const [head = [], ...rows] = TABLE.trim()
  .split("\n")
  .map((row) => row.trim().split(/\s+/));
const cells = rows.flatMap(([code = "", ...row]) =>
  row.map((cell, i) => ({ code, column: head[i + 1] ?? "", cell: cell === "-" ? [] : cell.split(",") })),
);
const letters = (code: string) =>
  NEVER_BY_GRANT.includes(code)
    ? []
    : cells.find((one) => one.code === code && one.column === "manager")!.cell.filter((mark) => "spcx".includes(mark));

test("la table des droits a ses 28 lignes, plus celles de l’instance, chacune avec un code unique", () => {
  const ids = new Set(PERMISSIONS.map((rule) => rule.id));
  assert.deepEqual([...ids], [...Array.from({ length: 28 }, (_, i) => `PRM-${i + 1}`), "ROL-2"]);
  assert.equal(new Set(PERMISSIONS.map((rule) => rule.code)).size, PERMISSIONS.length);
  assert.deepEqual(
    PERMISSIONS.map((rule) => rule.code),
    rows.map(([code]) => code),
  );
});

test("chaque case de la table est écrite comme dans la spécification", () => {
  const marks: Record<string, string> = {
    yes: "Y",
    public: "pub",
    see: "s",
    place: "p",
    configure: "c",
    export: "x",
    assigned: "asg",
  };
  const written = PERMISSIONS.flatMap((rule) =>
    Object.values(rule.cells).map((list) => `${rule.code} ${list.map((verdict) => marks[verdict] ?? verdict)}`),
  );
  assert.deepEqual(
    written,
    cells.map(({ code, cell }) => `${code} ${cell}`),
  );
});

test("chaque case de la table répond comme la spécification, dans chaque situation", () => {
  let checked = 0;
  for (const { code, column, cell } of cells) {
    const roles = [ROLE_OF[column]!];
    const base: Relation = column === "owner" ? { owner: true } : {};
    const also = column === "owner" ? cells.find((one) => one.code === code && one.column === "manager")!.cell : [];
    assert.equal(allows(roles, code, base), [...cell, ...also].includes("Y"), `${code} × ${column}`);
    for (const [mark, situation] of Object.entries(SITUATIONS)) {
      // A grant adds the letters of the manager's cell to anybody; any other grant implies "see" [CAM-24, PRM-29].
      const marks = "pcx".includes(mark) ? [mark, "s"] : [mark];
      const expected = [...cell, ...also, ...letters(code)].some((one) => one === "Y" || marks.includes(one));
      assert.equal(allows(roles, code, { ...base, ...situation }), expected, `${code} × ${column} × ${mark}`);
      checked++;
    }
  }
  assert.equal(checked, rows.length * 7 * 8);
});

test("plusieurs rôles s’additionnent, et rien d’autre", () => {
  for (const rule of PERMISSIONS) {
    for (const a of ROLES)
      for (const b of ROLES)
        for (const situation of [{}, ...Object.values(SITUATIONS)]) {
          const together = allows([a.code, b.code], rule.code, situation);
          const apart = allows([a.code], rule.code, situation) || allows([b.code], rule.code, situation);
          assert.equal(together, apart, `${rule.code} × ${a.code} + ${b.code}`);
        }
  }
});

test("la possession ne vaut que pour un gestionnaire", () => {
  assert.ok(allows(["campaign_manager"], "campaigns.govern", { owner: true }));
  assert.ok(!allows(["viewer"], "campaigns.govern", { owner: true }));
  assert.ok(!allows([], "campaigns.see", { owner: true }));
});

test("une habilitation donne à tout compte ce qu’elle donne à un gestionnaire, sauf supprimer, archiver, transmettre, visibilité", () => {
  const grants: Relation = { grants: new Set(["see", "place", "configure", "export"]) };
  for (const role of TENANT_ROLES.filter((one) => one.code !== "admin")) {
    assert.ok(allows([role.code], "campaigns.publish", grants), role.code);
    assert.ok(allows([role.code], "bookings.place", grants), role.code);
    for (const code of ["campaigns.govern", "campaigns.visibility"])
      assert.ok(!allows([role.code], code, grants), `${code} × ${role.code}`);
    assert.equal(allows([role.code], "operations.delete", grants), role.code === "campaign_manager");
  }
});

test("un code non déclaré refuse tout le monde", () => {
  for (const role of ROLES) {
    assert.ok(!allows([role.code], "campaigns.fly", { owner: true }));
    assert.ok(!mayRoute([role.code], "campaigns.fly"));
    assert.ok(!mayRoute([role.code], "toString"));
  }
  assert.match(explain(["admin"], "campaigns.fly"), /ouverte à personne/);
});

test("le super-administrateur règle l’instance et ne voit pas les campagnes", () => {
  const held = PERMISSIONS.filter((rule) => mayRoute(["super_admin"], rule.code)).map((rule) => rule.code);
  assert.deepEqual(held, ["accounts.manage", "acts.undo_own", "history.read", "instance.manage"]);
  for (const role of TENANT_ROLES) assert.ok(!mayRoute([role.code], "instance.manage"), role.code);
});

test("la porte d’une route laisse passer qui pourrait avoir le droit, et ferme les droits d’administration", () => {
  for (const role of TENANT_ROLES) {
    assert.equal(mayRoute([role.code], "accounts.manage"), role.code === "admin");
    assert.equal(mayRoute([role.code], "history.read"), role.code === "admin");
    assert.equal(mayRoute([role.code], "campaigns.create"), ["admin", "campaign_manager"].includes(role.code));
    assert.ok(mayRoute([role.code], "campaigns.see"));
  }
  assert.ok(!mayRoute([], "campaigns.see"));
  // Necessary, never enough: whoever holds a right on an object passes the gate of its route.
  for (const { code, column } of cells)
    for (const situation of Object.values(SITUATIONS))
      if (allows([ROLE_OF[column]!], code, situation)) assert.ok(mayRoute([ROLE_OF[column]!], code), code);
});

test("le refus dit pourquoi et qui peut le faire", () => {
  assert.equal(
    explain(["technician"], "accounts.manage"),
    "Vous ne pouvez pas gérer les comptes et les réglages de l’organisation, avec le rôle technicien. Peuvent le faire : les administrateurs de l’organisation.",
  );
  assert.match(explain(["viewer", "coordinator"], "campaigns.publish"), /les rôles coordinateur et lecteur/);
  assert.match(
    explain(["viewer"], "campaigns.publish"),
    /les gestionnaires \(sur leurs campagnes ou avec l’habilitation « Configurer »\)/,
  );
  assert.match(explain(["admin"], "instance.manage"), /les super-administrateurs de l’instance/);
  assert.match(explain(["admin"], "campaigns.create"), /^Vous pouvez créer une campagne/);
  for (const rule of PERMISSIONS) assert.doesNotMatch(explain([], rule.code), /undefined|:\s\.$/, rule.code);
});

test("les rôles ont un nom français, une phrase et un ordre", () => {
  assert.equal(ROLES.length, 7);
  for (const role of ROLES) assert.match(role.opens, /^\p{Lu}[^.]+\.$/u);
  assert.equal(roleLabel("campaign_manager"), "Gestionnaire");
  assert.deepEqual(inOrder(["viewer", "admin", "pirate", "admin"]), ["admin", "viewer"]);
  const columns: Column[] = [
    "admin",
    "owner",
    "campaign_manager",
    "technician",
    "team_manager",
    "coordinator",
    "viewer",
  ];
  for (const rule of PERMISSIONS) assert.deepEqual(Object.keys(rule.cells), columns);
});
