/** What many readers share: worked out once, and never older than the question of any of them (STA-2, LIV-1). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Changes, Shared } from "../../../src/platform/live/shared.ts";

/** A base whose content is a number, read by works that end when they are let go. */
function openBase() {
  let content = 0;
  const held: { seen: number; end(answer?: Error): void }[] = [];
  const changes = new Changes<number>();
  const shared = new Shared<number>();
  return {
    held,
    write: () => void content++,
    /** Asks as a reader does: how far the base is, then the work. */
    read() {
      const asking = changes.asking("one");
      const mark = content;
      const since = asking.told({ mark, isChanged: asking.before !== mark });
      return shared.get("one", since, () => {
        const seen = content;
        return new Promise<number>((resolve, reject) => {
          held.push({ seen, end: (error) => (error ? reject(error) : resolve(seen)) });
        });
      });
    },
  };
}
const settle = () => new Promise((done) => setImmediate(done));

test("cent lecteurs d’un même instant font un calcul", async () => {
  const base = openBase();
  const answers = Array.from({ length: 100 }, () => base.read());
  for (const one of base.held) one.end();
  await settle();
  // Those who asked before it began share it; asked at once, the first of them began it.
  for (const one of base.held.slice(1)) one.end();
  assert.deepEqual(new Set(await Promise.all(answers)), new Set([0]));
  assert.ok(base.held.length <= 2, `${base.held.length} calculs`);
});

test("un changement juste après le début d’un calcul n’est pas manqué par qui demande ensuite", async () => {
  const base = openBase();
  const early = base.read();
  base.write();
  const late = base.read();
  const later = base.read();
  base.held[0]!.end();
  await settle();
  assert.equal(base.held.length, 2, "un second calcul, un seul, pour tous ceux d’après");
  base.held[1]!.end();
  assert.deepEqual(await Promise.all([early, late, later]), [0, 1, 1]);
});

test("rien n’a changé : la réponse sert encore ; un changement de plus, et elle ne sert plus", async () => {
  const base = openBase();
  const first = base.read();
  base.held[0]!.end();
  assert.equal(await first, 0);
  assert.equal(await base.read(), 0);
  assert.equal(await base.read(), 0);
  assert.equal(base.held.length, 1);
  base.write();
  const next = base.read();
  base.held[1]!.end();
  assert.equal(await next, 1);
  assert.equal(await base.read(), 1);
  assert.equal(base.held.length, 2);
});

test("deux lecteurs dont les questions se croisent : aucun ne reçoit plus vieux que ce qu’il a vu", async () => {
  const changes = new Changes<string>();
  const shared = new Shared<string>();
  const first = changes.asking("one");
  const second = changes.asking("one");
  // The second was answered first, of a later moment; the first, late, tells of an earlier one.
  const fresh = await shared.get("one", second.told({ mark: "b", isChanged: true }), async () => "b");
  assert.equal(fresh, "b");
  assert.equal(await shared.get("one", first.told({ mark: "a", isChanged: true }), async () => "a"), "b");
  const third = changes.asking("one");
  assert.equal(third.before, "b", "la marque la plus récente n’est pas remplacée par une plus vieille");
});

test("un calcul qui échoue le dit à qui l’attend, et le suivant recommence", async () => {
  const base = openBase();
  const failed = base.read();
  base.write();
  const next = base.read();
  base.held[0]!.end(new Error("coupure"));
  await assert.rejects(failed, /coupure/);
  await settle();
  base.held[1]!.end();
  assert.equal(await next, 1);
});

test("ce qui porte un autre nom ne se partage pas", async () => {
  const shared = new Shared<string>();
  assert.equal(await shared.get("manager", 0, async () => "tout"), "tout");
  assert.equal(await shared.get("reader", 0, async () => "moins"), "moins");
});

/** A reader who follows a number, as `recent` answers them; `work` is what each calculation does of it. */
function openBurst(work: (content: number) => Promise<number>) {
  const shared = new Shared<number>();
  const changes = new Changes<number>();
  let content = 0;
  return {
    write: () => void content++,
    read() {
      const asking = changes.asking("one");
      const since = asking.told({ mark: content, isChanged: asking.before !== content });
      return shared.recent("one", since, () => work(content));
    },
    /** As a page does: asks again while it is behind. */
    async readOn() {
      for (;;) {
        const told = await this.read();
        if (!told.isBehind) return told.answer;
        await settle();
      }
    },
  };
}

test("LIV-5 : dans une rafale, qui suit reçoit la dernière réponse, sait qu’elle est en retard, et finit exact en un calcul", async () => {
  let works = 0;
  const burst = openBurst(async (content) => {
    works += 1;
    return content;
  });
  assert.deepEqual(await burst.read(), { answer: 0, isBehind: false });
  burst.write();
  const told = await Promise.all([burst.read(), burst.read(), burst.read()]);
  assert.deepEqual(told, Array(3).fill({ answer: 0, isBehind: true }));
  assert.equal(await burst.readOn(), 1);
  assert.equal(works, 2);
});

test("LIV-5 : la réponse promise échoue : qui est en retard redemande, et l’apprend", async () => {
  let isDown = false;
  const burst = openBurst(async (content) => {
    if (isDown) throw new Error("coupure");
    return content;
  });
  await burst.read();
  burst.write();
  isDown = true;
  assert.equal((await burst.read()).isBehind, true);
  await assert.rejects(burst.readOn(), /coupure/);
  isDown = false;
  assert.equal(await burst.readOn(), 1);
});

test("ce que quelqu’un attend n’est pas oublié, si nombreux que soient les autres : il n’est pas calculé deux fois à la fois", async () => {
  const shared = new Shared<string>();
  const { promise, resolve } = Promise.withResolvers<string>();
  const first = shared.get("lent", 0, () => promise);
  for (let n = 0; n < 300; n++) await shared.get(`autre ${n}`, 0, async () => "vite");
  const again = shared.get("lent", 0, () => assert.fail("calculé deux fois"));
  resolve("enfin");
  assert.deepEqual(await Promise.all([first, again]), ["enfin", "enfin"]);
});

test("« frais » : ceux qui demandent pendant un calcul en partagent un autre, commencé après leur question", async () => {
  const shared = new Shared<number>();
  const held: (() => void)[] = [];
  let content = 0;
  const ask = () =>
    shared.fresh("one", () => {
      const seen = content;
      return new Promise<number>((resolve) => held.push(() => resolve(seen)));
    });
  const begun = async (works: number) => {
    while (held.length < works) await settle();
  };
  const [first] = [ask(), ask(), ask()];
  await begun(1);
  assert.equal(held.length, 1, "un calcul pour ceux d’un même instant");
  content = 1;
  const others = Array.from({ length: 9 }, ask);
  held[0]!();
  assert.equal(await first, 0);
  await begun(2);
  held[1]!();
  assert.deepEqual(await Promise.all(others), Array(9).fill(1));
  assert.equal(held.length, 2, "deux calculs pour douze questions");
  const later = ask();
  await begun(3);
  held[2]!();
  assert.equal(await later, 1, "une réponse donnée ne sert plus");
  assert.equal(held.length, 3);
});
