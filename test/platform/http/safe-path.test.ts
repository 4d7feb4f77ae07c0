import assert from "node:assert/strict";
import { test } from "node:test";
import { isPlainPath, ownPath, safePath } from "../../../src/platform/http/safe-path.ts";

const HOSTILE = [
  "//evil.example",
  "///evil.example",
  "////evil.example/%2e%2e",
  "/\\evil.example",
  "\\\\evil.example",
  "\\/evil.example",
  "/\t/evil.example",
  "\t//evil.example",
  " //evil.example",
  "/\n/evil.example",
  "/%0d%0aLocation:%20//evil.example",
  "/x\r\nSet-Cookie: a=b",
  "%2f%2fevil.example",
  "/%2f/evil.example",
  "/%2Fevil.example",
  "/%5cevil.example",
  "https:evil.example",
  "https://evil.example",
  "HTTPS://evil.example",
  "http:///evil.example",
  "javascript:alert(1)",
  "data:text/html,x",
  "@evil.example",
  "/@evil.example/",
  "user@evil.example",
  "/．．/evil",
  "／／evil.example",
  "/。evil.example",
  "/..//evil.example",
  "/.//evil.example",
  "/./../evil",
  "/;//evil.example",
  "evil.example",
  "?next=//evil.example",
  "#//evil.example",
  "/\u0000/evil.example",
  "/\u2028evil",
  `/${"a".repeat(3000)}`,
  "",
];

for (const payload of HOSTILE) {
  test(`safePath refuse ${JSON.stringify(payload.slice(0, 40))}`, () => {
    assert.equal(safePath(payload), "/");
    assert.equal(safePath(payload, ""), "");
  });
}

test("safePath refuse ce qui n’est pas un texte", () => {
  for (const value of [undefined, null, 1, ["/a"], { toString: () => "/a" }]) assert.equal(safePath(value), "/");
});

test("safePath laisse passer nos adresses, et un navigateur les lit sur notre origine", () => {
  for (const path of [
    "/",
    "/admin/utilisateurs",
    "/notes/0190a1b2-c3d4-7abc-8def-0123456789ab",
    "/admin/historique?du=2026-01-01&texte=%C3%A9t%C3%A9",
    "/aide/a_b~c.d",
    "/x?retour=//evil.example",
    "/x#ici",
  ]) {
    assert.equal(safePath(path), path);
    assert.equal(new URL(path, "https://ops.example.fr").origin, "https://ops.example.fr");
  }
});

test("ownPath ne lit un Referer que de nos origines", () => {
  const ours = ["https://ops.example.fr"];
  assert.equal(ownPath("https://ops.example.fr/notes?x=1#y", ours), "/notes?x=1");
  for (const other of [
    undefined,
    "",
    "null",
    "https://evil.example/notes",
    "https://ops.example.fr.evil.example/",
    "https://ops.example.fr//evil",
  ]) {
    assert.equal(ownPath(other, ours), null);
  }
});

test("une adresse n’a qu’une orthographe", () => {
  for (const path of ["/", "/a", "/a/b-c.d", "/.well-known/security.txt", "/robots.txt"])
    assert.ok(isPlainPath(path), path);
  for (const path of ["", "a", "//", "/a/", "/a//b", "/..", "/a/./b", "/a%41", "/a;b", "/a,b", "/a b"])
    assert.ok(!isPlainPath(path), path);
});
