import { expect, it } from "vitest";
import { BLANK, extraOf, faultsOf } from "./options";

const option = (title: string, description = "") => ({ title, description });

it("an option has a title, and none that another has", () => {
  expect(faultsOf([option("Sim"), BLANK, option("Não"), option(" Sim ")])).toEqual([null, "say.choice.missing", null, "say.choice.twice"]);
});

it("buttons have no descriptions, rows have those that were written", () => {
  const options = [option(" Manhã ", "das 8h às 12h"), option("Tarde", " ")];
  expect(extraOf(options, null)).toEqual({
    buttons: [
      { id: "1", title: "Manhã" },
      { id: "2", title: "Tarde" },
    ],
  });
  const rows = [
    { id: "1", title: "Manhã", description: "das 8h às 12h" },
    { id: "2", title: "Tarde" },
  ];
  expect(extraOf(options, " Ver opções ")).toEqual({ list: { button: "Ver opções", sections: [{ rows }] } });
});
