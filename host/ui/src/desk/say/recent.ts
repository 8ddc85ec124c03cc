/** Places that a user of this browser has sent: a shop sends its own again and again. */
import { record, text } from "../../lib/json";
import type { Point } from "./point";

export interface Place extends Point {
  name?: string;
  address?: string;
}

const MOST = 5;
const keyOf = (user: string) => `balcao.places.${user}`;

/** The last first. */
export function recentPlaces(user: string): Place[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(keyOf(user)) ?? "[]");
    return Array.isArray(kept) ? kept.flatMap(placeOf) : [];
  } catch {
    return [];
  }
}

export function keepPlace(user: string, place: Place): void {
  const others = recentPlaces(user).filter((each) => JSON.stringify(each) !== JSON.stringify(place));
  try {
    localStorage.setItem(keyOf(user), JSON.stringify([place, ...others].slice(0, MOST)));
  } catch {
    // Storage is full or refused: it is typed again.
  }
}

/** In one order of fields, so that two are the same where they say the same. */
export function placeOf(kept: unknown): Place[] {
  const { latitude, longitude, name, address } = record(kept);
  if (typeof latitude !== "number" || typeof longitude !== "number") return [];
  return [{ latitude, longitude, ...(text(name) && { name: text(name) }), ...(text(address) && { address: text(address) }) }];
}
