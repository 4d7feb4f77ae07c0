import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { type RawBuilder, type SqlBool, sql, type Transaction } from "kysely";
import {
  type FieldDefinition,
  fieldCondition,
  newField,
  OPERATORS,
  type Operand,
  operatorOf,
  PERIODS,
  type Period,
  periodDays,
  readOperand,
} from "../../src/fields/index.ts";
import { testDatabase } from "../support/database.ts";

const OPTIONS = ["a", "b", "c"].map((code) => ({ code, label: code.toUpperCase(), isRetired: false }));
const TODAY = "2026-03-12"; // a Thursday
const READING = { zone: "Europe/Paris", defaultHour: "09:00" };
const AMINA = "0197a000-0000-7000-8000-000000000001";
const BRUNO = "0197a000-0000-7000-8000-000000000002";

/** Rows of one field each: what they hold, then the rows each filter finds. */
const CASES: {
  type: FieldDefinition["type"];
  rows: unknown[];
  finds: [operator: string, given: string[], rows: number[]][];
}[] = [
  {
    type: "short_text",
    rows: ["Étage 100%", "etage_1", "Rez", undefined],
    finds: [
      ["contains", ["ÉTAGE"], [0, 1]],
      ["contains", ["0%"], [0]],
      ["contains", ["%"], [0]],
      ["contains", ["e_1"], [1]],
      ["equals", ["Rez"], [2]],
      ["empty", [], [3]],
      ["filled", [], [0, 1, 2]],
    ],
  },
  {
    type: "long_text",
    rows: ["un\ndeux", "trois", undefined],
    finds: [
      ["contains", ["DEUX"], [0]],
      ["empty", [], [2]],
      ["filled", [], [0, 1]],
    ],
  },
  {
    type: "number",
    rows: [1, 2.5, -3, "reste d’un texte", undefined],
    finds: [
      ["equals", ["2,5"], [1]],
      ["less", ["1"], [2]],
      ["more", ["0"], [0, 1]],
      ["between", ["2,5", "1"], [0, 1]],
      ["empty", [], [4]],
      ["filled", [], [0, 1, 2, 3]],
    ],
  },
  {
    type: "date",
    rows: ["2026-03-12", "2026-03-13", "2026-02-01", undefined],
    finds: [
      ["on", ["12/03/2026"], [0]],
      ["before", ["12/03/2026"], [2]],
      ["after", ["12/03/2026"], [1]],
      ["between", ["13/03/2026", "12/03/2026"], [0, 1]],
      ["relative", ["this_week"], [0, 1]],
      ["relative", ["past"], [2]],
      ["empty", [], [3]],
      ["filled", [], [0, 1, 2]],
    ],
  },
  {
    type: "datetime",
    // 23:30 and 00:30 of Paris: the day is that of the zone, not of UTC.
    rows: ["2026-03-12T22:30:00.000Z", "2026-03-12T23:30:00.000Z", "2026-03-11T23:00:00.000Z", undefined],
    finds: [
      ["on", ["12/03/2026"], [0, 2]],
      ["before", ["12/03/2026"], []],
      ["after", ["12/03/2026"], [1]],
      ["between", ["12/03/2026", "13/03/2026"], [0, 1, 2]],
      ["relative", ["tomorrow"], [1]],
      ["empty", [], [3]],
      ["filled", [], [0, 1, 2]],
    ],
  },
  {
    type: "boolean",
    rows: [true, false, undefined],
    finds: [
      ["yes", [], [0]],
      ["no", [], [1]],
      ["empty", [], [2]],
    ],
  },
  {
    type: "single_choice",
    rows: ["a", "b", undefined],
    finds: [
      ["any", ["a", "c"], [0]],
      ["none", ["A"], [1, 2]],
      ["empty", [], [2]],
      ["filled", [], [0, 1]],
    ],
  },
  {
    type: "multiple_choice",
    rows: [["a"], ["a", "b"], undefined],
    finds: [
      ["any", ["b", "c"], [1]],
      ["all", ["b", "a"], [1]],
      ["all", ["a"], [0, 1]],
      ["empty", [], [2]],
      ["filled", [], [0, 1]],
    ],
  },
  {
    type: "email",
    rows: ["Amina@ville.fr", undefined],
    finds: [
      ["contains", ["amina"], [0]],
      ["empty", [], [1]],
      ["filled", [], [0]],
    ],
  },
  {
    type: "phone",
    rows: ["+33102030405", "+3221234567", undefined],
    finds: [
      ["contains", ["01 02"], [0]],
      ["contains", ["+32 2"], [1]],
      ["contains", ["04.05"], [0]],
      ["empty", [], [2]],
      ["filled", [], [0, 1]],
    ],
  },
  {
    type: "url",
    rows: ["https://exemple.fr/A", undefined],
    finds: [
      ["contains", ["/a"], [0]],
      ["empty", [], [1]],
      ["filled", [], [0]],
    ],
  },
  {
    type: "person",
    rows: [AMINA, BRUNO, undefined],
    finds: [
      ["is", [AMINA], [0]],
      ["department", ["voirie"], [1]],
      ["site", ["mairie"], [1]],
      ["empty", [], [2]],
      ["filled", [], [0, 1]],
    ],
  },
  {
    type: "attachment",
    rows: [randomUUID(), undefined],
    finds: [
      ["present", [], [0]],
      ["absent", [], [1]],
    ],
  },
];

const open = await testDatabase();

async function rowsWhere(rows: unknown[], condition: RawBuilder<SqlBool>): Promise<number[]> {
  const held = rows.map((value, rank) => ({ rank, values: value === undefined ? {} : { essai: value } }));
  return open.db.read(randomUUID(), async (em) => {
    const { rows: found } = await sql<{ rank: number }>`
      select o.rank from jsonb_to_recordset(${JSON.stringify(held)}::jsonb) as o (rank int, values jsonb)
      where ${condition} order by o.rank`.execute(em.getTransactionContext<Transaction<unknown>>()!);
    return found.map(({ rank }) => rank);
  });
}

const at = {
  column: "o.values",
  zone: READING.zone,
  today: TODAY,
  people: (by: "department" | "site", ids: readonly string[]) =>
    sql`select ${BRUNO}::text where ${ids[0] === (by === "department" ? "voirie" : "mairie")}`,
};

for (const { type, rows, finds } of CASES) {
  test(`FLD-4 : les filtres du type ${type} trouvent ce qu’ils disent`, async () => {
    const field = newField({
      code: "essai",
      label: "Essai",
      type,
      rules: /choice/.test(type) ? { options: OPTIONS } : {},
    });
    for (const [code, given, expected] of finds) {
      const read = readOperand(field, operatorOf(type, code)!, given, READING);
      assert.ok("operand" in read, `${code} ${given} : ${JSON.stringify(read)}`);
      assert.deepEqual(
        await rowsWhere(rows, fieldCondition(field, code, read.operand, at)),
        expected,
        `${code} ${given}`,
      );
    }
    assert.deepEqual(
      OPERATORS[type].map(({ code }) => code).filter((code) => !finds.some(([known]) => known === code)),
      [],
      "chaque opérateur est essayé",
    );
  });
}

test("FLD-4 : les périodes relatives, de lundi à dimanche, aujourd’hui compris", () => {
  const days = (period: Period) => periodDays(period, TODAY);
  assert.deepEqual(days("this_week"), ["2026-03-09", "2026-03-15"]);
  assert.deepEqual(days("last_week"), ["2026-03-02", "2026-03-08"]);
  assert.deepEqual(days("next_week"), ["2026-03-16", "2026-03-22"]);
  assert.deepEqual(days("last_month"), ["2026-02-01", "2026-02-28"]);
  assert.deepEqual(days("next_month"), ["2026-04-01", "2026-04-30"]);
  assert.deepEqual(days("last_7_days"), ["2026-03-06", TODAY]);
  assert.deepEqual(days("next_7_days"), [TODAY, "2026-03-18"]);
  assert.deepEqual(periodDays("this_week", "2026-03-15"), ["2026-03-09", "2026-03-15"]);
  assert.deepEqual(periodDays("last_month", "2026-01-31"), ["2025-12-01", "2025-12-31"]);
  for (const period of Object.keys(PERIODS) as Period[]) assert.equal(days(period).length, 2);
});

test("FLD-4 : ce qu’un filtre ne peut pas lire est refusé d’une phrase", () => {
  const field = newField({ code: "essai", label: "Essai", type: "date" });
  const problem = (code: string, given: string[]) => {
    const read = readOperand(field, operatorOf("date", code)!, given, READING) as {
      problem?: string;
      operand?: Operand;
    };
    return read.problem ?? "";
  };
  assert.match(problem("on", ["31/02/2026"]), /calendrier/);
  assert.match(problem("on", []), /Donnez une valeur/);
  assert.match(problem("between", ["12/03/2026"]), /deux bornes/);
  assert.match(problem("relative", ["toujours"]), /n’est pas une période/);
});
