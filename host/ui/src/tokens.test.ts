import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { theme } from "./theme";

const css = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].toSorted((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

/** The colour of a token in a scheme. */
function token(scheme: "light" | "dark", name: string): string {
  const block = css.slice(css.indexOf(`[data-mantine-color-scheme="${scheme}"] {`));
  return new RegExp(`--${name}: (#[0-9a-f]{6});`).exec(block)?.[1] ?? "";
}

describe("what can be typed into or ticked", () => {
  it("stands_out_3_to_1_from_every_surface_in_light_and_dark", () => {
    for (const scheme of ["light", "dark"] as const) {
      const inside = scheme === "light" ? "#ffffff" : (theme.colors?.dark?.[6] ?? "");
      for (const ground of [inside, ...["bg", "surface", "surface-2"].map((name) => token(scheme, name))]) {
        expect([scheme, ground, contrast(token(scheme, "field-line"), ground) >= 3]).toEqual([scheme, ground, true]);
        expect([scheme, ground, contrast(token(scheme, "accent"), ground) >= 3]).toEqual([scheme, ground, true]);
      }
    }
  });
});
