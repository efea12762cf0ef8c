import { assertEquals } from "@std/assert/equals";
import { Timers } from "../../lib/base/timers.ts";

type Name = "hello" | "hold" | "retry";

Deno.test("Timers: nothing is due and nothing is next when nothing is set", () => {
  const timers = new Timers<Name>();
  assertEquals(timers.next(), undefined);
  assertEquals(timers.at("hello"), undefined);
  assertEquals(timers.takeDue("hello", Number.MAX_VALUE), false);
  timers.clear("hello");
  assertEquals(timers.next(), undefined);
});

Deno.test("Timers: a timer is due at its instant and not before, and only once", () => {
  const timers = new Timers<Name>();
  timers.set("hello", 100.5);
  assertEquals(timers.takeDue("hello", 100.4), false);
  assertEquals(timers.at("hello"), 100.5);
  assertEquals(timers.takeDue("hello", 100.5), true);
  assertEquals(timers.takeDue("hello", 100.5), false);
  assertEquals(timers.next(), undefined);
});

Deno.test("Timers: a late tick finds the timer due, another name is not touched", () => {
  const timers = new Timers<Name>();
  timers.set("hello", 100);
  timers.set("hold", 200);
  assertEquals(timers.takeDue("hello", 150), true);
  assertEquals(timers.takeDue("hold", 150), false);
  assertEquals(timers.next(), { at: 200, why: "hold" });
});

Deno.test("Timers: next is the earliest, whatever the order of setting, and the first set of equals", () => {
  const timers = new Timers<Name>();
  timers.set("hold", 300);
  timers.set("retry", -5);
  timers.set("hello", 200);
  assertEquals(timers.next(), { at: -5, why: "retry" });
  timers.clear("retry");
  assertEquals(timers.next(), { at: 200, why: "hello" });
  timers.set("hello", 300);
  assertEquals(timers.next(), { at: 300, why: "hold" });
});

Deno.test("Timers: setting again replaces the instant, earlier or later", () => {
  const timers = new Timers<Name>();
  timers.set("hello", 100);
  timers.set("hello", 500);
  assertEquals(timers.takeDue("hello", 499), false);
  timers.set("hello", 50);
  assertEquals(timers.next(), { at: 50, why: "hello" });
  assertEquals(timers.takeDue("hello", 50), true);
});
