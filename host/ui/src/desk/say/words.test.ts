import { expect, it } from "vitest";
import { extraOf } from "./options";
import { wordsOf } from "./words";

it("all that was made is in its words", () => {
  expect(wordsOf({ text: "Já verifico." })).toBe("Já verifico.");
  expect(wordsOf({ text: "", extra: { latitude: -23.5503, longitude: -46.6339, name: "Nossa loja", address: "Praça da Sé, 100" } })).toBe("Nossa loja\nPraça da Sé, 100\n-23.5503, -46.6339");
  expect(wordsOf({ text: "", extra: { contacts: [{ name: "Oficina", phones: ["+55 11 3000-0000"], emails: ["oficina@example.com"] }] } })).toBe("Oficina\n+55 11 3000-0000\noficina@example.com");
  const options = [
    { title: "Manhã", description: "das 8h às 12h" },
    { title: "Tarde", description: "" },
  ];
  expect(wordsOf({ text: "Quando?", extra: extraOf(options, null) })).toBe("Quando?\nManhã\nTarde");
  expect(wordsOf({ text: "Quando?", extra: extraOf(options, "Ver") })).toBe("Quando?\nManhã: das 8h às 12h\nTarde");
});
