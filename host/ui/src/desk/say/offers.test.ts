import { expect, it } from "vitest";
import type { Channel } from "../../api/types";
import { offersOf } from "./offers";

const channel = (kinds: string[], features: string[], extra?: unknown) =>
  ({ capabilities: { kinds: kinds.map((kind) => ({ kind, max_text: 1024, max_bytes: 0, mimes: [], max_attachments: 0 })), features, extra: extra && JSON.stringify(extra) } }) as unknown as Channel;

it("offers what the channel names, within its bounds or else the server's", () => {
  const offers = offersOf(channel(["text", "location", "interactive"], ["buttons", "list"], { buttons: { count: 3, title: 20, odd: "x" } }));
  expect(offers).toEqual({
    place: true,
    card: false,
    buttons: { count: 3, title: 20, description: 1000, button: 200 },
    list: { count: 100, title: 200, description: 1000, button: 200 },
    sticker: null,
    question: 1024,
  });
});

it("offers nothing where there is nothing, or nobody knows yet", () => {
  expect(offersOf(channel(["text", "image"], ["reply"]))).toBeNull();
  // A form of choices without the kind that carries it, and the other way round.
  expect(offersOf(channel(["text"], ["buttons"]))).toBeNull();
  expect(offersOf(channel(["interactive"], ["reply"]))).toBeNull();
  expect(offersOf({ capabilities: null } as Channel)).toBeNull();
  expect(offersOf(undefined)).toBeNull();
});
