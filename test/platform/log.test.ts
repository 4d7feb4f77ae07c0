import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog, type Level, type LogOptions } from "../../src/platform/log.ts";

const NOW = new Date("2026-11-21T08:30:00.000Z");

/** What a log wrote, line by line. */
function capture(level: Level, style: LogOptions["style"] = "lines") {
  const lines: string[] = [];
  return { lines, log: createLog(level, { style, write: (line) => lines.push(line), now: () => NOW }) };
}

test("une ligne JSON par fait : heure, niveau, message, champs", () => {
  const { lines, log } = capture("info");
  log.with({ requestId: "r-1" }).info("request", { status: 200 });
  assert.deepEqual(lines, [
    '{"time":"2026-11-21T08:30:00.000Z","level":"info","msg":"request","requestId":"r-1","status":200}',
  ]);
});

test("sous le niveau demandé, rien", () => {
  const { lines, log } = capture("warn");
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).level),
    ["warn", "error"],
  );
});

test("une fin de ligne glissée dans un texte ne fabrique pas une ligne", () => {
  for (const style of ["lines", "people"] as const) {
    const { lines, log } = capture("info", style);
    log.info('ok\r\n{"level":"error","msg":"forged"}\u2028x', {
      agent: "a\r\n08:30:00 error forged",
      esc: "\u001b[2J",
    });
    const printed = lines.join("").replaceAll("\x1b[36m", "").replaceAll("\x1b[0m", "");
    assert.equal(lines.length, 1);
    assert.ok(!printed.includes("\r") && !printed.includes("\u001b"));
    assert.ok(
      printed
        .split("\n")
        .slice(1)
        .every((line) => line.startsWith("    ")),
    );
  }
});

test("un champ ne se fait passer ni pour le niveau, ni pour l’heure, ni pour le message", () => {
  const { lines, log } = capture("info");
  log.error("vrai", { level: "info", time: "hier", msg: "faux" });
  assert.deepEqual(JSON.parse(lines[0] ?? ""), { time: NOW.toISOString(), level: "error", msg: "vrai" });
});

test("aucun secret n’y entre, où qu’il soit", () => {
  const { lines, log } = capture("info");
  log.error("échec sur postgres://opstracker_app:Tr3sSecret@db/opstracker", {
    password: "Tr3sSecret",
    user: { passwordHash: "Tr3sSecret", newPassword: "Tr3sSecret", name: "Amina" },
    headers: { Cookie: "Tr3sSecret", "set-cookie": ["Tr3sSecret"], authorization: "Tr3sSecret" },
    tokens: [{ token_hash: "Tr3sSecret" }],
    redis: "rediss://:Tr3sSecret@cache:6379/0",
    odd: "smtp://operations:Tr3s@Tr3sSecret@mail.example:587",
    url: "/invitation?token=Tr3sSecret&_csrf=Tr3sSecret",
    secret: { deep: "Tr3sSecret" },
    error: new Error("postgres://a:Tr3sSecret@h/x", { cause: new Error("postgres://a:Tr3sSecret@h/x") }),
  });
  assert.doesNotMatch(lines[0] ?? "", /Tr3sSecret/);
  assert.match(lines[0] ?? "", /Amina/);
});

test("une erreur garde son nom, son code, sa pile et sa cause", () => {
  const { lines, log } = capture("info");
  log.error("x", { error: Object.assign(new TypeError("a", { cause: new Error("b") }), { code: "E1" }) });
  const { error } = JSON.parse(lines[0] ?? "");
  assert.deepEqual([error.name, error.message, error.code, error.cause.message], ["TypeError", "a", "E1", "b"]);
  assert.match(error.stack, /log\.test\.ts/);
});

test("ce qui ne s’écrit pas en JSON n’arrête pas le journal", () => {
  const { lines, log } = capture("info");
  const loop: Record<string, unknown> = { big: 10n, fn: () => 1, nan: Number.NaN };
  loop.self = loop;
  log.info("x", loop);
  log.info("y".repeat(100_000));
  assert.equal(JSON.parse(lines[0] ?? "").big, "10");
  assert.ok((lines[1] ?? "").length < 10_000);
});
