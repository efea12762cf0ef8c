import { assertEquals } from "@std/assert/equals";
import { Agenda } from "../../lib/base/agenda.ts";
import { below, SeededRng } from "../../lib/base/rng.ts";

Deno.test("Agenda: an empty one has nothing next and nothing due", () => {
  const agenda = new Agenda<string>();
  agenda.delete("a");
  assertEquals([agenda.next(), agenda.takeDue(Infinity), agenda.at("a"), agenda.size], [
    undefined,
    undefined,
    undefined,
    0,
  ]);
});

Deno.test("Agenda: the earliest comes first, and of equals the one that was set first", () => {
  const agenda = new Agenda<string>();
  for (const [key, at] of [["c", 5], ["a", 3], ["d", 5], ["b", 3]] as const) agenda.set(key, at);
  const taken = [];
  for (let key; (key = agenda.takeDue(5)) !== undefined;) taken.push(key);
  assertEquals(taken, ["a", "b", "c", "d"]);
});

Deno.test("Agenda: nothing is due before its instant, and a key that is set again has moved", () => {
  const agenda = new Agenda<string>();
  agenda.set("a", 10);
  assertEquals(agenda.takeDue(9.99), undefined);
  agenda.set("a", 20);
  assertEquals([agenda.takeDue(10), agenda.at("a"), agenda.size], [undefined, 20, 1]);
  assertEquals([agenda.takeDue(20), agenda.size], ["a", 0]);
  agenda.set("b", 1);
  agenda.clear();
  assertEquals([agenda.next(), agenda.at("b"), agenda.size], [undefined, undefined, 0]);
});

Deno.test("Agenda: ten thousand random changes give what a sorted list gives", () => {
  const seed = 20261128;
  const rng = new SeededRng(seed);
  const agenda = new Agenda<number>();
  let model: { key: number; at: number }[] = [];
  for (let step = 0; step < 10_000; step++) {
    const key = below(rng, 300);
    model = model.filter((entry) => entry.key !== key);
    if (below(rng, 4) === 0) agenda.delete(key);
    else {
      const at = below(rng, 50);
      agenda.set(key, at);
      model.push({ key, at });
    }
    if (below(rng, 8) !== 0) continue;
    const first = model.reduce((best, entry) => best === undefined || entry.at < best.at ? entry : best, model[0]);
    assertEquals(agenda.takeDue(Infinity), first?.key, `seed ${seed}, step ${step}`);
    model = model.filter((entry) => entry !== first);
    assertEquals(agenda.size, model.length, `seed ${seed}, step ${step}`);
  }
});
