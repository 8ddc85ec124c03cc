import { describe, expect, it } from "vitest";
import { translate } from "../i18n";
import { momentText, openingText } from "./opening";

// What is here is elsewhere than the team.
process.env.TZ = "UTC";

const pt = (key: Parameters<typeof translate>[1], values?: Parameters<typeof translate>[2]) => translate("pt-BR", key, values);
const en = (key: Parameters<typeof translate>[1], values?: Parameters<typeof translate>[2]) => translate("en", key, values);
const ZONE = "America/Sao_Paulo";
/** A Friday at noon in São Paulo. */
const FRIDAY = Date.parse("2026-11-27T15:00:00Z");

describe("what is said of opening", () => {
  const opening = (open: boolean, changes_at: string | null) => ({ open, changes_at, time_zone: ZONE, replies: true });
  it("says_when_it_changes_by_the_teams_clock_and_whose_it_is_where_that_differs", () => {
    const at = (text: string) => momentText(text, ZONE, FRIDAY, "pt-BR", pt);
    expect(at("2026-11-27T21:00:00Z")).toBe("às 18:00 (horário de Brasília)");
    expect(at("2026-11-28T12:00:00Z")).toBe("amanhã às 09:00 (horário de Brasília)");
    expect(at("2026-11-30T12:00:00Z")).toBe("seg. às 09:00 (horário de Brasília)");
    expect(at("2027-01-04T12:00:00Z")).toBe("04/01 às 09:00 (horário de Brasília)");
    expect(momentText("2026-11-27T21:00:00Z", "America/Porto_Velho", FRIDAY, "pt-BR", pt)).toBe("às 17:00 (Porto Velho)");
    expect(momentText("2026-11-27T21:00:00Z", "UTC", FRIDAY, "pt-BR", pt)).toBe("às 21:00");
    // Eleven at night there is the next day here.
    expect(at("2026-11-28T02:00:00Z")).toBe("às 23:00 (horário de Brasília)");
  });
  it("is_one_sentence_also_where_it_never_changes", () => {
    expect(openingText(opening(true, "2026-11-27T21:00:00Z"), FRIDAY, "pt-BR", pt)).toBe("Aberto agora · fecha às 18:00 (horário de Brasília)");
    expect(openingText(opening(false, "2026-11-30T12:00:00Z"), FRIDAY, "en", en)).toMatch(/^Closed now · opens Mon at 9:00\sAM \(Brasília time\)$/);
    expect(openingText(opening(false, null), FRIDAY, "pt-BR", pt)).toBe("Fechado agora · sem abertura prevista");
    expect(openingText({ ...opening(true, null), time_zone: null }, FRIDAY, "pt-BR", pt)).toBe("Sempre aberto");
  });
});
