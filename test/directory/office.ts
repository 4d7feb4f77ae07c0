/** What the tests of the directory do as an administrator does: through forms, with the version a page gives. */
import assert from "node:assert/strict";
import type { Browser, World } from "../support/world.ts";

export const AT = "/admin/annuaire";

type Fields = Record<string, string>;

export function officeOf(world: World, denis: Browser) {
  const { tenantId } = denis;
  const rows = <T>(sql: string, values: unknown[] = []) =>
    world.db.read(tenantId, (em) => em.execute<T[]>(sql, values));

  const one = async (sql: string, values: unknown[]): Promise<string> => {
    const [row] = await rows<{ id: string }>(sql, values);
    assert.ok(row, `${sql} ${values.join()}`);
    return row.id;
  };
  const staff = (number: string) => one("select id from staff_member where staff_number = ?", [number]);
  const department = (name: string) => one("select id from department where name = ?", [name]);
  const site = (name: string) => one("select id from site where name = ?", [name]);

  /** Posts a form, its token fresh. */
  const post = async (at: string, fields: Fields = {}, browser = denis) => {
    await browser.get("/compte");
    return browser.post(at, fields);
  };
  const must = async (at: string, fields: Fields = {}) => {
    const answer = await post(at, fields);
    assert.equal(
      answer.status,
      303,
      `${at} ${JSON.stringify(fields)}\n${answer.text.match(/class="errors[\s\S]{0,400}/)?.[0]}`,
    );
    return answer.location!;
  };
  /** The id of somebody new. */
  const hire = async (staffNumber: string, more: Fields = {}) =>
    (await must(`${AT}/agents/nouveau`, { staffNumber, givenName: "Lou", familyName: "Essai", ...more }))
      .split("/")
      .at(-1)!;
  /** The fields of a person's form as it stands. */
  const formOf = async (page: string): Promise<Fields> => {
    const { text } = await denis.get(page);
    const inputs = [...text.matchAll(/<input type="(?:text|email|tel)"[^>]* name="(\w+)"[^>]* value="([^"]*)"/g)];
    const selects = [...text.matchAll(/<select[^>]* name="(\w+)"[\s\S]*?<\/select>/g)].map(([all, name = ""]) => {
      return [name, /value="([^"]*)" selected/.exec(all)?.[1] ?? ""];
    });
    const version = /name="version" value="(\d+)"/.exec(text)?.[1] ?? "";
    return {
      ...Object.fromEntries(inputs.map(([, name, value]) => [name, value])),
      ...Object.fromEntries(selects),
      version,
    };
  };
  const change = async (page: string, more: Fields) => post(page, { ...(await formOf(page)), ...more });
  const edit = (id: string, more: Fields) => change(`${AT}/agents/${id}/modifier`, more);

  /** Takes back the last act about this object, through its page; gives the answer. */
  const undoLast = async (type: string, id: string) => {
    const { text } = await denis.get(`/historique/${type}/${id}`);
    const act = /href="\/admin\/historique\/([0-9a-f-]{36})"/.exec(text)?.[1];
    assert.ok(act, `aucun acte pour ${type} ${id}`);
    const preview = (await denis.get(`/actes/${act}/annulation`)).text;
    const fields: Record<string, string[]> = {};
    for (const [, name = "", value = ""] of preview.matchAll(/name="(rows|listed)" value="([^"]+)"/g)) {
      fields[name] = [...(fields[name] ?? []), value];
    }
    return { ...(await denis.post(`/actes/${act}/annulation`, fields)), preview };
  };

  return { rows, one, staff, department, site, post, must, hire, formOf, change, edit, undoLast };
}
