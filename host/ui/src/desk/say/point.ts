/** Where a place is, from what people have at hand: coordinates, or the address of a page of a map. */

/** In degrees. */
export interface Point {
  latitude: number;
  longitude: number;
}

const DEGREES = String.raw`([-+]?\d{1,3}(?:\.\d+)?)`;
const PAIR = `${DEGREES}\\s*,\\s*${DEGREES}`;
/** What pages of maps say of a place; that of the place itself before that of what is shown around it. */
const LINKS = [
  new RegExp(`!3d${DEGREES}!4d${DEGREES}`),
  new RegExp(`mlat=${DEGREES}&mlon=${DEGREES}`),
  new RegExp(`[?&](?:q|query|ll|daddr|destination|coordinate|center)=(?:loc:)?${PAIR}`),
  new RegExp(`^geo:${PAIR}`),
  new RegExp(`/(?:search|place|dir)/(?:[^@]*/)?${PAIR}`),
  new RegExp(`@${PAIR}`),
  new RegExp(`map=[\\d.]+/${DEGREES}/${DEGREES}`),
];
const POINTS = new RegExp(`^${DEGREES}\\s*[,;\\s]\\s*${DEGREES}$`);
const COMMAS = /^([-+]?\d{1,3},\d+)\s*[;,\s]\s*([-+]?\d{1,3},\d+)$/;

/** Null where no point is named. */
export function pointOf(typed: string): Point | null {
  const text = decoded(typed).replaceAll("−", "-").trim();
  const link = /^[a-z]+:|[/?]/i.test(text);
  // One number with a decimal comma, as like as not.
  if (/^[-+]?\d+,\d+$/.test(text)) return null;
  const found = link ? LINKS.map((each) => each.exec(text)).find(Boolean) : (POINTS.exec(text) ?? COMMAS.exec(text));
  if (!found) return null;
  const [latitude, longitude] = found.slice(1, 3).map((each) => Number(each.replace(",", ".")));
  if (latitude === undefined || longitude === undefined || Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return null;
  return { latitude: rounded(latitude), longitude: rounded(longitude) };
}

export function pointText({ latitude, longitude }: Point): string {
  return `${rounded(latitude)}, ${rounded(longitude)}`;
}

/** To a hand's breadth. */
function rounded(degrees: number): number {
  return Number(degrees.toFixed(6));
}

/** A map that shows it. */
export function mapOf({ latitude, longitude }: Point): string {
  return `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
