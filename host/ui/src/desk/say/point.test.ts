import { describe, expect, it } from "vitest";
import { mapOf, pointOf, pointText } from "./point";

const SE = { latitude: -23.5503, longitude: -46.6339 };

describe("pointOf", () => {
  it.each([
    "-23.5503, -46.6339",
    " -23.5503 -46.6339 ",
    "-23.5503;-46.6339",
    "−23.5503, −46.6339",
    "-23,5503; -46,6339",
    "-23,5503, -46,6339",
    "geo:-23.5503,-46.6339?z=16",
    "https://www.google.com/maps/@-23.5503,-46.6339,17z",
    "https://www.google.com/maps/place/Pra%C3%A7a+da+S%C3%A9/@-23.55,-46.63,17z/data=!3m1!4b1!4m6!3m5!1s0x0:0x0!8m2!3d-23.5503!4d-46.6339!16s",
    "https://maps.google.com/?q=-23.5503,-46.6339",
    "maps.google.com/?q=-23.5503,-46.6339",
    "https://www.google.com/maps/search/?api=1&query=-23.5503%2C-46.6339",
    "https://www.google.com/maps/search/-23.5503,+-46.6339?entry=tts",
    "https://www.google.com/maps/dir/?api=1&destination=-23.5503,-46.6339",
    "https://maps.apple.com/?ll=-23.5503,-46.6339&q=Loja",
    "https://maps.apple.com/place?coordinate=-23.5503,-46.6339&name=Loja",
    "https://www.openstreetmap.org/?mlat=-23.5503&mlon=-46.6339#map=16/-23.55/-46.63",
    "https://www.openstreetmap.org/#map=16/-23.5503/-46.6339",
  ])("finds the place in %s", (text) => expect(pointOf(text)).toEqual(SE));

  it.each(["", "Praça da Sé, 100", "-23.5503", "-23,5503", "-23,55", "91, 0", "0, 181", "1, 2, 3", "https://maps.app.goo.gl/abcDEF12345", "https://example.com/?a=1,2"])("finds none in %j", (text) => expect(pointOf(text)).toBeNull());
});

it("reads a sign that nobody has to write", () => {
  expect(pointOf("+35.6812, +139.7671")).toEqual({ latitude: 35.6812, longitude: 139.7671 });
});

it("what it writes, it reads", () => {
  const point = { latitude: -23.55034567, longitude: 0 };
  expect(pointText(point)).toBe("-23.550346, 0");
  expect(pointOf(pointText(point))).toEqual({ latitude: -23.550346, longitude: 0 });
  expect(pointOf(mapOf(SE))).toEqual(SE);
});
