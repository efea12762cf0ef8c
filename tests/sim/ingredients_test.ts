import { assert } from "@std/assert/assert";
import { INGREDIENTS, ingredientsOf } from "./ingredients.ts";
import { SEEDS } from "./run_seed.ts";

const ALL = Array.from({ length: SEEDS }, (_, i) => ingredientsOf(i + 1));

for (const ingredient of INGREDIENTS) {
  Deno.test(`Simulation: at least one seed in twenty has ${ingredient} in it`, () => {
    const count = ALL.filter((some) => some.has(ingredient)).length;
    assert(count >= SEEDS / 20, `only ${count} of ${SEEDS} have`);
  });
}

Deno.test("Simulation: at least three seeds in ten have nothing in them that not all have", () => {
  const count = ALL.filter((some) => some.size === 0).length;
  assert(count >= SEEDS * 0.3, `only ${count} of ${SEEDS} have not`);
});

Deno.test("Simulation: any two ingredients meet in some seed", () => {
  for (const one of INGREDIENTS) {
    for (const other of INGREDIENTS) {
      assert(ALL.some((some) => some.has(one) && some.has(other)), `${one} and ${other} never meet`);
    }
  }
});
